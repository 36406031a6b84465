// A node-opcua server for the interoperability tests: Basic256Sha256, SignAndEncrypt, a trust list and one account.
//
//   node opcua_server.js FOLDER     FOLDER/own.der, own.key, trusted/*.der, account.json {user, password}
//
// It prints one line of JSON with its port when it listens, writes `SET name value` lines from its input into its
// variables, answers `GET name` with the value, and ends when its input ends.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");
const { OPCUAServer } = require("node-opcua-server");
const { DataType, Variant } = require("node-opcua-variant");

async function main(folder) {
  const account = JSON.parse(fs.readFileSync(path.join(folder, "account.json"), "utf8"));
  const certificates = new OPCUACertificateManager({
    rootFolder: path.join(folder, "pki"),
    automaticallyAcceptUnknownCertificate: false,
  });
  await certificates.initialize();
  for (const name of fs.readdirSync(path.join(folder, "trusted"))) {
    await certificates.trustCertificate(fs.readFileSync(path.join(folder, "trusted", name)));
  }
  const server = new OPCUAServer({
    port: 0,
    host: "127.0.0.1",
    hostname: "127.0.0.1",
    securityModes: [MessageSecurityMode.SignAndEncrypt],
    securityPolicies: [SecurityPolicy.Basic256Sha256],
    allowAnonymous: false,
    certificateFile: path.join(folder, "own.der"),
    privateKeyFile: path.join(folder, "own.key"),
    serverCertificateManager: certificates,
    serverInfo: { applicationUri: account.uri },
    userManager: { isValidUser: (user, password) => user === account.user && password === account.password },
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  const mine = space.registerNamespace(account.namespace);
  const values = {};
  for (const [name, value] of Object.entries(account.variables)) {
    values[name] = mine.addVariable({
      organizedBy: space.rootFolder.objects,
      browseName: name,
      nodeId: `s=${name}`,
      dataType: "Float",
      minimumSamplingInterval: 50,
      accessLevel: "CurrentRead | CurrentWrite",
      userAccessLevel: "CurrentRead | CurrentWrite",
      value: new Variant({ dataType: DataType.Float, value }),
    });
  }
  await server.start();
  console.log(JSON.stringify({ port: server.endpoints[0].port, url: server.getEndpointUrl() }));
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const [verb, name, value] = line.split(" ");
    if (verb === "SET") values[name].setValueFromSource({ dataType: DataType.Float, value: Number(value) });
    if (verb === "GET") console.log(JSON.stringify(values[name].readValue().value.value));
  });
  lines.on("close", async () => {
    await server.shutdown();
    process.exit(0);
  });
}

main(process.argv[2]).catch((fault) => {
  console.error(fault);
  process.exit(1);
});
