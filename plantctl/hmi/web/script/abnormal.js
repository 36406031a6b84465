// What is not normal, and must be seen on every screen: held outputs, trips, forces, lost devices and feeds, links
// that are not secure.
//
// The list is made of what the plant tells; an entry leads to where something can be done about it.

import { needsSomebody } from "./feed_panel.js";
import { isForced, isSimulated } from "./quality.js";
import { confirmWrite } from "./confirm.js";
import { t } from "./texts.js";

const MAN = 3;

/** True while outputs wait for a person's release. */
export function isHeld(app) {
  return app.link.state === "held" || app.values.number("scan.held") === 1;
}

/** Ask, then release the outputs after a restart of scan or field. */
export async function release(app) {
  const tripped = [...app.plant.effects.values()].filter((effect) => app.values.number(effect.points?.active) === 1);
  const agreed = await confirmWrite(app, {
    title: t("release.title"),
    lines: [
      [t("confirm.what"), t("release.what")],
      [t("release.tripped"), tripped.length ? tripped.map((effect) => effect.effect).join(", ") : t("release.none")],
    ],
    action: t("release.action"),
    withReason: true,
  });
  if (agreed)
    app.commands.give({
      command: "release",
      target: "plant",
      reason: agreed.reason,
      says: t("release.says"),
      done: t("release.done"),
    });
}

function listed(names) {
  const most = 4;
  return names.length > most ? `${names.slice(0, most).join(", ")} …` : names.join(", ");
}

function counted(key, names, kind, act) {
  return names.length
    ? [{ kind, text: t(key, { n: names.length, names: listed(names) }), title: names.join(", "), act }]
    : [];
}

/** The list, most urgent first: `{kind, text, title, act}`. */
export function abnormalities(app) {
  const { plant, values } = app;
  const go = (hash) => () => {
    location.hash = hash;
  };
  const is = (point) => Boolean(point) && values.number(point) === 1;
  const found = [];
  if (isHeld(app))
    found.push({ kind: "held", text: t("abnormal.held"), title: t("abnormal.held_title"), act: () => release(app) });
  const tripped = [
    ...new Set(
      [...plant.effects.values()]
        .filter((effect) => is(effect.points?.tripped) || is(effect.points?.active))
        .map((effect) => effect.group || effect.effect),
    ),
  ];
  found.push(...counted("abnormal.tripped", tripped, "tripped", go("interlocks")));
  const away = plant.devices.map((device) => device.device).filter((name) => app.devices.isAway(name));
  found.push(...counted("abnormal.away", away, "away", go("devices")));
  const feeds = plant.feeds.filter((feed) => needsSomebody(app, feed)).map((feed) => feed.feed);
  found.push(...counted("abnormal.feeds", feeds, "feeds", go("devices")));
  const forced = [];
  const simulated = [];
  for (const tag of plant.tags.keys()) {
    const quality = values.read(tag)?.quality ?? 0;
    if (isForced(quality)) forced.push(tag);
    if (isSimulated(quality) && !plant.simulated) simulated.push(tag);
  }
  found.push(...counted("abnormal.forced", forced, "forced"), ...counted("abnormal.simulated", simulated, "simulated"));
  const bypassed = [...plant.causes.values()].filter((cause) => is(cause.points?.bypassed)).map((cause) => cause.cause);
  found.push(...counted("abnormal.bypassed", bypassed, "bypassed", go("interlocks")));
  const insecure = plant.devices.filter((device) => device.insecure).map((device) => device.device);
  found.push(...counted("abnormal.insecure", insecure, "insecure", go("devices")));
  const manual = [...plant.loops.values()]
    .filter((loop) => values.number(loop.points?.mode) === MAN)
    .map((loop) => loop.loop);
  found.push(...counted("abnormal.manual", manual, "manual", go("overview")));
  return found;
}
