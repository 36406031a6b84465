// The page of the operator: sign in, read the plant's description, connect, show screens by the address.
//
// One object, `app`, holds the parts that screens need. Nothing in it is global, and nothing a screen starts
// outlives it.

import { Scope, el } from "./dom.js";
import { Alarms } from "./alarms.js";
import { Commands } from "./commands.js";
import { Devices } from "./devices.js";
import { Journal } from "./journal.js";
import { Link } from "./link.js";
import { Messages } from "./messages.js";
import { Plant } from "./plant.js";
import { Session } from "./session.js";
import { Values } from "./values.js";
import { alarmScreen } from "./alarm_page.js";
import { deviceScreen } from "./device_page.js";
import { eventScreen } from "./event_page.js";
import { faceplates } from "./faceplate.js";
import { frame } from "./frame.js";
import { interlockScreen } from "./interlock_page.js";
import { keys } from "./keys.js";
import { laboratoryScreen } from "./lab_page.js";
import { matrixScreen } from "./matrix.js";
import { overviewScreen } from "./overview.js";
import { signIn } from "./signin.js";
import { trendScreen } from "./trend_page.js";
import { t } from "./texts.js";

const AGES_MS = 500;
const SCREENS = {
  overview: (app, scope, query) => overviewScreen(app, scope, query.get("display")),
  cells: (app, scope, query) => matrixScreen(app, scope, query.get("display")),
  alarms: alarmScreen,
  interlocks: interlockScreen,
  trend: trendScreen,
  events: eventScreen,
  devices: deviceScreen,
  laboratory: laboratoryScreen,
};
const root = document.documentElement;
const page = document.getElementById("page");

async function description() {
  for (;;) {
    const response = await fetch("/api/v1/plant", { credentials: "same-origin" }).catch(() => null);
    if (response?.ok) return new Plant(await response.json());
    if (response?.status === 401) return null;
    page.replaceChildren(
      el("main", { class: "waiting" }, el("h1", {}, "plantctl"), el("p", { role: "status" }, t("main.waiting"))),
    );
    await new Promise((done) => setTimeout(done, 1000));
  }
}

function connect(app) {
  const session = app.session;
  app.link = new Link(app.plant.asked(), {
    hello(message) {
      // Another configuration has other tags and limits: what is on the screen would be a lie.
      if (message.config && app.plant.config && message.config !== app.plant.config) return location.reload();
      // Another person sits here, signed in from another window: what the first one began is not theirs.
      if (message.user && session.user && message.user !== session.user) return location.reload();
      session.user = message.user ?? session.user;
      session.role = message.role ?? session.role;
      return app.showUser?.();
    },
    rows(rows, names, t_ms, whole) {
      app.values.apply(rows, names, t_ms, whole);
      root.dataset.seq = app.link.seq;
      if (!whole) return;
      root.dataset.ready = "yes";
      app.journal.ask(); // what happened before, or in the gap that this picture ends
    },
    devices: (message) => app.devices.take(message),
    event: (message) => app.journal.take(message),
    stage: (message) => app.commands.stage(message),
    error: (message) => app.messages.fail(t("main.misunderstood", { code: message.code, detail: message.detail })),
    gap({ from, to, why, t_ms }) {
      const text =
        from === null || from === undefined
          ? t("gap.unknown", { why: t(`gap.${why}`) })
          : t("gap.text", { n: to - from + 1, from, to, why: t(`gap.${why}`) });
      app.journal.add({ t_ms, kind: "gap", target: "", text });
      app.messages.note(text);
    },
    freshness(fresh, why) {
      root.dataset.link = fresh ? "live" : "stale";
      if (!fresh && why !== "connecting") app.commands.lost();
      for (const act of [...app.link_watchers]) act(fresh, why);
      app.values.drawAll();
    },
    // The gateway closed before it greeted: it may have forgotten us, as after its restart.
    async refused() {
      const known = await session.known().catch(() => true);
      if (known) return;
      app.link.end();
      location.reload();
    },
  });
  app.values = new Values({
    tagOf: (name) => app.plant.tag(name),
    now: () => app.link.now(),
    isFresh: () => app.link.fresh,
  });
  app.devices = new Devices();
  app.journal = new Journal();
  app.commands = new Commands({
    link: app.link,
    messages: app.messages,
    session,
    now: () => app.link.now(),
    isVerified: (command, target) => command === "set" && app.plant.tag(target).kind === "output",
  });
}

function routes(app, place) {
  let scope = new Scope();
  const show = () => {
    const [name, query = ""] = location.hash.slice(1).split("?");
    const screen = SCREENS[name] ? name : "overview";
    scope.end();
    scope = new Scope();
    place.replaceChildren(SCREENS[screen](app, scope, new URLSearchParams(query)));
    place.dataset.screen = screen;
    const display = new URLSearchParams(query).get("display");
    app.showScreenName(display ? `${screen}?display=${display}` : screen);
    document.title = t("main.title", { screen: t(`screen.${screen}`), plant: app.plant.name });
    // `true` is the first alarm of the list, a name that one.
    const wanted = typeof app.focusAlarm === "string" ? `[data-alarm="${CSS.escape(app.focusAlarm)}"]` : "[data-alarm]";
    if (app.focusAlarm && screen === "alarms") (place.querySelector(wanted) ?? place).focus();
    else if (app.focusScreen) place.focus();
    app.focusAlarm = app.focusScreen = false;
  };
  window.addEventListener("hashchange", show);
  show();
}

async function begin() {
  const session = new Session();
  const app = { session, messages: new Messages(), link_watchers: new Set() };
  while (!(await session.begin().catch(() => false))) await signIn(session, page);
  app.plant = await description();
  if (!app.plant) return location.reload();
  connect(app);
  app.alarms = new Alarms(app, new Scope());
  const places = frame(app, page);
  faceplates(app, places.faceplate);
  routes(app, places.screen);
  keys(app);
  setInterval(() => app.values.drawAll(), AGES_MS);
  app.link.start();
  return app;
}

begin();
