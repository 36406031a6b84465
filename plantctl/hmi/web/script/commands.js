// Commands and their fate: each is given once, now, and every stage of it is shown until it is verified or refused.
//
// Rules. Nothing is queued: without a fresh link a command is refused here. A command carries what the person saw
// (`expect`), a reason where asked, a short validity and a key. A broken connection makes the outcome unknown, and
// says so.

import { conditionText } from "./format.js";
import { t } from "./texts.js";

const LAST = new Set(["refused", "verified", "mismatch", "timed-out", "superseded", "expired", "unknown"]);
const FAILED = new Set(["refused", "mismatch", "timed-out", "expired", "superseded", "unknown"]);
const VALID_MS = 3000;
const SETTLE_MS = 4000;
const KEPT = 200;

function key() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Commands {
  #link;
  #messages;
  #session;
  #next = 1;
  #open = new Map();
  #listeners = new Set();
  #now;
  #isVerified;
  log = [];

  /** `isVerified(command, target)`: whether the plant tells more of a command than that it was accepted. */
  constructor({ link, messages, session, now, isVerified }) {
    this.#isVerified = isVerified;
    this.#link = link;
    this.#messages = messages;
    this.#session = session;
    this.#now = now;
  }

  /** Why no command can be given now: "" where one can. */
  barred() {
    if (!this.#link.fresh) return t(`barred.${this.#link.why || "silent"}`);
    if (this.#session.role === "viewer") return t("barred.viewer");
    return "";
  }

  /** Give a command; its record tells what becomes of it; null where it could not leave. `done` is said at its end. */
  give({ command, target, value = null, expect = null, reason = "", says, done = "" }) {
    const barred = this.barred();
    const record = {
      id: this.#next++,
      command,
      target,
      value,
      reason,
      says: says ?? t("command.says", { command, target }),
      stage: "queued",
      code: "",
      detail: "",
      given_ms: this.#now(),
      stages: [],
      done: false,
      spoken: done,
    };
    const message = {
      type: "command",
      id: record.id,
      command,
      target,
      value,
      reason,
      valid_ms: VALID_MS,
      idem: key(),
      dry_run: false,
      seq: Math.max(0, this.#link.seq),
    };
    if (expect !== null) message.expect = { value: expect };
    if (barred || !this.#link.send(message)) {
      this.#messages.fail(t("command.not_sent", { says: record.says, why: barred || t("barred.silent") }));
      return null;
    }
    this.#open.set(record.id, record);
    this.log.unshift(record);
    this.log.length = Math.min(this.log.length, KEPT);
    this.#tell(record);
    return record;
  }

  /** A stage as the gateway told it. */
  stage(message) {
    const record = this.#open.get(message.id);
    if (!record) return;
    record.stage = message.stage;
    record.code = message.code ?? "";
    record.detail = conditionText(message.detail);
    record.readback = message.readback ?? null;
    record.stages.push({ stage: message.stage, t: message.t });
    if (LAST.has(message.stage)) this.#finish(record);
    else if (message.stage === "accepted") {
      if (!this.#isVerified(record.command, record.target)) this.#speak(record);
      setTimeout(() => this.#settle(record), SETTLE_MS);
    }
    this.#tell(record);
  }

  // Once for each command; what failed is told by a message that stays.
  #speak(record) {
    if (record.spoken === null) return;
    this.#messages.say(record.spoken || t("command.done", { says: record.says, stage: t(`stage.${record.stage}`) }));
    record.spoken = null;
  }

  // An acceptance is the last stage of a command that no read-back verifies.
  #settle(record) {
    if (record.done || record.stage !== "accepted") return;
    this.#finish(record);
    this.#tell(record);
  }

  #finish(record) {
    record.done = true;
    this.#open.delete(record.id);
    if (FAILED.has(record.stage)) {
      const why = [record.code, record.detail].filter(Boolean).join(": ");
      this.#messages.fail(t("command.failed", { says: record.says, stage: t(`stage.${record.stage}`), why }));
    } else this.#speak(record);
  }

  /** The connection broke: what was under way has an unknown outcome. */
  lost() {
    for (const record of [...this.#open.values()]) {
      record.stage = "unknown";
      record.detail = t("command.look");
      this.#finish(record);
      this.#tell(record);
    }
  }

  /** Resolves when the plant has answered a command at all, or the connection broke. */
  answered(record) {
    return new Promise((done) => {
      const look = (told) => {
        if (told !== record || (told.stage === "queued" && !told.done)) return;
        this.#listeners.delete(look);
        done(record);
      };
      this.#listeners.add(look);
      look(record);
    });
  }

  /** The command under way for a target, or undefined. */
  pending(target) {
    return this.log.find((record) => record.target === target && !record.done);
  }

  /** Call `act` whenever a command reaches a stage. */
  listen(act, scope) {
    this.#listeners.add(act);
    scope.add(() => this.#listeners.delete(act));
  }

  /** The page saw the value that was asked for: an accepted set-point needs no longer wait. */
  seen(record) {
    if (!record.done && record.stage === "accepted") this.#settle(record);
  }

  #tell(record) {
    for (const act of this.#listeners) act(record);
  }
}
