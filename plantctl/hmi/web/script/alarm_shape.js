// The sign of an alarm: shape, digit and outline tell priority and state without any colour.
//
//     1 square, 2 triangle, 3 triangle on its tip, 4 circle
//     unacknowledged: second outline, which blinks; acknowledged: plain; returned: hollow and dashed

import { svg } from "./dom.js";
import { STATE_WORDS } from "./alarms.js";
import { t } from "./texts.js";

const PATHS = { 1: "M3 3h18v18h-18z", 2: "M12 2l11 20h-22z", 3: "M12 22l-11-20h22z", 4: "M12 2a10 10 0 1 0 .01 0z" };
const RINGS = {
  1: "M.8.8h22.4v22.4h-22.4z",
  2: "M12-1.6l14.2 25.4h-28.4z",
  3: "M12 25.6l-14.2-25.4h28.4z",
  4: "M12-.6a12.6 12.6 0 1 0 .01 0z",
};
const DIGIT_Y = { 1: 17.2, 2: 19.6, 3: 14.2, 4: 17 };

/** An alarm's sign; `name` is its sentence for those who listen, "" where a text beside it says the same. */
export function alarmShape(priority, state, name = "") {
  const label = name === null ? {} : { role: "img", "aria-label": name || signName(priority, state) };
  return svg(
    "svg",
    {
      class: `alarm-shape p${priority} ${STATE_WORDS[state] ?? "acked"}`,
      viewBox: "-3 -3 30 30",
      width: 22,
      height: 22,
      ...(name === null ? { "aria-hidden": "true" } : label),
    },
    svg("path", { class: "ring", d: RINGS[priority] }),
    svg("path", { class: "body", d: PATHS[priority] }),
    svg("text", { x: 12, y: DIGIT_Y[priority], "text-anchor": "middle" }, String(priority)),
  );
}

/** `priority 2, unacknowledged`. */
export function signName(priority, state) {
  return t("alarm.sign", { priority, state: t(`alarm.state.${STATE_WORDS[state]}`) });
}

/** A place for the sign of the worst alarm of something: `show(row)` draws it, or nothing. */
export function alarmPlace() {
  const node = svg("svg", { class: "alarm-place", viewBox: "0 0 22 22", width: 22, height: 22, "aria-hidden": "true" });
  let shown = "";
  return {
    node,
    show(row) {
      const wanted = row ? `${row.alarm.priority}${row.state}` : "";
      if (wanted === shown) return;
      shown = wanted;
      node.replaceChildren(...(row ? [alarmShape(row.alarm.priority, row.state, null)] : []));
    },
  };
}
