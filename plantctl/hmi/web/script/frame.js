// The fixed frame around every screen: alarms, link and data age, who sits here, the time, what is not normal, keys.
//
// None of it can be hidden: a person who looks at any screen sees what waits and whether the values can be trusted.

import { Scope, el, setAttribute, setClass, setText } from "./dom.js";
import { ACKED, PRIORITIES, UNACK, stands, waitsForAck } from "./alarms.js";
import { alarmPlace, alarmShape } from "./alarm_shape.js";
import { ageText, clockText, limitText } from "./format.js";
import { abnormalities } from "./abnormal.js";
import { valueSentence } from "./value_cell.js";
import { t } from "./texts.js";

const SCREENS = ["overview", "cells", "alarms", "interlocks", "trend", "events", "devices", "laboratory"];
const TICK_MS = 250;
const ANNOUNCE_MS = 4000;

// The first overview and the first matrix have a screen's name; each further display is a screen of its own.
function furtherDisplays(plant) {
  const seen = new Set();
  return plant.displays
    .map((each) => ({ ...each, screen: each.kind === "matrix" ? "cells" : "overview" }))
    .filter(({ screen }) => seen.has(screen) || !seen.add(screen));
}

function alarmCounts(app, scope) {
  const nodes = PRIORITIES.map((priority) => {
    const number = el("span", { class: "number" }, "0");
    const sign = el("span", { class: "sign" });
    const node = el("span", { class: "count" }, sign, number);
    return { priority, node, number, sign, shown: -1 };
  });
  const draw = () => {
    for (const place of nodes) {
      const { standing, returned, unack, state: worst } = app.alarms.count(place.priority);
      const some = standing + returned;
      setText(place.number, String(some));
      place.node.classList.toggle("some", some > 0);
      const state = some ? worst : ACKED;
      if (place.shown !== state) place.sign.replaceChildren(alarmShape(place.priority, state, null));
      place.shown = state;
      setAttribute(place.node, "aria-label", t("frame.count", { priority: place.priority, standing, returned, unack }));
      setAttribute(place.node, "role", "img");
    }
  };
  app.alarms.listen(draw, scope);
  draw();
  return el(
    "div",
    { class: "counts" },
    nodes.map((place) => place.node),
  );
}

function highestAlarm(app, scope) {
  const sign = alarmPlace();
  const text = el("span", { class: "text" });
  const node = el("a", { class: "highest", href: "#alarms" }, sign.node, text);
  const draw = () => {
    const row = app.alarms.highest();
    const waiting = app.alarms.list().filter((each) => waitsForAck(each)).length;
    sign.show(row);
    node.classList.toggle("some", Boolean(row));
    setAttribute(node, "title", row ? alarmSentence(app, row) : null);
    const more = waiting > 1 ? ` ${t("frame.more", { n: waiting - 1 })}` : "";
    const said = row ? `${alarmSentence(app, row)}${more}` : t("frame.no_alarm");
    setText(text, app.link.fresh ? said : t("frame.last_known", { said }));
  };
  app.alarms.listen(draw, scope);
  scope.every(2 * TICK_MS, draw); // the value goes on
  draw();
  return node;
}

/** An alarm in words: which, what, the value now and its limit; one whose value is back says so first. */
export function alarmSentence(app, row) {
  const tag = app.plant.tag(row.alarm.tag);
  const value = valueSentence(app, row.alarm.tag);
  const limit =
    row.alarm.limit === undefined || row.alarm.limit === null || tag.states
      ? ""
      : t("alarm.limit", { limit: limitText(tag, row.alarm.limit) });
  const text = row.alarm.text || tag.text;
  // The alarm of a switch names the state that it warns of: while that is so, it is not said twice.
  const now = text.endsWith(`: ${value}`) ? "" : `: ${value} ${limit}`;
  const said = `${row.alarm.tag} ${text}${now}`.trim();
  return stands(row) ? said : t("alarm.returned", { said });
}

// New alarms are told to who listens, but at most every few seconds: the highest, and how many came with it.
function announcer(app, scope) {
  const node = el("div", { class: "unseen", "aria-live": "assertive", "aria-atomic": "true" });
  let fresh = [];
  let timer = 0;
  const tell = () => {
    timer = 0;
    if (!fresh.length) return;
    fresh.sort((a, b) => a.alarm.priority - b.alarm.priority);
    const row = app.alarms.row(fresh[0].alarm.alarm);
    if (row)
      setText(
        node,
        t("frame.announce", { n: fresh.length, priority: row.alarm.priority, text: alarmSentence(app, row) }),
      );
    fresh = [];
    timer = setTimeout(tell, ANNOUNCE_MS);
  };
  app.alarms.listen(({ alarm, state, before, first }) => {
    if (state !== UNACK || before === UNACK || first) return;
    fresh.push({ alarm });
    if (!timer) timer = setTimeout(tell, 200);
  }, scope);
  return node;
}

