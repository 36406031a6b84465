// The alarm list: sign, state, time, tag, message, value and limit; the guidance of the chosen one; acknowledging.
//
// One acknowledgement is for what the person sees: a row that changed its state meanwhile is acknowledged as it is now,
// and the plant refuses what is no longer there. `Acknowledge page` asks first and names how many.

import { el, setAttribute, setText } from "./dom.js";
import { ACKED, STATE_WORDS, UNACK, stands, waitsForAck, waitsForReset } from "./alarms.js";
import { alarmPlace, signName } from "./alarm_shape.js";
import { limitText, timeText, unitText, valueText } from "./format.js";
import { valueCell } from "./value_cell.js";
import { commandButton } from "./write.js";
import { confirmWrite } from "./confirm.js";
import { suppressedAlarms } from "./suppressed_alarms.js";
import { t } from "./texts.js";

/** Acknowledge one alarm. */
export function acknowledge(app, row) {
  if (!waitsForAck(row)) return null;
  return app.commands.give({
    command: "ack",
    target: row.alarm.alarm,
    says: t("ack.says", { alarm: row.alarm.alarm }),
    done: t("ack.done", { alarm: row.alarm.alarm, text: row.alarm.text || app.plant.tag(row.alarm.tag).text }),
  });
}

// What latches is ended by a person who says why, after it was over.
export async function resetAlarm(app, alarm) {
  const agreed = await confirmWrite(app, {
    title: t("reset.title", { group: alarm.alarm }),
    action: t("reset.action"),
    withReason: true,
    lines: [[t("confirm.what"), alarm.text || alarm.alarm]],
  });
  if (!agreed) return;
  const says = t("reset.says", { group: alarm.alarm });
  const done = t("reset.done", { group: alarm.alarm });
  app.commands.give({ command: "reset", target: alarm.alarm, reason: agreed.reason, says, done });
}

function alarmRow(app, row, scope, choose) {
  const { alarm } = row;
  const tag = app.plant.tag(alarm.tag);
  const sign = alarmPlace();
  const state = el("td", { class: "state" });
  const time = el("td", { class: "time" });
  const button = commandButton(
    app,
    { label: t("ack.one"), act: () => acknowledge(app, app.alarms.row(alarm.alarm) ?? row) },
    scope,
  );
  const end = commandButton(app, { label: t("reset.button"), act: () => resetAlarm(app, alarm) }, scope);
  const then = el("td", { class: "numeric" });
  const name = el(
    "button",
    { type: "button", class: "name", "data-open": alarm.tag, on: { click: () => app.openFaceplate(alarm.tag) } },
    alarm.tag,
  );
  const node = el(
    "tr",
    {
      "data-row": alarm.alarm,
      "data-alarm": alarm.alarm,
      tabindex: 0,
      on: { focusin: () => choose(alarm.alarm), click: () => choose(alarm.alarm) },
    },
    el("td", {}, sign.node, el("span", { class: "unseen" })),
    state,
    time,
    el("td", {}, name),
    el("td", { class: "message-text" }, alarm.text || tag.text),
    then,
    el("td", { class: "numeric" }, valueCell(app, alarm.tag, scope, { unit: false })),
    el("td", { class: "numeric" }, tag.states ? "" : limitText({ ...tag, unit: "" }, alarm.limit)),
    el("td", {}, unitText(tag.unit)),
    el("td", {}, button.node, end.node),
  );
  return {
    node,
    draw(now) {
      sign.show(now);
      setText(node.querySelector(".unseen"), signName(alarm.priority, now.state));
      setText(state, t(`alarm.state.${STATE_WORDS[now.state]}`));
      setAttribute(node, "class", STATE_WORDS[now.state]);
      setText(time, Number.isFinite(now.raised_ms) ? timeText(now.raised_ms, app.link.now()) : t("alarm.before"));
      drawThen(then, tag, now);
      button.node.hidden = !waitsForAck(now);
      end.node.hidden = !waitsForReset(now);
    },
  };
}

/** What an alarm's tag was when the alarm came, or that it is not known and why. */
export function drawThen(node, tag, { value, unknown }) {
  const known = Number.isFinite(value);
  setAttribute(node, "title", known ? null : t(`then.${unknown}`));
  if (known) return setText(node, valueText(tag, value));
  if (node.dataset.unknown === unknown && node.children.length) return undefined;
  node.dataset.unknown = unknown;
  const short = t(unknown === "asked" ? "then.short_asked" : "then.short_unknown");
  return node.replaceChildren(short, el("span", { class: "unseen" }, `: ${t(`then.${unknown}`)}`));
}

