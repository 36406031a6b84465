// The alarms as they stand: the state of each comes with the values, its guidance with the description.
//
//     normal -> unack -> acked -> normal, and unack -> rtn -> normal where it returned before it was acknowledged
//     one that latches: unack -> latched -> latched-acked -> normal, the last step by a reset
//
// States and their numbers are the scan's (plantctl/blocks/limit_alarm.py); nothing is decided here.

import { lastChange } from "./history.js";

export const NORMAL = 0;
export const UNACK = 1;
export const ACKED = 2;
export const RTN = 3;
export const LATCHED = 4;
export const LATCHED_ACKED = 5;
export const STATE_WORDS = ["normal", "unack", "acked", "rtn", "latched", "latched-acked"];
export const PRIORITIES = [1, 2, 3, 4];
const ORDER = [9, 0, 3, 2, 1, 4];
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
  #asked = new Set();

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
    const { values, link } = this.#app;
    const entry = values.read(point);
    const state = Number.isFinite(entry?.value) ? Math.round(entry.value) : NORMAL;
    const before = this.#standing.get(alarm.alarm);
    if ((before?.state ?? NORMAL) === state) return;
    if (state === NORMAL) {
      this.#standing.delete(alarm.alarm);
    } else {
      const fresh = state === UNACK && before?.state !== UNACK && entry.changed_ms !== null;
      const raised_ms = fresh ? entry.told_ms : (before?.raised_ms ?? NaN);
      const value = fresh ? values.number(alarm.tag) : (before?.value ?? NaN);
      this.#standing.set(alarm.alarm, { alarm, state, raised_ms, value });
      if (Number.isNaN(raised_ms)) this.#askWhen(alarm, point, link.now());
    }
    for (const act of this.#listeners)
      act({ alarm, state, before: before?.state ?? NORMAL, first: entry?.changed_ms === null });
  }

  // An alarm that stood before this page was opened: the history knows since when.
  async #askWhen(alarm, point, now_ms) {
    if (this.#asked.has(alarm.alarm)) return;
    this.#asked.add(alarm.alarm);
    const since_ms = await lastChange(point, now_ms);
    const row = this.#standing.get(alarm.alarm);
    if (!row || !Number.isNaN(row.raised_ms) || Number.isNaN(since_ms)) return;
    row.raised_ms = since_ms;
    for (const act of this.#listeners) act({ alarm, state: row.state, before: row.state, first: true });
  }

  listen(act, scope) {
    this.#listeners.add(act);
    scope.add(() => this.#listeners.delete(act));
  }

  /** An alarm's row `{alarm, state, raised_ms, value}`, or undefined where it is normal. */
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