function linkState(app, scope) {
  const word = el("span", { class: "word" });
  const age = el("span", { class: "age" });
  const node = el(
    "div",
    { class: "link", role: "status", "aria-live": "off" },
    el("span", { class: "lamp", "aria-hidden": "true" }),
    word,
    age,
  );
  const draw = () => {
    const { link } = app;
    const shown = link.fresh ? (link.state === "held" ? "held" : "live") : "stale";
    setClass(node, ["live", "held", "stale"], shown);
    setText(word, link.fresh ? t("link.live") : t(`link.${link.why}`));
    const data_ms = link.silence_ms() + (Number.isFinite(link.scan_age_ms) ? link.scan_age_ms : 0);
    setText(age, Number.isFinite(data_ms) ? t("link.age", { age: ageText(data_ms) }) : "");
  };
  scope.every(TICK_MS, draw);
  app.link_watchers.add(draw);
  draw();
  return node;
}

function staleBanner(app) {
  const text = el("p", { role: "alert" });
  const age = el("span", { class: "age" });
  const node = el("div", { class: "stale-banner" }, text, age);
  let shown = null;
  const draw = () => {
    const why = app.link.fresh ? "" : app.link.why;
    if (why !== shown) setText(text, why ? t(`banner.${why}`) : "");
    shown = why;
    node.hidden = app.link.fresh;
    setText(
      age,
      app.link.fresh || !Number.isFinite(app.link.silence_ms())
        ? ""
        : t("banner.age", { age: ageText(app.link.silence_ms()) }),
    );
  };
  return { node, draw };
}

function notNormal(app, scope) {
  const list = el("ul", { class: "not-normal", "aria-label": t("frame.not_normal") });
  let shown = "";
  const draw = () => {
    const items = abnormalities(app);
    const key = JSON.stringify(items.map(({ kind, text, title }) => [kind, text, title]));
    if (key === shown) return;
    shown = key;
    list.replaceChildren(
      ...items.map(({ kind, text, title, act }) =>
        el(
          "li",
          { class: kind },
          act ? el("button", { type: "button", title, on: { click: act } }, text) : el("span", { title }, text),
        ),
      ),
    );
    if (!items.length) list.append(el("li", { class: "none" }, t("frame.all_normal")));
  };
  scope.every(TICK_MS, draw);
  // A trip must not stand beside the word that nothing is tripped, not even for a moment.
  const urgent = [...app.plant.effects.values()].flatMap((effect) => [effect.points?.tripped, effect.points?.active]);
  app.values.watch(["scan.held", ...urgent], draw, scope);
  return list;
}

/** Build the frame into `page`; gives the places for the screen and the faceplate. */
export function frame(app, page) {
  const scope = new Scope();
  const clock = el("time", { class: "clock" });
  const banner = staleBanner(app);
  const tick = () => {
    setText(clock, clockText(app.link.now()));
    banner.draw();
  };
  scope.every(TICK_MS, tick);
  app.link_watchers.add(tick);
  const user = el("span", { class: "user" });
  app.showUser = () => setText(user, t("frame.user", { user: app.session.user, role: app.session.role }));
  app.showUser();
  const there = {
    cells: app.plant.displays.some((display) => display.kind === "matrix"),
    laboratory: app.plant.laboratory.length > 0,
  };
  const screens = SCREENS.filter((name) => there[name] ?? true);
  const nav = el(
    "nav",
    { "aria-label": t("frame.screens") },
    screens.map((name) => el("a", { href: `#${name}`, "data-screen": name }, t(`screen.${name}`))),
    furtherDisplays(app.plant).map(({ display, screen, text }) =>
      el(
        "a",
        { href: `#${screen}?display=${display}`, "data-screen": `${screen}?display=${display}`, title: text },
        display.replaceAll("_", " "),
      ),
    ),
  );
  const screen = el("main", { id: "screen", tabindex: -1 });
  const faceplate = el("aside", { id: "faceplate", "aria-label": t("frame.faceplate"), hidden: true });
  const simulation = app.plant.simulated ? el("strong", { class: "simulation" }, t("frame.simulation")) : null;
  page.replaceChildren(
    el(
      "header",
      {},
      el(
        "div",
        { class: "first" },
        el("h1", { title: app.plant.text }, app.plant.name),
        simulation,
        alarmCounts(app, scope),
        highestAlarm(app, scope),
        linkState(app, scope),
        el("div", { class: "who" }, user, clock),
      ),
      el("div", { class: "second" }, nav, notNormal(app, scope)),
      banner.node,
    ),
    screen,
    faceplate,
    app.messages.node,
    announcer(app, scope),
    el("footer", {}, t("frame.keys")),
  );
  app.showScreenName = (name) => {
    for (const link of nav.children) setAttribute(link, "aria-current", link.dataset.screen === name ? "page" : null);
  };
  tick();
  return { screen, faceplate };
}
