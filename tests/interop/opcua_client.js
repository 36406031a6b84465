// A node-opcua client for the interoperability tests: signs and encrypts, looks, subscribes, asks, reads the past.
//
//   node opcua_client.js FOLDER URL     FOLDER/own.der, own.key, trusted/*.der, wanted.json
//
// It prints one line of JSON for each thing that it did, as `wanted.json` says: {user, password, namespace, flow,
// setpoint, alarm, begin, end}.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const { OPCUACertificateManager } = require("node-opcua-certificate-manager");
const { OPCUAClient, UserTokenType, AttributeIds, TimestampsToReturn, DataType, Variant } = loaded();

function loaded() {
  return {
    ...require("node-opcua-client"),
    ...require("node-opcua-secure-channel"),
    ...require("node-opcua-variant"),
  };
}

const { MessageSecurityMode, SecurityPolicy } = require("node-opcua-secure-channel");

function tell(what) {
  console.log(JSON.stringify(what));
}

function code(status) {
  return status.name;
}

async function changes(session, nodeId, count) {
  const subscription = await session.createSubscription2({
    requestedPublishingInterval: 100,
    requestedLifetimeCount: 100,
    requestedMaxKeepAliveCount: 10,
    publishingEnabled: true,
  });
  const item = await subscription.monitor(
    { nodeId, attributeId: AttributeIds.Value },
    { samplingInterval: 100, discardOldest: true, queueSize: 50 },
    TimestampsToReturn.Both,
  );
  const values = [];
  await new Promise((done) => {
    item.on("changed", (value) => {
      // One notification may bring more than were waited for: the rest comes after the answer was given.
      if (values.length < count) values.push(value.value.value);
      if (values.length === count) done();
    });
  });
  await subscription.terminate();
  return values;
}

async function main(folder, url) {
  const wanted = JSON.parse(fs.readFileSync(path.join(folder, "wanted.json"), "utf8"));
  const certificates = new OPCUACertificateManager({
    rootFolder: path.join(folder, "pki"),
    automaticallyAcceptUnknownCertificate: false,
  });
  await certificates.initialize();
  for (const name of fs.readdirSync(path.join(folder, "trusted"))) {
    await certificates.trustCertificate(fs.readFileSync(path.join(folder, "trusted", name)));
  }
  const client = OPCUAClient.create({
    applicationName: "client",
    certificateFile: path.join(folder, "own.der"),
    privateKeyFile: path.join(folder, "own.key"),
    clientCertificateManager: certificates,
    securityMode: MessageSecurityMode.SignAndEncrypt,
    securityPolicy: SecurityPolicy[wanted.policy],
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
  });
  await client.connect(url);
  const session = await client.createSession({
    type: UserTokenType.UserName,
    userName: wanted.user,
    password: wanted.password,
  });
  const index = (await session.readNamespaceArray()).indexOf(wanted.namespace);
  const id = (name) => `ns=${index};s=${name}`;
  const objects = await session.browse("ObjectsFolder");
  const plant = objects.references.find((reference) => reference.nodeId.namespace === index);
  const below = await session.browse(plant.nodeId);
  tell({ browsed: plant.browseName.name, below: below.references.map((reference) => reference.browseName.name) });
  const read = await session.read([
    { nodeId: id(wanted.flow), attributeId: AttributeIds.Value },
    { nodeId: id(`${wanted.flow}/EURange`), attributeId: AttributeIds.Value },
    { nodeId: id(`${wanted.flow}/EngineeringUnits`), attributeId: AttributeIds.Value },
  ]);
  tell({
    read: read[0].value.value,
    status: code(read[0].statusCode),
    timed: read[0].sourceTimestamp !== null,
    high: read[1].value.value.high,
    unit: read[2].value.value.displayName.text,
    number: read[2].value.value.unitId,
  });
  tell({ changes: await changes(session, id(wanted.flow), 8) });
  const written = await session.write({
    nodeId: id(wanted.setpoint),
    attributeId: AttributeIds.Value,
    value: { value: { dataType: DataType.Double, value: 8.1 } },
  });
  const fault = await session.write({
    nodeId: id(wanted.flow),
    attributeId: AttributeIds.Value,
    value: { value: { dataType: DataType.Double, value: 8.1 } },
  });
  tell({ written: code(written), refused: code(fault) });
  const called = await session.call({
    objectId: id(`/alarm/${wanted.alarm}`),
    methodId: id("/method/Acknowledge"),
    inputArguments: [new Variant({ dataType: DataType.String, value: "seen from afar" })],
  });
  tell({ called: code(called.statusCode), told: called.outputArguments.map((argument) => argument.value) });
  const past = await session.readHistoryValue(id(wanted.flow), new Date(wanted.begin), new Date(wanted.end), {
    isReadModified: false,
    returnBounds: false,
  });
  tell({
    past: past.historyData.dataValues.map((value) => value.value.value),
    stamps: past.historyData.dataValues.map((value) => value.sourceTimestamp.toISOString()),
  });
  await session.close();
  await client.disconnect();
}

main(process.argv[2], process.argv[3]).catch((fault) => {
  console.error(fault);
  process.exit(1);
});
