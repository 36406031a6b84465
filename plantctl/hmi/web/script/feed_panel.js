// Where the plant's data goes: how each sink is, how far behind, and what to do where it needs somebody.
//
// A sink at work is told in plain words; one that somebody should look at is marked, and says what to do.

import { el, setText } from "./dom.js";
import { timeText } from "./format.js";
import { lastChange } from "./history.js";
import { t } from "./texts.js";
import { valueCell } from "./value_cell.js";

const AT_WORK = ["idle", "running", "filling"];
const COUNTED = ["lag", "missing", "quarantined", "lost"];

// The word of a sink's state as it was told last, `running` or `not-admitted`; "" where none was.
function stateWord(app, feed) {
  const point = feed.points.state;
  return app.plant.tag(point).states?.[String(app.values.number(point))] ?? "";
}

/** Whether somebody should look at a sink, as it was told last. */
export function needsSomebody(app, feed) {
  return !["", ...AT_WORK].includes(stateWord(app, feed));
}

function advice(app, feed, word) {
  const lines = needsSomebody(app, feed) ? [t(`feed.do.${word}`)] : [];
  if (app.values.number(feed.points.quarantined) > 0) lines.push(t("feed.do.quarantined", { feed: feed.feed }));
  if (app.values.number(feed.points.lost) > 0) lines.push(t("feed.do.lost"));
  return lines.join("; ");
}

// Since when a sink is as it is: from what the page saw, else from the record, a day back.
function sinceCell(app, feed, scope) {
  const node = el("td", {});
  const point = feed.points.state;
  let told = "";
  const show = (at_ms) =>
    setText(
      node,
      Number.isFinite(at_ms) ? t("feed.since", { time: timeText(at_ms, app.link.now(), 0) }) : t("feed.since.unknown"),
    );
  const draw = (word) => {
    if (word === told) return;
    told = word;
    setText(node, "");
    if (!word) return;
    const { changed_ms } = app.values.read(point);
    if (changed_ms) return void show(changed_ms);
    lastChange(point, app.link.now()).then((at_ms) => {
      if (!scope.ended && told === word && !app.values.read(point)?.changed_ms) show(at_ms);
    });
  };
  return { node, draw };
}

function feedRow(app, feed, scope) {
  const state = el("td", { class: "state" });
  const since = sinceCell(app, feed, scope);
  const todo = el("td", {});
  const node = el(
    "tr",
    { "data-row": `feed.${feed.feed}`, tabindex: -1 },
    el("th", { scope: "row" }, feed.feed),
    state,
    since.node,
    COUNTED.map((what) => el("td", {}, valueCell(app, feed.points[what], scope))),
    todo,
    el("td", {}, feed.kind),
  );
  app.values.watch(
    Object.values(feed.points),
    () => {
      const word = app.values.standing(feed.points.state).state === "good" ? stateWord(app, feed) : "";
      setText(state, t(`feed.${word || "not_told"}`));
      since.draw(word);
      setText(todo, word ? advice(app, feed, word) : "");
    },
    scope,
  );
  return node;
}

/** The table of sinks; nothing where the plant has none. */
export function feedPanel(app, scope) {
  if (!app.plant.feeds.length) return [];
  const columns = ["feed", "state", "since", ...COUNTED, "do", "kind"];
  const heads = columns.map((key) => el("th", { scope: "col" }, t(`feed.column.${key}`)));
  return [
    el("h2", { id: "feeds" }, t("feed.heading")),
    el(
      "table",
      { "aria-labelledby": "feeds" },
      el("thead", {}, el("tr", {}, heads)),
      el(
        "tbody",
        { "data-rows": "" },
        app.plant.feeds.map((feed) => feedRow(app, feed, scope)),
      ),
    ),
  ];
}
