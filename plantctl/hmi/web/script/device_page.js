// The devices of the plant: how they are reached, whether they answer and since when not, which of their values are not
// good, whether their link is protected. Below them where the data goes.

import { el, setClass, setText } from "./dom.js";
import { feedPanel } from "./feed_panel.js";
import { ageText, timeText } from "./format.js";
import { t } from "./texts.js";

const TICK_MS = 500;
const LATELY_MS = 5000;
const NAMES_MAX = 6;

// Only a protocol that knows protection can have it: nothing is promised for the others.
function protection(device) {
  return device.kind === "opcua" ? "device.secure" : "device.no_protection";
}

function lastAnswer(app, name) {
  const last = app.devices.lastAnswer(name);
  if (last === null) return app.devices.link(name) ? t("device.never") : "";
  const age = ageText(last.age_ms);
  return last.age_ms < LATELY_MS
    ? t("device.last", { age })
    : t("device.last_at", { age, time: timeText(last.utc_ms, app.link.now(), 0) });
}

function valuesOf(app, tags) {
  const lost = tags.filter((tag) => ["bad", "old", "uncertain"].includes(app.values.standing(tag).state));
  if (!lost.length) return tags.length ? t("device.good", { n: tags.length }) : "";
  const names = lost.length > NAMES_MAX ? `${lost.slice(0, NAMES_MAX).join(", ")} …` : lost.join(", ");
  return t("device.not_good", { n: lost.length, all: tags.length, names });
}

function deviceRow(app, device, scope) {
  const link = el("td", { class: "state" });
  const last = el("td", {});
  const values = el("td", {});
  const tags = [...app.plant.tags.values()]
    .filter((tag) => tag.device === device.device && tag.kind === "input")
    .map((tag) => tag.tag);
  const node = el(
    "tr",
    { "data-row": device.device, tabindex: -1 },
    el("th", { scope: "row" }, device.device),
    link,
    last,
    values,
    el("td", {}, device.kind),
    el(
      "td",
      {},
      device.address ?? "",
      device.configured
        ? el("div", { class: "configured" }, t("device.configured", { address: device.configured }))
        : null,
    ),
    el("td", {}, device.insecure ? el("strong", {}, t("device.insecure")) : t(protection(device))),
  );
  const draw = () => {
    const word = app.link.fresh ? app.devices.link(device.device) : "";
    setText(link, t(`device.${word || "not_told"}`));
    setClass(node, ["away"], word && word !== "up" ? "away" : "");
    setText(last, lastAnswer(app, device.device));
    setText(values, valuesOf(app, tags));
  };
  scope.every(TICK_MS, draw);
  draw();
  return node;
}

/** The screen of devices. */
export function deviceScreen(app, scope) {
  return el(
    "div",
    { class: "device-page" },
    el("h2", {}, t("screen.devices")),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["device", "link", "age", "values", "kind", "address", "security"].map((key) =>
            el("th", { scope: "col" }, t(`device.column.${key}`)),
          ),
        ),
      ),
      el(
        "tbody",
        { "data-rows": "" },
        app.plant.devices.map((device) => deviceRow(app, device, scope)),
      ),
    ),
    feedPanel(app, scope),
  );
}
