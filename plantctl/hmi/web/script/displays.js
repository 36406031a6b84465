// The way to a plant's other displays of the same kind: a plant may have several overviews and several matrices.

import { el } from "./dom.js";
import { t } from "./texts.js";

/** Links to the displays of a kind, the present one marked; nothing where there is only one. */
export function displayLinks(app, screen, present) {
  const alike = app.plant.displays.filter((display) => display.kind === present.kind);
  if (alike.length < 2) return null;
  return el(
    "nav",
    { class: "displays", "aria-label": t("displays.nav") },
    alike.map((display) =>
      el(
        "a",
        {
          href: `#${screen}?display=${encodeURIComponent(display.display)}`,
          "aria-current": display === present ? "page" : null,
        },
        display.text || display.display,
      ),
    ),
  );
}
