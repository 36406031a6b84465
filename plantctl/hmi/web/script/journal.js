// What happened, newest first, with a bound: what this page was told since it was opened, and what the plant tells of
// the time before. Since when the list is whole is told with it; older events are in the plant's log.

import { nsToMs } from "./format.js";

const KEPT = 1000;
const AGAIN_MS = 3000;

// An event that came over the connection and stands in the plant's answer as well is one event.
const keyOf = ({ t, kind, target, old, new: now, actor }) => [t, kind, target, old, now, actor].join("\n");

export class Journal {
  #listeners = new Set();
  #number = 0;
  #asking = false;
  events = [];
  /** Since when nothing is left out: `t_ms`, and `why` it begins there; `asked` until the plant has answered. Changes
   *  of quality are all there from `quality_ms` on, where that is later. */
  begin = { t_ms: NaN, why: "asked" };

  /** An event as the gateway told it. */
  take(message) {
    this.add({ ...message, t_ms: nsToMs(message.t) });
  }

  add(event) {
    event.number = ++this.#number;
    this.events.unshift(event);
    this.#bound();
    for (const act of this.#listeners) act(event);
  }

  /** Ask the plant what happened before: when the page opens, and when it may have missed something. */
  async ask() {
    if (this.#asking) return;
    this.#asking = true;
    const answer = await fetch("/api/v1/events", { credentials: "same-origin" })
      .then((response) => (response.ok ? response.json() : null))
      .catch(() => null);
    this.#asking = false;
    if (answer?.events) this.#merge(answer);
    else if (this.begin.why === "asked") setTimeout(() => this.ask(), AGAIN_MS);
  }

  #merge({ since, quality_since, why, events }) {
    const known = new Set(this.events.map(keyOf));
    const missed = events
      .filter((event) => !known.has(keyOf(event)))
      .map((event) => ({ ...event, t_ms: nsToMs(event.t), number: ++this.#number }));
    this.events = [...this.events, ...missed.reverse()].sort((a, b) => b.t_ms - a.t_ms);
    this.begin = { t_ms: nsToMs(since), quality_ms: nsToMs(quality_since), why };
    this.#bound();
    for (const act of this.#listeners) act(null);
  }

  #bound() {
    if (this.events.length <= KEPT) return;
    this.events.length = KEPT;
    this.begin = { t_ms: this.events.at(-1).t_ms, why: "many" };
  }

  /** Call `act` with each event that comes, and with null where older ones came among those that are there. */
  listen(act, scope) {
    this.#listeners.add(act);
    scope.add(() => this.#listeners.delete(act));
  }
}
