// The faceplate of a PID loop: value, set-point, output; mode, and why a mode does not come; parts, limits, alarms,
// trend.

import { el, setAttribute, setText } from "./dom.js";
import { numberText, unitText } from "./format.js";
import { indicator } from "./indicator.js";
import { MAN, MODES, modeMeaning, modeWord } from "./modes.js";
import { alarmsOf, standingAlarms, tagsOfLoop } from "./faceplate_alarms.js";
import { facts, following, heldBy, interlocksOf, part, sourceWord } from "./faceplate_parts.js";
import { smallTrend } from "./chart.js";
import { valueCell } from "./value_cell.js";
import { numberEntry } from "./write.js";
import { t } from "./texts.js";

const LIMIT_WORDS = ["none", "low", "high", "constant"];
// The tags that a loop writes in the end, also through another loop or a split; where it must be one, it is that.
const outputsOf = (loop) => (loop.outputs?.length ? loop.outputs : [loop.out]);
const outputOf = (loop) => (loop.outputs?.length === 1 ? loop.outputs[0] : loop.out);

const PV_SOURCES = ["held", "first", "second"];

function whyNot(app, loop) {
  const target = app.values.number(`${loop.loop}.target`);
  const mode = app.values.number(loop.points.mode);
  const held = heldBy(app, outputOf(loop));
  if (target >= 0 && Number.isFinite(mode) && target !== mode) {
    const why = held || (app.values.standing(loop.pv).state === "bad" ? t("mode.bad_pv") : modeMeaning(mode));
    return t("mode.asked", { asked: modeWord(target), is: modeWord(mode), why });
  }
  return held;
}

function modeButtons(app, loop, scope) {
  const said = el("p", { class: "why", role: "status" });
  const meaning = el("p", { class: "meaning" });
  const buttons = (loop.modes ?? ["man", "auto"]).map((word) => {
    const node = el(
      "button",
      { type: "button", class: "mode-button", "aria-pressed": "false", "data-mode": word },
      word.toUpperCase(),
    );
    node.addEventListener("click", () => {
      refusal = "";
      asked = app.commands.give({
        command: "mode",
        target: loop.loop,
        value: word,
        says: t("mode.says", { loop: loop.loop, mode: word.toUpperCase() }),
      });
    });
    return { word, node };
  });
  let asked = null;
  let refusal = "";
  const draw = () => {
    const barred = app.commands.barred();
    const mode = app.values.number(loop.points.mode);
    for (const { word, node } of buttons) {
      node.disabled = Boolean(barred);
      setAttribute(node, "aria-pressed", String(MODES[mode] === word));
      node.classList.toggle("pending", Boolean(asked && !asked.done && asked.value === word && MODES[mode] !== word));
    }
    setText(meaning, `${modeWord(mode)}: ${modeMeaning(mode)}`);
    setText(said, barred || refusal || whyNot(app, loop));
  };
  app.commands.listen((record) => {
    if (record !== asked) return;
    if (record.stage === "refused")
      refusal = t("mode.refused", { mode: record.value.toUpperCase(), why: record.detail || record.code });
    draw();
  }, scope);
  const onLink = () => draw();
  app.link_watchers.add(onLink);
  scope.add(() => app.link_watchers.delete(onLink));
  app.values.watch([loop.points.mode, `${loop.loop}.target`, `${outputOf(loop)}.source`, loop.pv], draw, scope);
  return el(
    "div",
    { class: "modes" },
    el(
      "div",
      { class: "mode-buttons", role: "group", "aria-label": t("mode.title") },
      buttons.map((each) => each.node),
    ),
    meaning,
    said,
  );
}

function bigRow(app, label, point, scope, picture) {
  return el(
    "div",
    { class: "big-row" },
    el("span", { class: "label" }, label),
    valueCell(app, point, scope, { big: true }),
    picture,
  );
}

