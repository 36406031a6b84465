// Interlocks: what tripped first, why a reset does not go yet, and what each effect does. The chart of the
// configuration is what is shown and what runs: nothing here decides anything.
//
// A group is what one reset releases together. Groups that are tripped stand first. Causes that another system
// executes (`mirrors`) say so: plantctl shows them and is no safety layer.

import { el, setAttribute, setClass, setText, svg } from "./dom.js";
import { lastChange } from "./history.js";
import { conditionText, limitText, numberText, timeText, unitText, valueText, withUnit } from "./format.js";
import { valueCell } from "./value_cell.js";
import { commandButton } from "./write.js";
import { confirmWrite } from "./confirm.js";
import { t } from "./texts.js";

const is = (app, point) => Boolean(point) && app.values.number(point) === 1;

function groupsOf(plant) {
  const groups = new Map();
  for (const effect of plant.effects.values()) {
    const name = effect.group || effect.effect;
    if (!groups.has(name)) groups.set(name, { name, effects: [], causes: new Map() });
    const group = groups.get(name);
    group.effects.push(effect);
    for (const cause of plant.causesOfEffect.get(effect.effect) ?? []) group.causes.set(cause.cause, cause);
  }
  return [...groups.values()];
}

/** The point that says whether a cause acts. */
function causePoint(cause) {
  return cause.points?.tripped ?? cause.cause;
}

// A condition may be true without tripping: nothing is armed, or the delay runs. "clear" would contradict its numbers.
function beyond(app, cause) {
  const conditions = Object.entries(cause.points ?? {}).filter(([part]) => part.startsWith("when"));
  if (!conditions.some(([, point]) => is(app, point))) return "clear";
  return cause.points.arm && !is(app, cause.points.arm) ? "unarmed" : "counting";
}

