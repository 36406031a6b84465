// What the page has to say beside its values: failures stay until a person dismisses them, notes go by themselves. What
// was done as it was wanted can be seen where it was done; it is said to who listens, in one sentence.

import { el } from "./dom.js";
import { t } from "./texts.js";

const NOTE_MS = 8000;
const MOST = 5;
const SPOKEN_MS = 300; // what comes within is said together
const SPOKEN_MOST = 3;

export class Messages {
  node = el("section", { class: "messages", "aria-label": t("messages.title") });
  #urgent = el("div", { role: "alert" });
  #calm = el("div", { role: "status" });
  #spoken = el("div", { role: "status", class: "unseen spoken" });
  #toSay = [];

  constructor() {
    this.node.append(this.#urgent, this.#calm, this.#spoken);
  }

  /** Said to who listens and not shown: that something was done. */
  say(text) {
    this.#toSay.push(text);
    if (this.#toSay.length === 1) setTimeout(() => this.#speak(), SPOKEN_MS);
  }

  #speak() {
    const texts = this.#toSay;
    this.#toSay = [];
    const more = texts.length > SPOKEN_MOST ? [t("messages.more", { n: texts.length - SPOKEN_MOST })] : [];
    this.#spoken.replaceChildren(el("p", {}, [...texts.slice(0, SPOKEN_MOST), ...more].join(" ")));
  }

  #add(place, kind, text) {
    const close = el("button", { type: "button", class: "close", "aria-label": t("messages.dismiss") }, "×");
    const line = el("p", { class: `message ${kind}` }, el("span", {}, text), close);
    close.addEventListener("click", () => line.remove());
    place.append(line);
    while (place.children.length > MOST) place.firstChild.remove();
    return line;
  }

  /** Something did not happen that a person wanted: stays until dismissed. */
  fail(text) {
    this.#add(this.#urgent, "failure", text);
  }

  /** Good to know: gone after some seconds. */
  note(text) {
    const line = this.#add(this.#calm, "note", text);
    setTimeout(() => line.remove(), NOTE_MS);
  }

  /** The newest message is dismissed; false where there is none. */
  dismiss() {
    const last = this.node.querySelector("p.message:last-of-type");
    last?.remove();
    return Boolean(last);
  }
}
