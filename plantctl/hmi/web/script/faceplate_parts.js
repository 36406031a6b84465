// Parts that the faceplates of loops and of tags share: alarms of a tag, interlocks of an output, who has an output.

import { el, setAttribute, setText } from "./dom.js";
import { STATE_WORDS, suppressed, waitsForAck } from "./alarms.js";
import { alarmPlace } from "./alarm_shape.js";
import { acknowledge } from "./alarm_page.js";
import { conditionText, limitText } from "./format.js";
import { commandButton } from "./write.js";
import { t } from "./texts.js";

const SOURCES = ["none", "auto", "manual", "sequence", "trip", "held"];

/** A list of label and node; empty rows are left out. */
export function facts(rows) {
  return el(
    "dl",
    { class: "facts" },
    rows.filter(Boolean).map(([label, node]) => [el("dt", {}, label), el("dd", {}, node)]),
  );
}

/** A text that follows points: `say()` gives it. */
export function following(app, points, say, scope) {
  const node = el("span", {});
  app.values.watch(points, () => setText(node, say()), scope);
  return node;
}

/** Who has an output now: a word, "" where the plant does not tell. */
export function sourceWord(app, output) {
  return SOURCES[app.values.number(`${output}.source`)] ?? "";
}

/** The alarms of some tags with their states and an acknowledgement each. */
export function alarmsOf(app, tags, scope) {
  const alarms = tags.flatMap((tag) => app.plant.alarmsOfTag.get(tag) ?? []);
  if (!alarms.length) return el("p", { class: "empty" }, t("faceplate.no_alarms"));
  const rows = alarms.map((alarm) => {
    const sign = alarmPlace();
    const state = el("span", { class: "state" });
    const tag = app.plant.tag(alarm.tag);
    const ack = commandButton(
      app,
      { label: t("ack.one"), act: () => acknowledge(app, app.alarms.row(alarm.alarm)) },
      scope,
    );
    const side = t(`limit.${alarm.alarm.slice(alarm.alarm.lastIndexOf(".") + 1)}`);
    const node = el(
      "li",
      {},
      sign.node,
      el("span", { class: "side" }, t("faceplate.alarm", { side, priority: alarm.priority })),
      el("span", { class: "limit" }, tag.states ? "" : limitText(tag, alarm.limit)),
      state,
      ack.node,
    );
    return {
      node,
      draw() {
        const row = app.alarms.row(alarm.alarm);
        sign.show(row);
        const quiet = suppressed(app, alarm);
        const stands = quiet && !row ? "" : t(`alarm.state.${STATE_WORDS[row?.state ?? 0]}`);
        const word = [stands, quiet ? t("suppressed.state") : ""].filter(Boolean).join(", ");
        setAttribute(state, "title", quiet ? t("suppressed.arm", { arm: conditionText(alarm.arm) }) : null);
        const blind = alarm.points?.bad_input && app.values.number(alarm.points.bad_input) === 1;
        setText(state, blind ? t("alarm.unknown", { state: word }) : word);
        ack.node.hidden = !waitsForAck(row);
      },
    };
  });
  const draw = () => rows.forEach((row) => row.draw());
  app.alarms.listen(draw, scope);
  const told = alarms.flatMap(({ points }) => [points?.bad_input, points?.suppressed]);
  app.values.watch(told.filter(Boolean), draw, scope);
  draw();
  return el(
    "ul",
    { class: "alarms-of" },
    rows.map((row) => row.node),
  );
}

/** The effects that may take an output, with their states. */
export function interlocksOf(app, output, scope) {
  const effects = app.plant.effectsOfOutput.get(output) ?? [];
  if (!effects.length) return null;
  return el(
    "ul",
    { class: "interlocks-of" },
    effects.map((effect) =>
      el(
        "li",
        {},
        `${effect.effect} ${effect.text}: `,
        following(
          app,
          [effect.effect, effect.points?.active],
          () => t(app.values.number(effect.points?.active) === 1 ? "effect.active" : "effect.idle"),
          scope,
        ),
      ),
    ),
  );
}

/** Why an output does not follow a person now, "" where it does. */
export function heldBy(app, output) {
  const acts = ({ points }) => [points?.active, points?.tripped].some((each) => each && app.values.number(each) === 1);
  const effects = (app.plant.effectsOfOutput.get(output) ?? []).filter(
    (effect) => output in (effect.outputs ?? {}) && acts(effect),
  );
  if (effects.length) return t("output.tripped", { effects: effects.map((effect) => effect.effect).join(", ") });
  // What goes to no device is not held: a value entered by hand is taken while the outputs wait.
  const { kind, device } = app.plant.tag(output);
  const held = sourceWord(app, output) === "held" || app.link.state === "held";
  if (kind === "output" && device && held) return t("output.held");
  return "";
}

/** What an output's start waits for, as the scan asks before it takes anything but 0; "" where nothing is missing. */
export function startWaitsFor(app, output) {
  const missing = (app.plant.permissives.get(output)?.conditions ?? []).filter(
    (condition) => condition.point && app.values.number(condition.point) === 0,
  );
  return missing.length ? t("output.not_permitted", { missing: missing.map((each) => each.text).join(", ") }) : "";
}

/** Titles the parts of a faceplate. */
export function part(title, ...nodes) {
  return nodes.flat().some(Boolean) ? el("section", { class: "part" }, el("h3", {}, title), nodes) : null;
}
