// The events since this page was opened, newest first, with a bound; older ones are in the plant's log.

import { nsToMs } from "./format.js";

const KEPT = 1000;

export class Journal {
  #listeners = new Set();
  #number = 0;
  events = [];

  /** An event as the gateway told it. */
  take(message) {
    this.add({ ...message, t_ms: nsToMs(message.t) });
  }

  add(event) {
    event.number = ++this.#number;
    this.events.unshift(event);
    this.events.length = Math.min(this.events.length, KEPT);
    for (const act of this.#listeners) act(event);
  }

  listen(act, scope) {
    this.#listeners.add(act);
    scope.add(() => this.#listeners.delete(act));
  }

  /** When `target` was last told as an event of `kind`, in ms; NaN where it was not. */
  lastOf(kind, target) {
    return this.events.find((event) => event.kind === kind && event.target === target)?.t_ms ?? NaN;
  }
}
