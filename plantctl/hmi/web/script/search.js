// Find a tag, loop or alarm by a few letters of its name or its text, and open its faceplate.

import { el, setAttribute } from "./dom.js";
import { t } from "./texts.js";

const SHOWN = 12;

/** How well `asked` fits: letters in order, better where they stand together and early; -1 where they do not. */
export function fit(asked, text) {
  const there = text.toLowerCase();
  const whole = there.indexOf(asked);
  if (whole >= 0) return 1000 - whole;
  let at = -1;
  let gaps = 0;
  for (const letter of asked) {
    const next = there.indexOf(letter, at + 1);
    if (next < 0) return -1;
    gaps += next - at - 1;
    at = next;
  }
  return Math.max(0, 500 - gaps);
}

function candidates(app) {
  const loops = [...app.plant.loops.values()].map((loop) => ({ name: loop.loop, text: loop.text }));
  const tags = [...app.plant.tags.values()]
    .filter((tag) => tag.kind !== "system" && !app.plant.loops.has(tag.tag))
    .map((tag) => ({ name: tag.tag, text: tag.text }));
  return [...loops, ...tags];
}

/** Open the search; choosing one opens its faceplate. */
export function search(app) {
  const all = candidates(app);
  const input = el("input", {
    type: "text",
    id: "search",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "found",
    autocomplete: "off",
  });
  const list = el("ul", { id: "found", role: "listbox", "aria-label": t("search.found") });
  const dialog = el(
    "dialog",
    { class: "search", "aria-label": t("search.title") },
    el("label", { for: "search" }, t("search.title")),
    input,
    list,
  );
  let found = [];
  let chosen = 0;
  const open = (i) => {
    dialog.close();
    if (found[i]) app.openFaceplate(found[i].name);
  };
  const mark = () => {
    [...list.children].forEach((item, i) => setAttribute(item, "aria-selected", String(i === chosen)));
    setAttribute(input, "aria-activedescendant", found.length ? `found-${chosen}` : null);
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const draw = () => {
    const asked = input.value.trim().toLowerCase();
    found = all
      .map((each) => ({ ...each, fit: asked ? Math.max(fit(asked, each.name), fit(asked, each.text ?? "") - 1) : 0 }))
      .filter((each) => each.fit >= 0)
      .sort((a, b) => b.fit - a.fit)
      .slice(0, SHOWN);
    chosen = 0;
    list.replaceChildren(
      ...found.map((each, i) =>
        el(
          "li",
          { id: `found-${i}`, role: "option", on: { click: () => open(i) } },
          el("span", { class: "tag" }, each.name),
          el("span", { class: "text" }, each.text ?? ""),
        ),
      ),
    );
    if (!found.length)
      list.append(el("li", { class: "empty", role: "option", "aria-disabled": "true" }, t("search.nothing")));
    mark();
  };
  input.addEventListener("input", draw);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      chosen = Math.max(0, Math.min(found.length - 1, chosen + (event.key === "ArrowDown" ? 1 : -1)));
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      open(chosen);
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  draw();
  input.focus();
}
