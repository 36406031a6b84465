// The faceplate of a measurement, an output, a valve, a pump or a rectifier: generated from what the tag is.
//
// An output shows who has it, what holds it, what its start waits for; one with states has a button for each. The other
// instruments of the same equipment stand below, with their live values.

import { el, setAttribute, setText } from "./dom.js";
import { ageText, conditionText, unitText, valueText } from "./format.js";
import { indicator } from "./indicator.js";
import { alarmsOf, standingAlarms } from "./faceplate_alarms.js";
import {
  facts,
  following,
  heldBy,
  interlocksOf,
  part,
  sourceWord,
  startWaitsFor,
} from "./faceplate_parts.js";
import { smallTrend } from "./chart.js";
import { valueCell } from "./value_cell.js";
import { numberEntry, write } from "./write.js";
import { t } from "./texts.js";

function stateButtons(app, tag, scope) {
  const said = el("p", { class: "why", role: "status" });
  let record = null;
  const buttons = Object.entries(tag.states).map(([number, word]) => {
    const node = el("button", { type: "button", class: "mode-button" }, word);
    node.addEventListener("click", async () => {
      record =
        (await write(app, {
          target: tag.tag,
          to: Number(number),
          asText: (value) => valueText(tag, value),
          always: true,
        })) ?? record;
    });
    return { number: Number(number), node };
  });
  const draw = () => {
    const barred = app.commands.barred() || heldBy(app, tag.tag);
    const waits = startWaitsFor(app, tag.tag);
    for (const { number, node } of buttons) {
      const why = barred || (number === 0 ? "" : waits);
      node.disabled = Boolean(why);
      setAttribute(node, "title", why || null);
      setAttribute(node, "aria-pressed", String(app.values.number(tag.tag) === number));
      node.classList.toggle(
        "pending",
        Boolean(record && !record.done && record.value === number && app.values.number(tag.tag) !== number),
      );
    }
    const stage = record ? [t(`stage.${record.stage}`), record.code, record.detail].filter(Boolean).join(": ") : "";
    setText(said, barred || [stage, waits].filter(Boolean).join("; "));
  };
  app.commands.listen(draw, scope);
  app.link_watchers.add(draw);
  scope.add(() => app.link_watchers.delete(draw));
  const conditions = app.plant.permissives.get(tag.tag)?.conditions ?? [];
  app.values.watch([tag.tag, `${tag.tag}.source`, ...conditions.map((each) => each.point)], draw, scope);
  return el(
    "div",
    { class: "modes" },
    el(
      "div",
      { class: "mode-buttons", role: "group", "aria-label": t("faceplate.command") },
      buttons.map((each) => each.node),
    ),
    said,
  );
}

function permitOf(app, output, scope) {
  const permissive = app.plant.permissives.get(output);
  if (!permissive) return null;
  return el(
    "ul",
    { class: "permit-of" },
    (permissive.conditions ?? []).map((condition) =>
      el(
        "li",
        {},
        following(
          app,
          [condition.point],
          () => {
            const value = condition.point ? app.values.number(condition.point) : NaN;
            return t(value === 1 ? "permit.fulfilled" : value === 0 ? "permit.not_fulfilled" : "permit.not_shown");
          },
          scope,
        ),
        `: ${condition.text} `,
        el("code", {}, conditionText(condition.when)),
      ),
    ),
  );
}

// The loop that writes a tag itself, not one above it in a cascade.
function lastOf(app, loop, tag) {
  return (loop.outputs ?? [loop.out]).includes(tag) && !app.plant.loops.has(loop.out);
}

// A value that a person enters is no measurement: it must not be read as what the plant has.
const byHand = (tag) => tag.kind === "input" && !tag.device && Boolean(tag.write);

const fromLab = (app, tag) => app.plant.laboratory.some((lab) => lab.tag === tag.tag);

function origin(app, tag) {
  return fromLab(app, tag) ? "laboratory" : byHand(tag) ? "by_hand" : "computed";
}

