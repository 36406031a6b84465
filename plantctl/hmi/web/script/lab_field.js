// A field of the laboratory's forms: its label, what is meant by it, and beside it why it was refused.

import { el, setAttribute, setText } from "./dom.js";

let number = 0;

/** A field by its `name` in the request; `control` takes the place of a line of text. `hint` stands below it. */
export function labField({ name, label, control, hint = "", ...attributes }) {
  const id = `lab-${name}-${++number}`;
  const input = control ?? el("input", { type: "text", autocomplete: "off", spellcheck: "false", ...attributes });
  const below = el("span", { class: "hint", id: `${id}-hint` }, hint);
  const why = el("span", { class: "why", id: `${id}-why` });
  setAttribute(input, "id", id);
  setAttribute(input, "name", name);
  setAttribute(input, "aria-describedby", `${id}-why ${id}-hint`);
  const clear = () => {
    setText(why, "");
    setAttribute(input, "aria-invalid", null);
  };
  input.addEventListener("input", clear);
  return {
    name,
    input,
    node: el("div", { class: "lab-field" }, el("label", { for: id }, label), input, why, below),
    text: () => input.value.trim(),
    tell: (text) => setText(below, text),
    clear,
    refuse(text) {
      setText(why, text);
      setAttribute(input, "aria-invalid", "true");
      input.focus();
    },
  };
}

/** A number as it is typed, with point or comma; NaN where it is none. */
export function typedNumber(text) {
  return /^[+-]?(\d+([.,]\d*)?|[.,]\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text.replace(",", ".")) : NaN;
}

/** Say why something was refused: beside its field, else at `general`. */
export function tellRefusal({ detail, field }, fields, general) {
  const meant = fields.find((each) => each.name === field);
  if (meant) meant.refuse(detail);
  else setText(general, detail);
}
