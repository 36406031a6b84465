// The faceplate beside the screen: everything of one loop or one tag, and what a person may do with it.
//
// It opens for a loop, a point of a loop, or a tag; Esc closes it and gives the focus back. A tag's faceplate shows the
// other instruments of the same equipment, so that the one of a rectifier's switch is the rectifier's.

import { Scope, el } from "./dom.js";
import { loopFaceplate } from "./faceplate_loop.js";
import { tagFaceplate } from "./faceplate_tag.js";
import { t } from "./texts.js";

/** Makes `app.openFaceplate(name)` and `app.closeFaceplate()`; `place` is the frame's room for it. */
export function faceplates(app, place) {
  let scope = null;
  let opener = null;
  let shown = "";
  app.openFaceplate = (name) => {
    const from = document.activeElement;
    if (!scope && from && !place.contains(from)) opener = from;
    scope?.end();
    scope = new Scope();
    shown = name;
    const loop = app.plant.loops.get(name) ?? (app.plant.tags.has(name) ? null : app.plant.loopOfTag.get(name));
    const title = loop ? loop.loop : name;
    const text = loop ? loop.text : app.plant.tag(name).text;
    const close = el(
      "button",
      { type: "button", class: "close", "aria-label": t("faceplate.close"), on: { click: () => app.closeFaceplate() } },
      "×",
    );
    const heading = el("h2", { tabindex: -1 }, title);
    place.replaceChildren(
      el("div", { class: "head" }, heading, close),
      el("p", { class: "what" }, text),
      loop ? loopFaceplate(app, loop, scope) : tagFaceplate(app, name, scope),
    );
    place.hidden = false;
    document.body.classList.add("with-faceplate");
    heading.focus();
  };
  app.closeFaceplate = () => {
    if (!scope) return false;
    scope.end();
    scope = null;
    shown = "";
    place.hidden = true;
    place.replaceChildren();
    document.body.classList.remove("with-faceplate");
    if (opener?.isConnected) opener.focus();
    opener = null;
    return true;
  };
  app.shownFaceplate = () => shown;
}
