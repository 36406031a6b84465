// The alarms of a faceplate's tags: those that are not normal, with their guidance and what a person does about them;
// and all that are configured, with their limits.

import { el, setAttribute, setText } from "./dom.js";
import { STATE_WORDS, suppressed, waitsForAck, waitsForReset } from "./alarms.js";
import { acknowledge, drawThen, guidanceLines, resetAlarm } from "./alarm_page.js";
import { alarmPlace, signName } from "./alarm_shape.js";
import { conditionText, limitText, timeText, unitText } from "./format.js";
import { commandButton } from "./write.js";
import { t } from "./texts.js";

const alarmsOfTags = (app, tags) => [...new Set(tags)].flatMap((tag) => app.plant.alarmsOfTag.get(tag) ?? []);

/** The tags that are a loop's: its measurement, what it writes, and the instruments of the same number. */
export const tagsOfLoop = (app, loop) => [
  loop.pv,
  loop.loop,
  ...(loop.outputs ?? [loop.out]),
  ...app.plant.siblings(loop.loop).map(({ tag }) => tag),
];

// To the alarm's row in the list, on whatever screen that is to be shown.
function showInList(app, name) {
  const row = document.querySelector(`#screen [data-alarm="${CSS.escape(name)}"]`);
  if (row) return row.focus();
  app.focusAlarm = name;
  location.hash = "alarms";
  return undefined;
}

function standingAlarm(app, alarm, scope) {
  const tag = app.plant.tag(alarm.tag);
  const sign = alarmPlace();
  const state = el("span", { class: "state" });
  const since = el("span", {});
  const then = el("span", {});
  const unit = el("span", {});
  const act = () => acknowledge(app, app.alarms.row(alarm.alarm));
  const ack = commandButton(app, { label: t("ack.one"), act }, scope);
  const reset = commandButton(app, { label: t("reset.button"), act: () => resetAlarm(app, alarm) }, scope);
  const list = el("button", { type: "button", on: { click: () => showInList(app, alarm.alarm) } }, t("faceplate.list"));
  const beyond = tag.states ? "" : limitText(tag, alarm.limit);
  const limit = beyond && t("alarm.limit", { limit: beyond });
  const lines = [
    [t("alarm.column.time"), since],
    [t("alarm.column.then"), [then, " ", unit, " ", limit]],
    ...guidanceLines(alarm),
  ];
  const node = el(
    "li",
    { "data-alarm-of": alarm.alarm },
    el("p", { class: "which" }, sign.node, el("strong", {}, `${alarm.tag} ${alarm.text || tag.text}`), " ", state),
    el(
      "dl",
      { class: "facts" },
      lines.map(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]),
    ),
    el("p", { class: "jumps" }, ack.node, reset.node, list),
  );
  return {
    node,
    draw(row) {
      sign.show(row);
      setText(state, signName(alarm.priority, row.state));
      setAttribute(node, "class", STATE_WORDS[row.state]);
      setText(since, Number.isFinite(row.raised_ms) ? timeText(row.raised_ms, app.link.now()) : t("alarm.before"));
      drawThen(then, tag, row);
      setText(unit, Number.isFinite(row.value) && !tag.states ? unitText(tag.unit) : "");
      // Whoever has just pressed a button that goes away stays where he was.
      const here = document.activeElement;
      const leaves = (here === ack.node && !waitsForAck(row)) || (here === reset.node && !waitsForReset(row));
      ack.node.hidden = !waitsForAck(row);
      reset.node.hidden = !waitsForReset(row);
      if (leaves) list.focus();
    },
  };
}

/** The alarms of some tags that are not normal, with cause, response and buttons; hidden where there is none. */
export function standingAlarms(app, tags, scope) {
  const rows = new Map();
  const list = el("ul", { class: "standing-alarms" });
  const node = el("section", { class: "part", "aria-label": t("faceplate.standing") });
  node.append(el("h3", {}, t("faceplate.standing")), list);
  const mine = new Set(alarmsOfTags(app, tags).map(({ alarm }) => alarm));
  const draw = () => {
    const shown = app.alarms.list().filter((row) => mine.has(row.alarm.alarm));
    const names = new Set(shown.map((row) => row.alarm.alarm));
    for (const [name, row] of rows)
      if (!names.has(name)) {
        if (row.node.contains(document.activeElement)) node.closest("#faceplate")?.querySelector("h2")?.focus();
        row.scope.end();
        row.node.remove();
        rows.delete(name);
      }
    shown.forEach((row, i) => {
      const name = row.alarm.alarm;
      if (!rows.has(name)) {
        const own = scope.child();
        rows.set(name, { ...standingAlarm(app, row.alarm, own), scope: own });
      }
      const made = rows.get(name);
      // What has the focus keeps it: one that stands where it belongs is not moved.
      if (list.children[i] !== made.node) list.insertBefore(made.node, list.children[i] ?? null);
      made.draw(row);
    });
    node.hidden = !shown.length;
  };
  app.alarms.listen(draw, scope);
  draw();
  return node;
}

/** The configured alarms of some tags with their limits and states. */
export function alarmsOf(app, tags, scope) {
  const alarms = alarmsOfTags(app, tags);
  if (!alarms.length) return el("p", { class: "empty" }, t("faceplate.no_alarms"));
  const rows = alarms.map((alarm) => {
    const sign = alarmPlace();
    const state = el("span", { class: "state" });
    const tag = app.plant.tag(alarm.tag);
    const side = t(`limit.${alarm.alarm.slice(alarm.alarm.lastIndexOf(".") + 1)}`);
    const other = alarm.tag === tags[0] ? "" : `${alarm.tag} `;
    const node = el(
      "li",
      {},
      sign.node,
      el("span", { class: "side" }, other, t("faceplate.alarm", { side, priority: alarm.priority })),
      el("span", { class: "limit" }, tag.states ? "" : limitText(tag, alarm.limit)),
      state,
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