/** The parts of a loop's faceplate. */
export function loopFaceplate(app, loop, scope) {
  const { points } = loop;
  const pv = app.plant.tag(loop.pv);
  const out = app.plant.tag(outputOf(loop));
  const output = points.op ?? outputOf(loop);
  const inMan = () => (app.values.number(points.mode) === MAN ? "" : t("entry.only_man"));
  const setpoint = numberEntry(
    app,
    {
      label: t("faceplate.setpoint"),
      target: points.sp,
      enabled: () => (app.values.number(points.mode) === MODES.indexOf("cas") ? t("entry.cascade") : ""),
    },
    scope,
  );
  const manual = numberEntry(
    app,
    { label: t("faceplate.output"), target: loop.loop, shown: output, command: "output", enabled: inMan },
    scope,
  );
  app.values.watch(
    [points.mode],
    () => {
      setpoint.draw();
      manual.draw();
    },
    scope,
  );
  const number = (point, tag) =>
    point &&
    following(
      app,
      [point],
      () => `${numberText(app.values.number(point), tag.decimals ?? 2)} ${unitText(tag.unit)}`,
      scope,
    );
  const deviation = following(
    app,
    [loop.pv, points.sp],
    () =>
      `${numberText(app.values.number(loop.pv) - app.values.number(points.sp), pv.decimals ?? 2)} ${unitText(pv.unit)}`,
    scope,
  );
  const limits =
    points.limits &&
    following(
      app,
      [points.limits],
      () => t(`limits.${LIMIT_WORDS[app.values.number(points.limits)] ?? "none"}`),
      scope,
    );
  const source =
    points.pv_source &&
    following(
      app,
      [points.pv_source],
      () => t(`pv_source.${PV_SOURCES[app.values.number(points.pv_source)] ?? "unknown"}`),
      scope,
    );
  const tracking = following(
    app,
    [points.mode, `${outputOf(loop)}.source`],
    () => {
      const mode = MODES[app.values.number(points.mode)];
      const who = sourceWord(app, outputOf(loop));
      return mode === "trk" || mode === "iman"
        ? t("tracking.yes", { who: who ? t(`source.${who}`) : t("source.below") })
        : t("tracking.no");
    },
    scope,
  );
  const node = el(
    "div",
    { class: "faceplate loop" },
    bigRow(app, "PV", loop.pv, scope, indicator(app, loop.pv, scope, { setpoint: points.sp, width: 180 })),
    bigRow(app, "SP", points.sp, scope, null),
    bigRow(app, "OP", output, scope, Number.isFinite(out.low) ? indicator(app, output, scope, { width: 180 }) : null),
    modeButtons(app, loop, scope),
    setpoint.node,
    manual.node,
    standingAlarms(app, tagsOfLoop(app, loop), scope),
    smallTrend(app, [loop.pv, points.sp, output], scope),
    part(
      t("faceplate.state"),
      facts([
        [t("faceplate.deviation"), deviation],
        limits && [t("faceplate.limits"), limits],
        [t("faceplate.tracking"), tracking],
        points.ff && [t("faceplate.ff"), number(points.ff, out)],
        points.p && [
          t("faceplate.parts"),
          el(
            "span",
            {},
            number(points.p, out),
            " / ",
            number(points.i, out),
            points.d ? [" / ", number(points.d, out)] : null,
          ),
        ],
        source && [t("faceplate.pv_source"), source],
        [t("faceplate.out_limits"), `${loop.out_low ?? out.low} … ${loop.out_high ?? out.high} ${unitText(out.unit)}`],
      ]),
    ),
    part(t("faceplate.alarms"), alarmsOf(app, tagsOfLoop(app, loop), scope)),
    part(
      t("faceplate.interlocks"),
      outputsOf(loop).map((output) => interlocksOf(app, output, scope)),
    ),
    el(
      "p",
      { class: "jumps" },
      el("button", { type: "button", on: { click: () => app.openFaceplate(loop.pv) } }, loop.pv),
      outputsOf(loop).map((output) =>
        el("button", { type: "button", on: { click: () => app.openFaceplate(output) } }, output),
      ),
      el("a", { href: `#trend?pens=${[loop.pv, points.sp, output].join(",")}` }, t("guidance.trend")),
    ),
  );
  return node;
}
