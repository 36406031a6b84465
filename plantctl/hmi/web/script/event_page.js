// What happened and who did what: the last events with their beginning, and the commands given here with their stages.

import { el, setText } from "./dom.js";
import { nsToMs, timeText, valueText } from "./format.js";
import { t } from "./texts.js";

const SHOWN = 300;
const HEADS = ["time", "kind", "target", "change", "actor", "text"];

// A number of a tag with its decimals; a state or a mode is a word already.
function valueOf(app, event, value) {
  const point = app.plant.points.get(event.target);
  const text = word(value);
  return point && !point.states && text !== "" && Number.isFinite(Number(text)) ? valueText(point, Number(text)) : text;
}

function word(value) {
  return value === null || value === undefined || value === "" ? "" : String(value);
}

function eventRow(app, event) {
  const alarm = app.plant.alarms.get(event.target);
  // What the scan writes for an acknowledgement and for a reset is a request of its own: 0 to 1, and 1 to 0.
  const change =
    alarm && event.kind === "command"
      ? t(word(event.new) === "1" ? "event.acknowledged" : "event.reset")
      : [event.old, event.new]
          .map((value) => valueOf(app, event, value))
          .filter(Boolean)
          .join(" → ");
  const what = alarm ? alarm.text : event.text;
  const text = [event.reason && t("event.reason", { reason: event.reason }), what].filter(Boolean).join("; ");
  return el(
    "tr",
    { "data-row": event.number, class: `kind-${event.kind}` },
    el("td", { class: "time" }, timeText(event.t_ms, app.link.now(), 3)),
    el("td", {}, event.kind),
    el("td", {}, word(event.target)),
    el("td", {}, change),
    el("td", {}, word(event.actor)),
    el("td", {}, text),
  );
}

function commandItem(app, record) {
  const stages = record.stages.map(({ stage, t: time }) => {
    const at_ms = nsToMs(time ?? 0);
    return el(
      "span",
      { class: "step" },
      t(`stage.${stage}`),
      at_ms > 0 ? el("small", {}, ` ${timeText(at_ms, undefined, 3)}`) : null,
    );
  });
  const why = [record.code, record.detail].filter(Boolean).join(": ");
  return el(
    "li",
    { class: record.done ? record.stage : "open", "data-row": record.id },
    el("span", { class: "time" }, timeText(record.given_ms, undefined, 1)),
    " ",
    el("strong", {}, record.says),
    record.reason ? ` (${record.reason})` : "",
    el("div", { class: "steps" }, stages.length ? stages : t("stage.queued")),
    why ? el("div", { class: "why" }, why) : null,
  );
}

/** The screen of events and commands. */
export function eventScreen(app, scope) {
  const body = el("tbody", { "data-rows": "" });
  const count = el("p", { class: "summary", role: "status" });
  const filter = el("input", { type: "search", id: "event-filter", autocomplete: "off" });
  const commands = el("ol", { class: "command-log", "data-rows": "" });
  const fits = (event) => {
    const asked = filter.value.trim().toLowerCase();
    return (
      !asked ||
      [event.kind, event.target, event.actor, event.reason, event.text, event.old, event.new].some((each) =>
        word(each).toLowerCase().includes(asked),
      )
    );
  };
  const empty = el("p", { class: "empty" }, t("event.none"));
  const tellCount = () => {
    const { t_ms, quality_ms, why } = app.journal.begin;
    const since = why === "asked" ? "" : timeText(t_ms, app.link.now(), 0);
    const quality =
      quality_ms > t_ms ? t("event.quality_since", { since: timeText(quality_ms, app.link.now(), 0) }) : "";
    const beginning = t(`event.since.${why}`, { since });
    setText(count, t("event.count", { n: app.journal.events.length, since: beginning + quality }));
    empty.hidden = body.children.length > 0;
  };
  const drawAll = () => {
    body.replaceChildren(
      ...app.journal.events
        .filter(fits)
        .slice(0, SHOWN)
        .map((event) => eventRow(app, event)),
    );
    tellCount();
  };
  const drawCommands = () =>
    commands.replaceChildren(
      ...(app.commands.log.length
        ? app.commands.log.map((record) => commandItem(app, record))
        : [el("li", { class: "empty" }, t("command.none"))]),
    );
  filter.addEventListener("input", drawAll);
  app.journal.listen((event) => {
    if (!event) return drawAll();
    if (fits(event)) body.prepend(eventRow(app, event));
    while (body.children.length > SHOWN) body.lastChild.remove();
    return tellCount();
  }, scope);
  app.commands.listen(drawCommands, scope);
  drawAll();
  drawCommands();
  return el(
    "div",
    { class: "event-page" },
    el(
      "section",
      { "aria-label": t("screen.events") },
      el(
        "div",
        { class: "bar" },
        el("h2", {}, t("screen.events")),
        count,
        el("label", { for: "event-filter" }, t("event.filter"), " ", filter),
      ),
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            HEADS.map((key) => el("th", { scope: "col" }, t(`event.column.${key}`))),
          ),
        ),
        body,
      ),
      empty,
    ),
    el("section", { "aria-label": t("command.log") }, el("h3", {}, t("command.log")), commands),
  );
}
