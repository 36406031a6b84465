// The laboratory's book as the plant has it: read when a screen shows it, and anew after whatever is done to it, here
// or elsewhere. What is asked of it is answered when it is on disk, or refused in the plant's own words.

import { nsToMs } from "./format.js";
import { t } from "./texts.js";

const LAST = 6; // samples of each tag; what waits for a signature is told however old it is
// An event is told before its record is on disk, from where the book is read.
const AFTER_EVENT_MS = 1500;
const ANEW_MS = 60_000;
const ADDRESS = "/api/v1/lab";

/** Who an actor is, whatever is said of the way by which he came: `ann` of `ann (operator)`. */
export function personOf(actor) {
  return actor.split(" (")[0];
}

/** Who gave the value of an entry as it stands, and whether it was corrected. */
export function givenBy(entry) {
  const given = entry.steps.filter(({ do: what }) => what === "entered" || what === "corrected").at(-1);
  return { person: personOf(given.actor), corrected: given.do === "corrected", given: given.given };
}

/** Who signed an entry as it stands; "" where nobody did, or nobody has to. */
export function signedBy(entry) {
  const last = entry.steps.at(-1);
  return entry.state === "signed" && last.do === "signed" ? personOf(last.actor) : "";
}

/** When the sample of an entry was taken, ms since 1970. */
export function sampledMs(entry) {
  return nsToMs(entry.sampled);
}

/** A key under which a request acts once, however often it is given. */
export function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Ask for something to be done: `{entry}` as it stands then, or `{refused: {detail, field}}`. */
export async function giveLab(asked) {
  const response = await fetch(ADDRESS, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked),
    credentials: "same-origin",
  }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (response?.ok && answer) return { entry: answer };
  return { refused: { detail: answer?.detail ?? t("lab.no_answer"), field: answer?.field ?? "" } };
}

/** Keeps `draw(entries, problem)` up to date until the scope ends; gives what reads the book anew. */
export function labBook(app, scope, draw) {
  const tags = new Set(app.plant.laboratory.map((each) => each.tag));
  let asked = 0;
  let later = 0;
  const read = async () => {
    const mine = ++asked;
    const response = await fetch(`${ADDRESS}?last=${LAST}`, { credentials: "same-origin" }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (scope.ended || mine !== asked) return; // an answer that came later is newer
    if (response?.ok && answer) draw(answer.entries, "");
    else draw(null, answer?.detail ?? t("lab.not_read"));
  };
  app.journal.listen((event) => {
    if (event && !tags.has(event.target)) return;
    clearTimeout(later);
    later = setTimeout(read, AFTER_EVENT_MS);
  }, scope);
  scope.add(() => clearTimeout(later));
  scope.every(ANEW_MS, read);
  read();
  return read;
}
