// The keys, the signs and the looks of values, on one page; the same letters as in `plantctl top` where it has them.

import { alarmShape } from "./alarm_shape.js";
import { ACKED, LATCHED_ACKED, PRIORITIES, RTN, UNACK } from "./alarms.js";
import { el } from "./dom.js";
import { t } from "./texts.js";

const PLACES = ["go", "gc", "ga", "gi", "gt", "ge", "gd", "gl"];
const KEYS = [...PLACES, "search", "ack", "face", "arrows", "enter", "esc", "help"];

/** Open the help. */
export function help() {
  const close = el("button", { type: "button" }, t("help.close"));
  const dialog = el(
    "dialog",
    { class: "help", "aria-labelledby": "help-title" },
    el("h2", { id: "help-title" }, t("help.title")),
    el(
      "div",
      { class: "columns" },
      el(
        "dl",
        {},
        KEYS.map((key) => [el("dt", {}, el("kbd", {}, t(`key.${key}`))), el("dd", {}, t(`key.${key}.does`))]),
      ),
      el(
        "div",
        {},
        el("h3", {}, t("help.signs")),
        el(
          "ul",
          { class: "signs" },
          PRIORITIES.map((priority) =>
            el("li", {}, alarmShape(priority, ACKED, null), ` ${t(`alarm.priority.${priority}`)}`),
          ),
          el("li", {}, alarmShape(2, UNACK, null), ` ${t("help.unack")}`),
          el("li", {}, alarmShape(2, RTN, null), ` ${t("help.rtn")}`),
          el("li", {}, alarmShape(2, LATCHED_ACKED, null), ` ${t("help.latched")}`),
        ),
        el("h3", {}, t("help.values")),
        el(
          "ul",
          { class: "signs" },
          el(
            "li",
            {},
            el(
              "span",
              { class: "value old" },
              el("span", { class: "number" }, "8.02"),
              el("span", { class: "beside" }, t("value.old", { age: "12 s" })),
            ),
            ` ${t("help.old")}`,
          ),
          el(
            "li",
            {},
            el("span", { class: "value bad" }, el("span", { class: "number" }, t("value.none"))),
            ` ${t("help.bad")}`,
          ),
          el(
            "li",
            {},
            el("span", { class: "value pending-sample" }, el("span", { class: "number" }, "8.10")),
            ` ${t("help.pending")}`,
          ),
        ),
        el("p", { class: "legend" }, t("help.indicator")),
        el("p", { class: "legend" }, t("help.layer")),
      ),
    ),
    el("div", { class: "buttons" }, close),
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