/** What an alarm means and what to do, as `[label, text]`. */
export function guidanceLines(alarm) {
  const { time_s } = alarm;
  const time = time_s >= 120 ? `${Math.round(time_s / 60)} min` : time_s ? `${time_s} s` : "";
  return [
    ["cause", alarm.cause],
    ["consequence", alarm.consequence],
    ["response", alarm.response],
    ["time", time],
  ].map(([key, text]) => [t(`guidance.${key}`), text || t("guidance.not_given")]);
}

function guidance(app) {
  const node = el("section", { class: "guidance", "aria-live": "polite", "aria-label": t("guidance.title") });
  return {
    node,
    show(alarm) {
      if (!alarm) return node.replaceChildren(el("p", { class: "empty" }, t("guidance.choose")));
      return node.replaceChildren(
        el("h3", {}, alarm.tag),
        el("p", {}, alarm.text || app.plant.tag(alarm.tag).text),
        el(
          "dl",
          {},
          guidanceLines(alarm).map(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]),
        ),
        el(
          "p",
          { class: "jumps" },
          el("button", { type: "button", on: { click: () => app.openFaceplate(alarm.tag) } }, t("guidance.faceplate")),
          el("a", { href: `#trend?pens=${alarm.tag}` }, t("guidance.trend")),
        ),
      );
    },
  };
}

/** The screen of alarms. */
export function alarmScreen(app, scope) {
  const rows = new Map();
  const body = el("tbody", { "data-rows": "" });
  const beside = guidance(app);
  const empty = el("p", { class: "empty" }, t("alarm.none"));
  const summary = el("p", { class: "summary", role: "status" });
  let chosen = "";
  const choose = (name) => {
    if (name === chosen) return;
    chosen = name;
    for (const [each, { node }] of rows) setAttribute(node, "aria-selected", each === name ? "true" : null);
    beside.show(app.plant.alarms.get(name));
  };
  const draw = () => {
    const list = app.alarms.list();
    const standing = new Set(list.map((row) => row.alarm.alarm));
    for (const [name, row] of rows)
      if (!standing.has(name)) {
        row.scope.end();
        row.node.remove();
        rows.delete(name);
      }
    list.forEach((row, i) => {
      const name = row.alarm.alarm;
      if (!rows.has(name)) {
        const own = scope.child();
        rows.set(name, { ...alarmRow(app, row, own, choose), scope: own });
      }
      const { node } = rows.get(name);
      // Rows keep the focus: one that stands where it belongs is not moved.
      if (body.children[i] !== node) body.insertBefore(node, body.children[i] ?? null);
      rows.get(name).draw(row);
    });
    if (!standing.has(chosen)) {
      chosen = "";
      beside.show(null);
    }
    empty.hidden = list.length > 0;
    setText(
      summary,
      t("alarm.summary", {
        unack: list.filter((row) => row.state === UNACK).length,
        acked: list.filter((row) => row.state === ACKED).length,
        rtn: list.filter((row) => !stands(row)).length,
      }),
    );
    page.draw();
  };
  const ackPage = async () => {
    const list = app.alarms.list().filter(waitsForAck);
    const agreed = await confirmWrite(app, {
      title: t("ack.page_title"),
      action: t("ack.page_action"),
      lines: [
        [t("confirm.what"), t("ack.page_what", { n: list.length })],
        [t("ack.page_names"), list.map((row) => row.alarm.alarm).join(", ")],
      ],
    });
    if (!agreed) return;
    // One after the other: the plant takes so many at a time, and the rest is not given where the page goes stale.
    for (const { alarm } of list) {
      const row = app.alarms.row(alarm.alarm);
      const record = row && acknowledge(app, row);
      if (record) await app.commands.answered(record);
      else if (app.commands.barred()) return;
    }
  };
  const page = commandButton(
    app,
    { label: t("ack.page"), act: ackPage, barred: () => (app.alarms.list().some(waitsForAck) ? "" : t("ack.none")) },
    scope,
  );
  app.ackChosen = () => {
    const row = app.alarms.row(chosen);
    if (row && !app.commands.barred()) acknowledge(app, row);
    return Boolean(row);
  };
  scope.add(() => {
    app.ackChosen = null;
  });
  app.alarms.listen(draw, scope);
  const quiet = suppressedAlarms(app, scope);
  const columns = ["sign", "state", "time", "tag", "message", "then", "now", "limit", "unit", "action"];
  const screen = el(
    "div",
    { class: "alarm-page" },
    el(
      "div",
      { class: "list" },
      el("div", { class: "bar" }, el("h2", {}, t("screen.alarms")), summary, page.node, quiet.button),
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            columns.map((name) => el("th", { scope: "col" }, t(`alarm.column.${name}`))),
          ),
        ),
        body,
      ),
      empty,
      quiet.section,
    ),
    beside.node,
  );
  beside.show(null);
  draw();
  return screen;
}
