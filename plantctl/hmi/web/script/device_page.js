// The devices of the plant: how they are reached, whether they answer, whether their link is protected.

import { el, setText } from "./dom.js";
import { valueCell } from "./value_cell.js";
import { t } from "./texts.js";

// Only a protocol that knows protection can have it: nothing is promised for the others.
function protection(device) {
  return device.kind === "opcua" ? "device.secure" : "device.no_protection";
}

/** The screen of devices. */
export function deviceScreen(app, scope) {
  const rows = app.plant.devices.map((device) => {
    const link = el("td", {});
    if (device.points?.link) {
      app.values.watch(
        [device.points.link],
        () => {
          const value = app.values.number(device.points.link);
          setText(link, value === 1 ? t("device.up") : value === 0 ? t("device.down") : t("value.not_told"));
        },
        scope,
      );
    } else {
      setText(link, t("device.not_told"));
    }
    return el(
      "tr",
      { "data-row": device.device },
      el("th", { scope: "row" }, device.device),
      el("td", {}, device.kind),
      el("td", {}, device.address ?? ""),
      link,
      el("td", {}, device.points?.age ? valueCell(app, device.points.age, scope) : ""),
      el("td", {}, device.insecure ? el("strong", {}, t("device.insecure")) : t(protection(device))),
    );
  });
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
          ["device", "kind", "address", "link", "age", "security"].map((key) =>
            el("th", { scope: "col" }, t(`device.column.${key}`)),
          ),
        ),
      ),
      el("tbody", { "data-rows": "" }, rows),
    ),
  );
}
