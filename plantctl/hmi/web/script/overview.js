// The circuit at a glance: the groups of a display, each item with its value, its indicator, its mode and worst alarm.

import { el, setAttribute, setClass, setText, svg } from "./dom.js";
import { alarmPlace } from "./alarm_shape.js";
import { indicator } from "./indicator.js";
import { modeWord } from "./modes.js";
import { valueCell, valueSentence } from "./value_cell.js";
import { t } from "./texts.js";

const PICTURES = new Set(["indicator"]);
const SYMBOLS = {
  state: "M4 3h22v14h-22z",
  valve: "M3 3v14l12-7 12 7v-14l-12 7z",
  pump: "M15 1.5a8.5 8.5 0 1 0 .01 0zM10 4.5l13 5.5-13 5.5",
};

function alarmOf(app, tags, scope) {
  const place = alarmPlace();
  const draw = () => place.show(app.alarms.worstOf(tags));
  app.alarms.listen(draw, scope);
  draw();
  return place.node;
}

function openButton(app, name, text) {
  return el(
    "button",
    { type: "button", class: "name", title: text, "data-open": name, on: { click: () => app.openFaceplate(name) } },
    el("span", { class: "tag" }, name),
    el("span", { class: "text" }, text),
  );
}

function loopRow(app, loop, scope) {
  const mode = el("span", { class: "mode" });
  app.values.watch(
    [loop.points.mode],
    () => {
      const number = app.values.number(loop.points.mode);
      setText(mode, modeWord(number));
      mode.classList.toggle("old", app.values.standing(loop.points.mode).state === "old");
      setClass(
        mode,
        ["automatic", "by-hand", "driven"],
        number >= 4 ? "automatic" : number === 3 ? "by-hand" : "driven",
      );
    },
    scope,
  );
  return el(
    "li",
    { class: "item loop", "data-row": loop.loop },
    alarmOf(app, [loop.pv, loop.loop], scope),
    openButton(app, loop.loop, loop.text),
    indicator(app, loop.pv, scope, { setpoint: loop.points.sp }),
    valueCell(app, loop.pv, scope),
    mode,
  );
}

// A state is a word in a frame: filled lighter while it runs or is open, plain and darker while it stands or is closed.
function stateRow(app, item, scope) {
  const cell = valueCell(app, item.tag, scope);
  const outline = SYMBOLS[item.show] ?? SYMBOLS.state;
  const symbol = svg("svg", { role: "img", viewBox: "0 0 30 20", width: 30, height: 20 }, svg("path", { d: outline }));
  app.values.watch(
    [item.tag],
    () => {
      const value = app.values.number(item.tag);
      const { state } = app.values.standing(item.tag);
      setAttribute(symbol, "class", `symbol ${state === "good" ? (value > 0 ? "on" : "off") : state}`);
      setAttribute(symbol, "aria-label", valueSentence(app, item.tag));
    },
    scope,
  );
  return el(
    "li",
    { class: "item state", "data-row": item.tag },
    alarmOf(app, [item.tag], scope),
    openButton(app, item.tag, app.plant.tag(item.tag).text),
    symbol,
    cell,
    el("span", { class: "mode" }),
  );
}

function tagRow(app, item, scope) {
  const tag = app.plant.tag(item.tag);
  const ranged = Number.isFinite(tag.low) && Number.isFinite(tag.high);
  const picture =
    ranged && !tag.states && (PICTURES.has(item.show) || item.show === undefined)
      ? indicator(app, item.tag, scope)
      : el("span", { class: "no-picture" });
  return el(
    "li",
    { class: "item", "data-row": item.tag },
    alarmOf(app, [item.tag], scope),
    openButton(app, item.tag, tag.text),
    picture,
    valueCell(app, item.tag, scope),
    el("span", { class: "mode" }),
  );
}

function itemRow(app, item, scope) {
  const loop = item.loop ? app.plant.loops.get(item.loop) : null;
  if (loop) return loopRow(app, loop, scope);
  const states = item.tag && (app.plant.tag(item.tag).states || ["state", "valve", "pump"].includes(item.show));
  return states ? stateRow(app, item, scope) : tagRow(app, item, scope);
}

/** The screen of a display of kind overview. */
export function overviewScreen(app, scope, name) {
  const display = app.plant.display(name) ?? app.plant.displays.find((each) => each.kind === "overview");
  if (!display) return el("p", { class: "empty" }, t("overview.none"));
  return el(
    "div",
    { class: "overview" },
    el("h2", { class: "unseen" }, display.text || display.display),
    display.groups.map((group) =>
      el(
        "section",
        { class: "group", "aria-label": group.text },
        el("h3", {}, group.text),
        el(
          "ul",
          { "data-rows": "" },
          group.items.map((item) => itemRow(app, item, scope)),
        ),
      ),
    ),
  );
}
