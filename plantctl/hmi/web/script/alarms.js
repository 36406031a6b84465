// The alarms as they stand: the state of each comes with the values, its guidance with the description.
//
//     normal -> unack -> acked -> normal, and unack -> rtn -> normal where it returned before it was acknowledged
//     one that latches: unack -> latched -> latched-acked -> normal, the last step by a reset
//
// States and their numbers are the scan's (plantctl/blocks/limit_alarm.py); nothing is decided here.

import { whenRaised } from "./history.js";

export const NORMAL = 0;
export const UNACK = 1;
export const ACKED = 2;
export const RTN = 3;
export const LATCHED = 4;
export const LATCHED_ACKED = 5;
export const STATE_WORDS = ["normal", "unack", "acked", "rtn", "latched", "latched-acked"];
export const PRIORITIES = [1, 2, 3, 4];
const ORDER = [9, 0, 3, 2, 1, 4];
const ASKED_TIMES = 5;
const ASK_AGAIN_MS = 2000;
const WAITS = new Set([UNACK, RTN, LATCHED]);

/** Whether a row waits for an acknowledgement. */
export const waitsForAck = (row) => WAITS.has(row?.state);
/** Whether a row waits for a reset: what it tells of is over, and it latches. */
export const waitsForReset = (row) => row?.state === LATCHED || row?.state === LATCHED_ACKED;
/** Whether what a row tells of still is so. */
export const stands = (row) => row?.state === UNACK || row?.state === ACKED;

/** Whether the plant's state keeps an alarm quiet: it is not armed, and none can come. */
export const suppressed = (app, alarm) =>
  Boolean(alarm.points?.suppressed) && app.values.number(alarm.points.suppressed) === 1;

export class Alarms {
  #app;
  #standing = new Map();
  #listeners = new Set();
  #known = new Set();
  #questions = Promise.resolve();

  constructor(app, scope) {
    this.#app = app;
    for (const alarm of app.plant.alarms.values()) {
      const point = Alarms.statePoint(alarm);
      app.values.watch([point], () => this.#look(alarm, point), scope);
    }
  }

  /** The point that holds an alarm's state. */
  static statePoint(alarm) {
    return alarm.points?.state ?? alarm.alarm;
  }

  #look(alarm, point) {
    const { values } = this.#app;
    const entry = values.read(point);
    if (!entry) return;
    const first = !this.#known.has(point);
    this.#known.add(point);
    const state = Number.isFinite(entry.value) ? Math.round(entry.value) : NORMAL;
    const before = this.#standing.get(alarm.alarm);
    if ((before?.state ?? NORMAL) === state) return;
    if (state === NORMAL) this.#standing.delete(alarm.alarm);
    else this.#standing.set(alarm.alarm, this.#rowOf(alarm, state, entry, before));
    this.#tell({ alarm, state, before: before?.state ?? NORMAL, first });
    if (this.row(alarm.alarm)?.unknown === "asked") this.#ask(alarm, point, ASKED_TIMES);
  }

  // What this page saw come has its time and its value from the connection. What came before the page did, or in a gap,
  // or while a hidden page was not looking, is asked of the history.
  #rowOf(alarm, state, entry, before) {
    const came = state === UNACK && before?.state !== UNACK;
    if (before && !came) return { ...before, state };
    if (!came || entry.changed_ms === null)
      return { alarm, state, raised_ms: NaN, value: NaN, unknown: "asked" };
    const now = this.#app.values.read(alarm.tag);
    const gone_on = now && now.told_ms > entry.told_ms;
    const value = gone_on ? NaN : this.#app.values.number(alarm.tag);
    const unknown = gone_on ? "asked" : Number.isFinite(value) ? "" : "no-value";
    return { alarm, state, raised_ms: entry.told_ms, value, unknown };
  }

  // One question after the other: a page that finds a hundred alarms does not ask for all of them at once.
  #ask(alarm, point, times) {
    const asked = { point, tag: alarm.tag, raised: UNACK };
    this.#questions = this.#questions.then(async () => {
      const { state, unknown } = this.row(alarm.alarm) ?? {};
      if (unknown !== "asked") return;
      const now_ms = this.#app.link.now();
      const told = await whenRaised({ ...asked, now: state, now_ms }).catch(() => ({ why: "unread" }));
      const row = this.row(alarm.alarm);
      if (row?.unknown !== "asked") return;
      // The record is a little behind what is told over the connection.
      if ((told.why === "behind" || told.why === "unread") && times > 1) {
        setTimeout(() => this.#ask(alarm, point, times - 1), ASK_AGAIN_MS);
        return;
      }
      row.raised_ms = Number.isFinite(row.raised_ms) ? row.raised_ms : (told.t_ms ?? NaN);
      row.value = told.value ?? NaN;
      row.unknown = told.why ?? "";
      this.#tell({ alarm, state: row.state, before: row.state, first: true });
    });
  }

  #tell(change) {
    for (const act of this.#listeners) act(change);
  }

  listen(act, scope) {
    this.#listeners.add(act);
    scope.add(() => this.#listeners.delete(act));
  }

  /** An alarm's row `{alarm, state, raised_ms, value, unknown}`, or undefined where it is normal. `value` is what its
   *  tag was when it came; where that is NaN, `unknown` tells why: `asked` (it is being asked), or as `whenRaised`. */
  row(name) {
    return this.#standing.get(name);
  }

  /** Every alarm that is not normal: unacknowledged first, then by priority, then the newest. */
  list() {
    return [...this.#standing.values()].sort(
      (a, b) =>
        ORDER[a.state] - ORDER[b.state] ||
        a.alarm.priority - b.alarm.priority ||
        (b.raised_ms || 0) - (a.raised_ms || 0) ||
        a.alarm.alarm.localeCompare(b.alarm.alarm),
    );
  }

  /** Of one priority: how many stand, how many are over and wait for a person, how many are not acknowledged. */
  count(priority) {
    const rows = this.list().filter((row) => row.alarm.priority === priority);
    const standing = rows.filter(stands).length;
    const fresh = rows.some((row) => row.state === UNACK);
    const state = fresh ? UNACK : standing ? ACKED : RTN;
    return { standing, returned: rows.length - standing, unack: rows.filter(waitsForAck).length, state };
  }

  /** The most important alarm that waits for a person, or undefined. */
  highest() {
    return this.list().find((row) => row.state === UNACK) ?? this.list().find(waitsForAck);
  }

  /** The worst of some tags: its row, or undefined. */
  worstOf(tags) {
    const rows = tags
      .flatMap((tag) => this.#app.plant.alarmsOfTag.get(tag) ?? [])
      .map((alarm) => this.row(alarm.alarm));
    return rows
      .filter(Boolean)
      .sort((a, b) => a.alarm.priority - b.alarm.priority || ORDER[a.state] - ORDER[b.state])[0];
  }
}
