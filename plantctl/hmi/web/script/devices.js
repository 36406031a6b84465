// How the devices are reached, as the gateway tells it once a second: the state of each link, and its last answer.

import { nsToMs } from "./format.js";

export class Devices {
  #links = new Map();
  #told_ms = NaN;
  #utc_ms = NaN;

  /** What the gateway told. */
  take({ t, v }) {
    this.#links = new Map(v.map(([name, link, age_ms]) => [name, { link, age_ms }]));
    this.#told_ms = performance.now();
    this.#utc_ms = nsToMs(t);
  }

  /** The word of a device's link; "" where nothing was told. */
  link(name) {
    return this.#links.get(name)?.link ?? "";
  }

  /** Whether a device is known not to answer as it should. */
  isAway(name) {
    return !["", "up"].includes(this.link(name));
  }

  /** A device's last answer: `{age_ms, utc_ms}`; null where there was none, or nothing was told. */
  lastAnswer(name) {
    const age_ms = this.#links.get(name)?.age_ms ?? null;
    if (age_ms === null) return null;
    return { age_ms: age_ms + performance.now() - this.#told_ms, utc_ms: this.#utc_ms - age_ms };
  }
}
