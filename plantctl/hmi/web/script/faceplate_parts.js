// Parts that the faceplates of loops and of tags share: interlocks of an output, who has an output, what it waits for.

import { el, setText } from "./dom.js";
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
