// Eclipse Tahu's decoder and encoder of Sparkplug payloads, for the tests: one line of JSON in, one line out.
//   {"decode": "<hex>"}   -> the payload as Tahu reads it; whole numbers of 64 bits as text
//   {"encode": {...}}     -> {"hex": "..."}
"use strict";

const readline = require("node:readline");
const { get } = require("sparkplug-payload");

const sparkplug = get("spBv1.0");
const plain = (key, value) => (value && typeof value === "object" && typeof value.toNumber === "function" ? value.toString() : value);

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  let answer;
  try {
    const asked = JSON.parse(line);
    if (asked.decode !== undefined) {
      answer = sparkplug.decodePayload(Buffer.from(asked.decode, "hex"));
    } else {
      answer = { hex: Buffer.from(sparkplug.encodePayload(asked.encode)).toString("hex") };
    }
  } catch (fault) {
    answer = { error: String(fault) };
  }
  process.stdout.write(JSON.stringify(answer, plain) + "\n");
});
