// The keyboard: every screen and every action can be reached without a mouse.
//
// Letters act only outside of fields and dialogs. `g` waits a second and a half for the letter of a screen.

import { acknowledge } from "./alarm_page.js";
import { help } from "./help.js";
import { search } from "./search.js";

const SCREENS = {
  o: "overview",
  c: "cells",
  a: "alarms",
  i: "interlocks",
  t: "trend",
  e: "events",
  d: "devices",
  l: "laboratory",
};
const WAIT_MS = 1500;

function rowsAround(element) {
  const list = element.closest("[data-rows]") ?? document.querySelector("#screen [data-rows]");
  if (!list) return [];
  const shared = list.closest(".overview, .device-page");
  return [...(shared ?? list).querySelectorAll("[data-row]")];
}

function focusRow(row) {
  const target = row.hasAttribute("tabindex") ? row : row.querySelector("button:not([disabled]), a, [tabindex='0']");
  target?.focus();
  row.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const rows = rowsAround(document.activeElement);
  if (!rows.length) return;
  const here = rows.indexOf(document.activeElement.closest("[data-row]"));
  focusRow(rows[here < 0 ? 0 : Math.max(0, Math.min(rows.length - 1, here + by))]);
}

// The row above or below that holds a faceplate's name; what `f` opens.
function nameHere() {
  const here = document.activeElement;
  return (
    here.dataset.open ??
    here.closest("[data-row]")?.querySelector("[data-open]")?.dataset.open ??
    here.closest("[data-point]")?.dataset.point
  );
}

/** Listen to the keyboard for `app`. */
export function keys(app) {
  let since_ms = -Infinity;
  const letters = {
    "/": () => search(app),
    "?": () => help(),
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    f: () => {
      const name = nameHere();
      if (name) app.openFaceplate(name);
      else search(app);
    },
    a: () => {
      const own = document.activeElement.closest("[data-alarm-of]")?.dataset.alarmOf;
      if (own) return void (app.commands.barred() || acknowledge(app, app.alarms.row(own)));
      if (app.ackChosen?.()) return;
      location.hash = "alarms";
      app.focusAlarm = true;
    },
    g: () => {
      since_ms = performance.now();
    },
    Escape: () => app.closeFaceplate() || app.messages.dismiss(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input, textarea, select") && event.key !== "Escape") return;
    const waiting = performance.now() - since_ms < WAIT_MS;
    since_ms = -Infinity;
    const go = waiting ? SCREENS[event.key] : undefined;
    const act = go
      ? () => {
          location.hash = go;
          app.focusScreen = true;
        }
      : letters[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
}