function command(app, tag, scope) {
  const asker = [...app.plant.loops.values()].find((loop) => lastOf(app, loop, tag.tag))?.loop ?? tag.asked_by;
  if (asker) {
    const open = el("button", { type: "button", on: { click: () => app.openFaceplate(asker) } }, asker);
    return el("p", {}, t("faceplate.asked_by"), " ", open);
  }
  if (tag.kind !== "output" && !tag.write) return null;
  if (!tag.write)
    return el("p", { class: "why" }, t(tag.system === "sis" ? "faceplate.read_only_other" : "faceplate.read_only"));
  if (tag.states) return stateButtons(app, tag, scope);
  return numberEntry(app, { label: t("faceplate.value"), target: tag.tag, enabled: () => heldBy(app, tag.tag) }, scope)
    .node;
}

function siblings(app, name, scope) {
  const others = app.plant.siblings(name);
  if (!others.length) return null;
  return el(
    "ul",
    { class: "siblings" },
    others.map((other) =>
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "name", "data-open": other.tag, on: { click: () => app.openFaceplate(other.tag) } },
          el("span", { class: "tag" }, other.tag),
          el("span", { class: "text" }, other.text),
        ),
        valueCell(app, other.tag, scope),
      ),
    ),
  );
}

/** The parts of a tag's faceplate. */
export function tagFaceplate(app, name, scope) {
  const tag = app.plant.tag(name);
  const ranged = Number.isFinite(tag.low) && Number.isFinite(tag.high) && !tag.states;
  const quality = following(
    app,
    [name],
    () => {
      const standing = app.values.standing(name);
      return [
        t(`quality.${standing.state}`),
        standing.reason && t(`reason.${standing.reason}`),
        t("faceplate.age", { age: ageText(standing.age_ms) }),
      ]
        .filter(Boolean)
        .join(", ");
    },
    scope,
  );
  const causes = app.plant.causesOfTag.get(name) ?? [];
  return el(
    "div",
    { class: "faceplate tag" },
    el(
      "div",
      { class: "big-row" },
      el("span", { class: "label" }, byHand(tag) ? t("faceplate.entered") : tag.kind === "output" ? "OP" : "PV"),
      valueCell(app, name, scope, { big: true }),
      ranged ? indicator(app, name, scope, { width: 180 }) : null,
    ),
    command(app, tag, scope),
    tag.kind === "output"
      ? following(
          app,
          [`${name}.source`],
          () => {
            const who = sourceWord(app, name);
            return who ? t("faceplate.who", { who: t(`source.${who}`) }) : "";
          },
          scope,
        )
      : null,
    standingAlarms(app, [name], scope),
    tag.states ? null : smallTrend(app, [name], scope),
    part(t("faceplate.interlocks"), interlocksOf(app, name, scope)),
    part(t("permit.title"), permitOf(app, name, scope)),
    part(
      t("faceplate.causes"),
      causes.length
        ? el(
            "ul",
            {},
            causes.map((cause) =>
              el("li", {}, `${cause.cause} ${cause.text}: `, el("code", {}, conditionText(cause.when))),
            ),
          )
        : null,
    ),
    part(t("faceplate.alarms"), tag.kind === "output" ? null : alarmsOf(app, [name], scope)),
    part(t("faceplate.equipment"), siblings(app, name, scope)),
    part(
      t("faceplate.info"),
      facts([
        [t("faceplate.quality"), quality],
        ranged && [t("faceplate.range"), `${tag.low} … ${tag.high} ${unitText(tag.unit)}`],
        [
          t("faceplate.device"),
          tag.device ? `${tag.device}, ${tag.item ?? ""}` : t(`faceplate.${origin(app, tag)}`),
        ],
        tag.stale_after_ms && [t("faceplate.stale_after"), ageText(tag.stale_after_ms)],
        tag.system === "sis" && [t("faceplate.system"), t("faceplate.system_other")],
      ]),
    ),
    el(
      "p",
      { class: "jumps" },
      el("a", { href: `#trend?pens=${name}` }, t("guidance.trend")),
      fromLab(app, tag) ? el("a", { href: `#laboratory?tag=${name}` }, t("screen.laboratory")) : null,
    ),
  );
}
