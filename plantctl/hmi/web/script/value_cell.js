// One value on the screen: the number, its unit, and in words whatever is not right with it.
//
// A value that is old is hatched, struck through and has its age beside it; a bad one has its reason. Neither is
// told by colour alone, and none of it is animated.

import { el, setAttribute, setClass, setText } from "./dom.js";
import { ageText, unitText, valueText, withUnit } from "./format.js";
import { t } from "./texts.js";

const STATES = ["good", "uncertain", "bad", "old", "none"];

/** The words beside a value: its age, its reason, that it is forced; "" where it is plainly good. */
export function standingText(standing) {
  const words = [];
  if (standing.state === "old") words.push(t("value.old", { age: ageText(standing.age_ms) }));
  if (standing.state === "bad" || standing.state === "uncertain") {
    words.push(t(`value.${standing.state}`, { why: standing.reason ? t(`reason.${standing.reason}`) : "" }).trim());
  }
  if (standing.state === "none") words.push(t("value.not_told"));
  if (standing.forced) words.push(t("value.forced"));
  return words.join(", ");
}

/** A point's value with its standing, as one sentence: `8.02 pH`, `0.60 m³/h, old 12 s`. */
export function valueSentence(app, name) {
  const tag = app.plant.tag(name);
  const beside = standingText(app.values.standing(name));
  const text = withUnit(tag, app.values.number(name));
  return beside ? `${text}, ${beside}` : text;
}

/** The element that shows a point; it follows the value until the scope ends. `unit: false` leaves the unit away. */
export function valueCell(app, name, scope, { unit = true, big = false } = {}) {
  const tag = app.plant.tag(name);
  const number = el("span", { class: "number" });
  const beside = el("span", { class: "beside" });
  const unitNode = unit && !tag.states && unitText(tag.unit) ? el("span", { class: "unit" }, unitText(tag.unit)) : null;
  const node = el("span", { class: big ? "value big" : "value", "data-point": name }, number, unitNode, beside);
  app.values.watch(
    [name],
    () => {
      const standing = app.values.standing(name);
      setText(number, valueText(tag, app.values.number(name)));
      setClass(node, STATES, standing.state);
      node.classList.toggle("forced", standing.forced);
      const words = standingText(standing);
      setText(beside, words);
      setAttribute(node, "title", words || null);
    },
    scope,
  );
  return node;
}
