// The values as they were last told, and who draws them. A value is kept with its quality and its time, never alone.
//
// What changed is only marked; the drawing happens at the next frame of the screen, so a burst costs one drawing.

import { BAD, GOOD, isForced, isOld, reason, severity } from "./quality.js";
import { nsToMs } from "./format.js";

export class Values {
  #entries = new Map();
  #watchers = new Map();
  #dirty = new Set();
  #asked = false;
  #tagOf;
  #now;
  #isFresh;

  /** `tagOf(name)` describes a tag, `now()` is the plant's UTC in ms, `isFresh()` whether the page is told anything. */
  constructor({ tagOf, now, isFresh }) {
    this.#tagOf = tagOf;
    this.#now = now;
    this.#isFresh = isFresh;
  }

  /** Rows of a delta: `[id, value, quality, source time in ns]`, told at `t_ms`; of a snapshot (`whole`), which tells
   *  what is and not when it changed. */
  apply(rows, names, t_ms, whole = false) {
    for (const [id, value, quality, source] of rows) {
      const name = names.get(id);
      if (name === undefined) continue;
      const before = this.#entries.get(name);
      const old = isOld(quality);
      this.#entries.set(name, {
        value,
        quality,
        source_ms: nsToMs(source ?? 0),
        told_ms: t_ms,
        old_since_ms: old ? (before?.old_since_ms ?? t_ms) : null,
        changed_ms: before && before.value === value ? before.changed_ms : before && !whole ? t_ms : null,
      });
      this.#mark(name);
    }
  }

  /** What was told last of a point, or undefined. */
  read(name) {
    return this.#entries.get(name);
  }

  /** The number of a point, NaN where there is none. */
  number(name) {
    const value = this.#entries.get(name)?.value;
    return value === null || value === undefined ? NaN : value;
  }

  /** Draw whenever one of the points changes, and once now. */
  watch(names, draw, scope) {
    const watcher = { draw, scope };
    for (const name of names.filter(Boolean)) {
      if (!this.#watchers.has(name)) this.#watchers.set(name, new Set());
      this.#watchers.get(name).add(watcher);
      scope.add(() => this.#watchers.get(name)?.delete(watcher));
    }
    draw();
  }

  /** Draw everything again: freshness changed, or ages went on. */
  drawAll() {
    for (const watchers of this.#watchers.values()) for (const watcher of watchers) this.#dirty.add(watcher);
    this.#ask();
  }

  #mark(name) {
    for (const watcher of this.#watchers.get(name) ?? []) this.#dirty.add(watcher);
    if (this.#dirty.size) this.#ask();
  }

  // A hidden page gets no frames; then a timer draws, so that what is marked cannot pile up over days.
  #ask() {
    if (this.#asked) return;
    this.#asked = true;
    if (document.hidden) setTimeout(() => this.#draw(), 200);
    else requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#asked = false;
    const dirty = this.#dirty;
    this.#dirty = new Set();
    for (const watcher of dirty) if (!watcher.scope.ended) watcher.draw();
  }

  /** How a point stands: `{state, reason, age_ms, forced}`; state is good, uncertain, bad, old or none. */
  standing(name) {
    const entry = this.#entries.get(name);
    if (!entry) return { state: this.#isFresh() ? "none" : "old", reason: "", age_ms: NaN, forced: false };
    const forced = isForced(entry.quality);
    const why = reason(entry.quality);
    if (isOld(entry.quality)) return { state: "old", reason: why, age_ms: this.age_ms(name), forced };
    if (!this.#isFresh()) return { state: "old", reason: "link", age_ms: this.age_ms(name), forced };
    const level = severity(entry.quality);
    const state = level === GOOD ? "good" : level === BAD ? "bad" : "uncertain";
    return { state, reason: why, age_ms: this.age_ms(name), forced };
  }

  /** How old a value is: from its source's time; where a device tells none, from when the scan called it old. */
  age_ms(name) {
    const entry = this.#entries.get(name);
    if (!entry) return NaN;
    const now = this.#now();
    if (entry.source_ms > 0 && entry.source_ms <= now + 1000) return now - entry.source_ms;
    if (entry.old_since_ms !== null) return now - entry.old_since_ms + (this.#tagOf(name).stale_after_ms ?? 0);
    return this.#isFresh() ? 0 : now - entry.told_ms;
  }
}