function mark(kind) {
  const paths = { on: "M2 2h12v12h-12z", off: "M2.5 2.5h11v11h-11z", unknown: "M2.5 2.5h11v11h-11zM2.5 13.5l11-11" };
  return svg(
    "svg",
    { class: `mark ${kind}`, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("path", { d: paths[kind] }),
  );
}

// The live value of a cause, and where it trips: `40-FI-4013 0.602 trips < 0.240 m³/h`.
function comparisons(app, cause, scope) {
  const found = app.plant.comparisons(cause);
  if (!found.length) return [el("code", {}, conditionText(cause.when))];
  return found.map(({ tag, sign, limit }) =>
    el(
      "span",
      { class: "comparison" },
      el(
        "button",
        { type: "button", class: "name", "data-open": tag, on: { click: () => app.openFaceplate(tag) } },
        tag,
      ),
      " ",
      valueCell(app, tag, scope, { unit: false }),
      ` ${t("cause.trips", { sign, limit: limitText(app.plant.tag(tag), limit) })}`,
    ),
  );
}

function causeRow(app, cause, group, scope) {
  const state = el("td", { class: "state" });
  const order = el("td", { class: "order" });
  const node = el(
    "tr",
    { "data-row": cause.cause },
    state,
    el("th", { scope: "row" }, cause.cause),
    order,
    el(
      "td",
      {},
      cause.text,
      cause.mirrors ? el("span", { class: "mirrors" }, t("cause.mirrors", { system: cause.mirrors })) : null,
      cause.arm ? el("div", { class: "arm" }, t("cause.arm", { arm: conditionText(cause.arm) })) : null,
    ),
    el("td", { class: "when" }, comparisons(app, cause, scope)),
    el("td", { class: "numeric" }, cause.delay_s ? `${cause.delay_s} s` : "–"),
    el("td", {}, cause.vote ?? ""),
  );
  let shown = "";
  const draw = () => {
    const unknown = is(app, cause.points?.bad_input);
    const active = is(app, causePoint(cause));
    const word = active ? (unknown ? "active_unknown" : "active") : unknown ? "unknown" : beyond(app, cause);
    if (word !== shown)
      state.replaceChildren(mark(active ? "on" : unknown ? "unknown" : "off"), el("span", {}, t(`cause.${word}`)));
    shown = word;
    setAttribute(node, "class", active ? "active" : word);
    const rank = group.order.indexOf(cause.cause);
    const at_ms = group.times.get(cause.cause);
    const after =
      rank > 0 && Number.isFinite(at_ms) && Number.isFinite(group.times.get(group.order[0]))
        ? t("cause.after", { ms: Math.round(at_ms - group.times.get(group.order[0])) })
        : Number.isFinite(at_ms)
          ? timeText(at_ms, app.link.now(), 3)
          : "";
    setText(
      order,
      rank < 0 ? "" : `${rank === 0 ? t("cause.first") : t("cause.nth", { n: rank + 1 })} ${after}`.trim(),
    );
  };
  return { node, draw };
}

// What an effect demands of an output, and what the output is now: `40-HS-4010 → OFF is OFF`.
function demand(app, output, wanted, scope) {
  const open = { click: () => app.openFaceplate(output) };
  return el(
    "span",
    { class: "comparison" },
    el("button", { type: "button", class: "name", "data-open": output, on: open }, output),
    ` → ${wanted} `,
    valueCell(app, output, scope),
  );
}

function effectRow(app, effect, scope) {
  const state = el("td", { class: "state" });
  const forced = Object.entries(effect.outputs ?? {}).map(([output, value]) =>
    demand(app, output, `${withUnit(app.plant.tag(output), value)} ${t("effect.is")}`, scope),
  );
  const scaled = Object.entries(effect.scales ?? {}).map(([output, share]) =>
    demand(app, output, t("effect.share", { share: Math.round(share * 100) }), scope),
  );
  const node = el(
    "tr",
    { "data-row": effect.effect },
    state,
    el("th", { scope: "row" }, effect.effect),
    el("td", {}, effect.text),
    el("td", {}, forced, scaled),
  );
  let shown = "";
  return {
    node,
    draw() {
      const failed = is(app, effect.points?.failed);
      const active = is(app, effect.points?.active);
      const waiting = !active && is(app, effect.points?.tripped);
      const word = failed ? "failed" : active ? "active" : waiting ? "waiting" : "idle";
      if (word !== shown)
        state.replaceChildren(mark(active || failed ? "on" : "off"), el("span", {}, t(`effect.${word}`)));
      shown = word;
      setAttribute(node, "class", word);
    },
  };
}

/** Which causes tripped a group, in order, with their times, from the journal and the first-out marks. */
function orderOf(app, group) {
  const active = [...group.causes.values()].filter(
    (cause) => is(app, causePoint(cause)) || is(app, cause.points?.first_out),
  );
  const firsts = new Set(active.filter((cause) => is(app, cause.points?.first_out)).map((cause) => cause.cause));
  for (const effect of group.effects) {
    const first = app.values.number(effect.points?.first);
    const cause = first > 0 ? effect.demands?.[first - 1] : undefined;
    if (group.causes.has(cause) && is(app, effect.points?.tripped)) firsts.add(cause);
  }
  const names = [...new Set([...firsts, ...active.map((cause) => cause.cause)])];
  return names.sort((a, b) => firsts.has(b) - firsts.has(a) || (group.times.get(a) ?? 0) - (group.times.get(b) ?? 0));
}

/** Why a group cannot be reset now: a list of sentences, empty where it can. */
export function missingForReset(app, group) {
  const missing = [];
  for (const cause of group.causes.values()) {
    // An unknown input alone bars nothing: the scan asks whether the cause is tripped.
    if (!is(app, causePoint(cause))) continue;
    const found = app.plant.comparisons(cause).map(({ tag, sign, limit }) =>
      t("reset.now", {
        tag,
        value: valueText(app.plant.tag(tag), app.values.number(tag)),
        sign,
        unit: unitText(app.plant.tag(tag).unit),
        limit: numberText(limit, app.plant.tag(tag).decimals ?? 2),
      }),
    );
    missing.push(
      t(is(app, cause.points?.bad_input) ? "reset.unknown" : "reset.active", {
        cause: cause.cause,
        text: cause.text,
        now: found.join("; ") || conditionText(cause.when),
        clear: cause.clear ? t("reset.clear", { clear: conditionText(cause.clear) }) : "",
      }),
    );
  }
  return missing;
}

async function reset(app, group) {
  const agreed = await confirmWrite(app, {
    title: t("reset.title", { group: group.name }),
    action: t("reset.action"),
    withReason: true,
    lines: [
      [t("confirm.what"), t("reset.what")],
      [t("reset.effects"), group.effects.map((effect) => `${effect.effect} ${effect.text}`).join(", ")],
    ],
  });
  if (agreed)
    app.commands.give({
      command: "reset",
      target: group.name,
      reason: agreed.reason,
      says: t("reset.says", { group: group.name }),
      done: t("reset.done", { group: group.name }),
    });
}

function isTripped(app, group) {
  return group.effects.some((effect) => is(app, effect.points?.tripped) || is(app, effect.points?.active));
}

function groupCard(app, group, scope) {
  group.order = [];
  group.times = new Map();
  const causes = [...group.causes.values()].map((cause) => causeRow(app, cause, group, scope));
  const effects = group.effects.map((effect) => effectRow(app, effect, scope));
  const word = el("strong", { class: "group-state" });
  const missing = el("ul", { class: "missing", "aria-label": t("reset.missing") });
  const button = commandButton(
    app,
    {
      label: t("reset.button"),
      act: () => reset(app, group),
      barred: () =>
        !isTripped(app, group) ? t("reset.not_tripped") : missingForReset(app, group).length ? t("reset.see_list") : "",
    },
    scope,
  );
  const node = el(
    "section",
    { class: "chart-group", "aria-label": group.name, "data-group": group.name },
    el("div", { class: "bar" }, el("h3", {}, group.name), word, button.node),
    missing,
    el(
      "table",
      { class: "effects" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["state", "effect", "text", "outputs"].map((key) =>
            el("th", { scope: "col", class: `k-${key}` }, t(`effect.column.${key}`)),
          ),
        ),
      ),
      el(
        "tbody",
        { "data-rows": "" },
        effects.map((row) => row.node),
      ),
    ),
    causes.length
      ? el(
          "table",
          { class: "causes" },
          el(
            "thead",
            {},
            el(
              "tr",
              {},
              ["state", "cause", "order", "text", "when", "delay", "vote"].map((key) =>
                el("th", { scope: "col", class: `k-${key}` }, t(`cause.column.${key}`)),
              ),
            ),
          ),
          el(
            "tbody",
            { "data-rows": "" },
            causes.map((row) => row.node),
          ),
        )
      : null,
  );
  let listed = "";
  const draw = () => {
    const tripped = isTripped(app, group);
    for (const cause of group.causes.values()) {
      // A cause that is clear again has left its mark where it was first: since when, that tells.
      const point = is(app, causePoint(cause)) ? causePoint(cause) : cause.points?.first_out;
      if (!is(app, point)) continue;
      const entry = app.values.read(point);
      if (entry?.changed_ms && point === causePoint(cause)) group.times.set(cause.cause, entry.changed_ms);
      else if (!group.times.has(cause.cause)) {
        group.times.set(cause.cause, entry?.changed_ms || NaN);
        lastChange(point, app.link.now()).then((at_ms) => {
          if (!scope.ended && Number.isNaN(group.times.get(cause.cause))) {
            group.times.set(cause.cause, at_ms);
            draw();
          }
        });
      }
    }
    group.order = tripped ? orderOf(app, group) : [];
    setText(word, t(tripped ? "group.tripped" : "group.ready"));
    setClass(node, ["tripped", "ready"], tripped ? "tripped" : "ready");
    for (const row of [...causes, ...effects]) row.draw();
    const lines = tripped ? missingForReset(app, group) : [];
    if (lines.join("\n") !== listed) missing.replaceChildren(...lines.map((line) => el("li", {}, line)));
    listed = lines.join("\n");
    missing.hidden = !lines.length;
    button.node.hidden = !tripped;
    button.draw();
  };
  const points = [...group.causes.values()]
    .flatMap((cause) => [causePoint(cause), ...Object.values(cause.points ?? {}), ...(cause.tags ?? [])])
    .concat(group.effects.flatMap((effect) => [effect.effect, ...Object.values(effect.points ?? {})]));
  return { group, node, draw, points };
}

