// The alarms that the state of the plant keeps quiet (ISA-18.2: suppressed by design), and what arms each of them.
//
// They are in no count and have no sign: nothing is to be done. But an operator who waits for an alarm that cannot
// come finds here that it cannot, and why.

import { suppressed } from "./alarms.js";
import { el, setAttribute, setText } from "./dom.js";
import { conditionText, limitText, unitText } from "./format.js";
import { t } from "./texts.js";

const COLUMNS = ["tag", "message", "priority", "limit", "unit", "arm"];

function suppressedRow(app, alarm) {
  const tag = app.plant.tag(alarm.tag);
  const open = { click: () => app.openFaceplate(alarm.tag) };
  return el(
    "tr",
    { "data-row": alarm.alarm, "data-suppressed": alarm.alarm },
    el("td", {}, el("button", { type: "button", class: "name", "data-open": alarm.tag, on: open }, alarm.tag)),
    el("td", { class: "message-text" }, alarm.text || tag.text),
    el("td", { class: "numeric" }, String(alarm.priority)),
    el("td", { class: "numeric" }, tag.states ? "" : limitText({ ...tag, unit: "" }, alarm.limit)),
    el("td", {}, tag.states ? "" : unitText(tag.unit)),
    el("td", { class: "arm" }, conditionText(alarm.arm)),
  );
}

/** `{button, section}`: the button counts them and unfolds the section; both hidden in a plant that arms no alarm. */
export function suppressedAlarms(app, scope) {
  const armed = [...app.plant.alarms.values()].filter((alarm) => alarm.arm && alarm.points?.suppressed);
  const rows = armed.map((alarm) => ({ alarm, node: suppressedRow(app, alarm) }));
  const body = el("tbody", { "data-rows": "" });
  const none = el("p", { class: "empty" }, t("suppressed.none"));
  const table = el(
    "table",
    {},
    el(
      "thead",
      {},
      el(
        "tr",
        {},
        COLUMNS.map((name) => el("th", { scope: "col" }, t(`alarm.column.${name}`))),
      ),
    ),
    body,
  );
  const section = el(
    "section",
    { class: "suppressed", id: "suppressed", "aria-labelledby": "suppressed-title", hidden: true },
    el("h3", { id: "suppressed-title" }, t("suppressed.title")),
    el("p", { class: "summary" }, t("suppressed.says")),
    table,
    none,
  );
  const unfold = () => {
    section.hidden = !section.hidden;
    setAttribute(button, "aria-expanded", String(!section.hidden));
    if (!section.hidden) section.scrollIntoView({ block: "nearest" });
  };
  const button = el("button", {
    type: "button",
    class: "unfold",
    "aria-expanded": "false",
    "aria-controls": "suppressed",
    hidden: !armed.length,
    on: { click: unfold },
  });
  const draw = () => {
    let n = 0;
    for (const { alarm, node } of rows) {
      if (!suppressed(app, alarm)) node.remove();
      // Rows keep the focus: one that stands where it belongs is not moved.
      else if (body.children[n++] !== node) body.insertBefore(node, body.children[n - 1] ?? null);
    }
    none.hidden = n > 0;
    table.hidden = n === 0;
    setText(button, t("suppressed.button", { n }));
  };
  app.values.watch(
    armed.map((alarm) => alarm.points.suppressed),
    draw,
    scope,
  );
  return { button, section };
}
