// The connection to the gateway: snapshot, deltas by sequence, heartbeats, resume, stated gaps.
//
// Rules. The page is fresh only while heartbeats come and the scan is alive; 1.5 s without one is stale (the rule is
// 2 s, the rest is for a busy browser). A delta counts once, by its sequence. What was missed is resumed, or stated
// as a gap. Nothing is ever kept here to be sent later: a message that cannot leave now is refused.

import { nsToMs } from "./format.js";

const SILENT_MS = 1500;
const GIVE_UP_MS = 6000;
const CHECK_MS = 100;
const RETRY_MS = [200, 400, 800, 1500];
const DEAD = new Set(["scan-dead", "scan-replaced"]);
const SESSION_OVER = 4001;

export class Link {
  #told;
  #points;
  #socket = null;
  #names = new Map();
  #epoch = "";
  #seq = -1;
  #event = -1;
  #ready = false;
  #heard_ms = -Infinity;
  #plant = { utc_ms: NaN, at_ms: 0 };
  #attempts = 0;
  #ended = false;
  #dropped_ms = null;

  fresh = false;
  why = "connecting";
  state = "";
  scan_age_ms = NaN;
  field_age_ms = NaN;
  duplicates = 0;
  invalid = [];

  /** `told` has hello, rows, devices, event, stage, error, gap, freshness, refused: what the page does with each. */
  constructor(points, told) {
    this.#points = points;
    this.#told = told;
  }

  start() {
    setInterval(() => this.check(), CHECK_MS);
    document.addEventListener("visibilitychange", () => this.check());
    this.#connect();
  }

  /** The plant's UTC now, in ms: the time last told, and what passed since. */
  now() {
    if (!Number.isFinite(this.#plant.utc_ms)) return Date.now();
    return this.#plant.utc_ms + performance.now() - this.#plant.at_ms;
  }

  /** How long nothing was heard, in ms. */
  silence_ms() {
    return performance.now() - this.#heard_ms;
  }

  get seq() {
    return this.#seq;
  }

  /** Send now or not at all: false where the page is not fresh. */
  send(message) {
    this.check();
    if (!this.fresh || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Judge freshness; called by a timer, and before anything is sent. */
  check() {
    const silence_ms = this.silence_ms();
    const open = this.#socket?.readyState === WebSocket.OPEN;
    if (!open) this.#judge(this.#dropped_ms === null ? "connecting" : "closed");
    else if (!this.#ready) this.#judge("connecting");
    else if (silence_ms >= SILENT_MS) this.#judge("silent");
    else if (DEAD.has(this.state)) this.#judge(this.state);
    else this.#judge("");
    if (open && silence_ms >= GIVE_UP_MS && this.#heard_ms > 0) this.#drop();
  }

  #judge(why) {
    const fresh = why === "";
    if (fresh === this.fresh && why === this.why) return;
    this.fresh = fresh;
    this.why = why;
    this.#told.freshness(fresh, why);
  }

  #connect() {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/live`);
    this.#socket = socket;
    this.#ready = false;
    let greeted = false;
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      const message = JSON.parse(data);
      if (message.type === "hello") greeted = true;
      this.#take(message);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      this.#drop();
      if (!greeted || code === SESSION_OVER) this.#told.refused();
    });
  }

  // Forget the socket (it may be half open) and try again soon, with a little chance so that pages do not come at once.
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
    if (this.#ended) return;
    this.#dropped_ms ??= performance.now();
    this.check();
    const wait_ms = RETRY_MS[Math.min(this.#attempts, RETRY_MS.length - 1)] * (0.8 + 0.4 * Math.random());
    this.#attempts += 1;
    setTimeout(() => this.#connect(), wait_ms);
  }

  /** No further attempts: nobody is signed in. */
  end() {
    this.#ended = true;
    this.#drop();
  }

  #take(message) {
    this.#heard_ms = performance.now();
    const act = this[`_${message.type}`];
    if (act) act.call(this, message);
    this.check();
  }

  #time(t) {
    if (t === undefined) return;
    this.#plant = { utc_ms: nsToMs(t), at_ms: performance.now() };
  }

  // A hello in the middle of a conversation begins another epoch: the subscription stands, a gap and a snapshot follow.
  _hello(message) {
    const again = this.#ready;
    const known = this.#seq >= 0 ? { epoch: this.#epoch, seq: this.#seq } : null;
    if (known && this.#event >= 0) known.n = this.#event;
    if (message.epoch !== this.#epoch) {
      this.#epoch = message.epoch;
      this.#seq = -1;
      this.#event = -1;
    }
    this.#told.hello(message);
    if (!again) this.#subscribe(known ? { resume: known } : {});
  }

  #subscribe(resume) {
    this.#socket.send(JSON.stringify({ type: "sub", id: 1, tags: this.#points, ...resume }));
  }

  _sub_ok(message) {
    this.#names = new Map(Object.entries(message.map).map(([id, name]) => [Number(id), name]));
    this.invalid = message.invalid ?? [];
    if (this.#seq >= 0) this.#live();
  }

  #live() {
    this.#ready = true;
    this.#attempts = 0;
    this.#dropped_ms = null;
  }

  _snap(message) {
    this.#time(message.t);
    this.#seq = message.seq;
    this.#live();
    this.#told.rows(message.v, this.#names, nsToMs(message.t), true);
  }

  _delta(message) {
    if (message.seq <= this.#seq) {
      this.duplicates += 1;
      return;
    }
    if (this.#seq >= 0 && message.seq > this.#seq + 1) {
      // No gap was stated for what is missing here: it is stated now, and all values are asked for anew.
      this.#told.gap({ from: this.#seq + 1, to: message.seq - 1, why: "hole", t_ms: this.now() });
      this.#subscribe({});
    }
    this.#time(message.t);
    this.#seq = message.seq;
    this.#told.rows(message.v, this.#names, nsToMs(message.t), false);
  }

  _hb(message) {
    this.#time(message.t);
    this.state = message.link ?? "ok";
    this.scan_age_ms = message.scan_age_ms;
    this.field_age_ms = message.field_age_ms;
    this.#told.heartbeat?.(message);
  }

  _devices(message) {
    this.#told.devices(message);
  }

  _gap({ from, to, why }) {
    const counted = why !== "other-epoch";
    this.#told.gap({ from: counted ? from : null, to: counted ? to : null, why, t_ms: this.now() });
  }

  _event(message) {
    if (message.n !== undefined && message.n <= this.#event) return;
    this.#event = message.n ?? this.#event;
    this.#told.event(message);
  }

  _stage(message) {
    this.#told.stage(message);
  }

  _error(message) {
    this.#told.error(message);
  }
}