function permissiveCard(app, permissive, scope) {
  const marks = (permissive.conditions ?? []).map((condition) => ({
    condition,
    place: el("span", { class: "state" }),
    shown: "",
  }));
  const point = permissive.point ?? `${permissive.output}.permit`;
  const word = el("strong", { class: "group-state" });
  const draw = () => {
    setText(word, t(is(app, point) ? "permit.given" : "permit.missing"));
    for (const each of marks) {
      const value = each.condition.point ? app.values.number(each.condition.point) : NaN;
      const key = value === 1 ? "fulfilled" : value === 0 ? "not_fulfilled" : "not_shown";
      if (key !== each.shown)
        each.place.replaceChildren(
          mark(value === 1 ? "on" : value === 0 ? "off" : "unknown"),
          el("span", {}, t(`permit.${key}`)),
        );
      each.shown = key;
    }
  };
  app.values.watch([point, ...marks.map((each) => each.condition.point)], draw, scope);
  return el(
    "section",
    { class: "permissive", "aria-label": permissive.output },
    el("div", { class: "bar" }, el("h4", {}, permissive.output, " ", app.plant.tag(permissive.output).text), word),
    el(
      "ul",
      {},
      marks.map((each) =>
        el("li", {}, each.place, ` ${each.condition.text} `, el("code", {}, conditionText(each.condition.when))),
      ),
    ),
  );
}

/** The screen of interlocks. */
export function interlockScreen(app, scope) {
  const cards = groupsOf(app.plant).map((group) => groupCard(app, group, scope));
  const list = el("div", { class: "groups" });
  const arrange = () => {
    const order = [...cards].sort((a, b) => isTripped(app, b.group) - isTripped(app, a.group));
    if (order.some((card, i) => list.children[i] !== card.node))
      list.replaceChildren(...order.map((card) => card.node));
  };
  for (const card of cards)
    app.values.watch(
      card.points,
      () => {
        card.draw();
        arrange();
      },
      scope,
    );
  const permissives = [...app.plant.permissives.values()];
  return el(
    "div",
    { class: "interlock-page" },
    el("h2", {}, t("screen.interlocks")),
    el("p", { class: "legend" }, t("interlock.legend")),
    cards.length ? list : el("p", { class: "empty" }, t("interlock.none")),
    permissives.length
      ? [
          el("h3", {}, t("permit.title")),
          el(
            "div",
            { class: "permissives" },
            permissives.map((each) => permissiveCard(app, each, scope)),
          ),
        ]
      : null,
  );
}
