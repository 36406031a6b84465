// The form in which a value of a sample is entered. Enter or the button enters it; leaving a field never does.
//
// What the plant refuses it refuses in its own words, beside the field that is meant; nothing that was typed is lost by
// it. The same entry given again, since no answer came, is made once.
//
// Who looks at another screen finds the form again as it was left, and is told so. It is kept in this page alone, until
// it is entered or cleared; the page of another person begins anew.

import { el, setText } from "./dom.js";
import { ageText, unitText } from "./format.js";
import { giveLab, newKey } from "./lab_book.js";
import { labField, tellRefusal, typedNumber } from "./lab_field.js";
import { isElsewhere, sampleTime, understood, zoneHere } from "./lab_time.js";
import { t } from "./texts.js";

const TICK_MS = 5000;
const TYPED = ["value", "sampled", "sample", "lot", "comment"];

function option(value, text) {
  return el("option", { value }, text);
}

/** What a value of the tag may be: `plausible 0 to 5000 mg/L; specified 0 to 100 mg/L`. */
export function boundsText(app, lab) {
  const tag = app.plant.tag(lab.tag);
  const of = (key, low, high) =>
    Number.isFinite(low) || Number.isFinite(high)
      ? t(key, { low: low ?? "…", high: high ?? "…", unit: unitText(tag.unit) }).trim()
      : "";
  return [of("lab.plausible", tag.low, tag.high), of("lab.specified", lab.low, lab.high)].filter(Boolean).join("; ");
}

function formFields(app) {
  const tags = app.plant.laboratory.map(({ tag }) =>
    option(tag, [tag, app.plant.tag(tag).text].filter(Boolean).join(" – ")),
  );
  const zones = [isElsewhere() ? option("here", t("lab.zone_here", { zone: zoneHere() })) : null, option("utc", "UTC")];
  return {
    tag: labField({ name: "tag", label: t("lab.tag"), control: el("select", {}, tags) }),
    value: labField({ name: "value", label: t("lab.value"), inputmode: "decimal" }),
    unit: labField({ name: "unit", label: t("lab.unit"), maxlength: 20 }),
    sampled: labField({
      name: "sampled",
      label: t("lab.sampled"),
      control: el("input", { type: "datetime-local", max: "9999-12-31T23:59" }),
    }),
    zone: labField({ name: "zone", label: t("lab.zone"), control: el("select", {}, zones) }),
    sample: labField({ name: "sample", label: t("lab.sample"), maxlength: 60 }),
    lot: labField({ name: "lot", label: t("lab.lot"), maxlength: 60 }),
    comment: labField({ name: "comment", label: t("lab.comment"), maxlength: 200 }),
  };
}

// What is asked, or null where a field has already been told why not.
function askedOf(fields) {
  const value = typedNumber(fields.value.text());
  if (!Number.isFinite(value)) return void fields.value.refuse(t("entry.not_a_number"));
  const { utc_ms, wrong } = sampleTime(fields.sampled.text(), fields.zone.text());
  if (wrong) return void fields.sampled.refuse(wrong);
  const [unit, sample, lot, comment] = ["unit", "sample", "lot", "comment"].map((name) => fields[name].text());
  const sampled = new Date(utc_ms).toISOString();
  return { do: "enter", tag: fields.tag.text(), value, unit, sampled, sample, lot, comment };
}

/**
 * The one form of the page: `show(scope, wanted, entered)` gives its node to a screen. `wanted` is the tag that is
 * chosen first, `entered(entry)` is told what was made of it.
 */
export function labForm(app) {
  const fields = formFields(app);
  const all = Object.values(fields);
  const general = el("p", { class: "why", role: "alert" });
  const go = el("button", { type: "submit", class: "command" }, t("lab.enter"));
  const drop = el("button", { type: "button" }, t("lab.clear"));
  const barred = el("p", { class: "why barred", role: "status" });
  const kept = el("p", { class: "kept", role: "status" });
  const inside = el("fieldset", {}, el("legend", { class: "unseen" }, t("lab.enter_heading")), [
    kept,
    fields.tag.node,
    el("div", { class: "pair" }, fields.value.node, fields.unit.node),
    fields.sampled.node,
    fields.zone.node,
    el("div", { class: "pair" }, fields.sample.node, fields.lot.node),
    fields.comment.node,
    general,
    el("div", { class: "buttons" }, drop, go),
  ]);
  const form = el("form", { class: "lab-form", novalidate: true, "aria-labelledby": "lab-enter" }, barred, inside);
  let key = "";
  let sending = false;
  let begun = false; // something was typed that is not entered
  let left = null;
  let left_ms = 0;
  let next = ""; // the tag that is chosen once the form is free
  let tellEntered = null;

  const chosen = () => app.plant.laboratory.find(({ tag }) => tag === fields.tag.text());
  const drawTag = () => {
    fields.unit.input.value = unitText(app.plant.tag(chosen().tag).unit);
    fields.value.tell(boundsText(app, chosen()));
    fields.tag.tell(t(chosen().signatures === 2 ? "lab.two_sign" : "lab.one_signs"));
    fields.value.clear();
    fields.unit.clear();
  };
  const drawTime = () => {
    const zone = fields.zone.text();
    const { utc_ms, wrong } = sampleTime(fields.sampled.text(), zone);
    fields.sampled.tell(wrong ? "" : understood(utc_ms, zone, app.link.now()));
  };
  const drawBarred = () => {
    const why = app.commands.barred();
    if (why && inside.contains(document.activeElement)) left = document.activeElement;
    inside.disabled = Boolean(why);
    setText(barred, why ? t("lab.read_only", { why }) : "");
    if (!why && left && document.activeElement === document.body) left.focus();
    if (!why) left = null;
  };
  const choose = (tag) => {
    if (app.plant.laboratory.some((lab) => lab.tag === tag)) fields.tag.input.value = tag;
    drawTag();
  };
  const free = () => {
    begun = false;
    drop.hidden = true;
    setText(kept, "");
  };
  const clear = () => {
    for (const each of all) each.clear();
    for (const name of TYPED) fields[name].input.value = "";
    setText(general, "");
    key = "";
    free();
    choose(next);
    drawTime();
  };
  form.addEventListener("input", () => {
    key = "";
    begun = TYPED.some((name) => fields[name].text());
    drop.hidden = !begun;
    setText(general, "");
  });
  drop.addEventListener("click", () => {
    if (sending) return;
    clear();
    fields.value.input.focus();
  });
  fields.tag.input.addEventListener("change", drawTag);
  for (const each of [fields.sampled, fields.zone]) each.input.addEventListener("input", drawTime);
  fields.zone.input.addEventListener("input", fields.sampled.clear);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (sending || inside.disabled) return;
    for (const each of all) each.clear();
    setText(general, "");
    const asked = askedOf(fields);
    if (!asked) return;
    sending = true;
    key ||= newKey();
    const typed = new Map(all.map((field) => [field, field.input.value]));
    form.setAttribute("aria-busy", "true");
    const { entry, refused } = await giveLab({ ...asked, idem: key });
    form.removeAttribute("aria-busy");
    sending = false;
    if (refused) {
      // Who has gone to another screen is told there; beside its field it stands for when they are back.
      if (!form.isConnected) app.messages.fail(t("lab.not_entered", { tag: asked.tag, why: refused.detail }));
      return tellRefusal(refused, all, general);
    }
    key = "";
    if (all.every((field) => field.input.value === typed.get(field))) free();
    // One sample may have values of several tags: its number and its time stay together, or go together.
    const another = app.plant.laboratory.length > 1 ? [] : ["sampled", "sample"];
    for (const field of ["value", "comment", ...another].map((name) => fields[name])) {
      if (field.input.value === typed.get(field)) field.input.value = "";
    }
    drawTime();
    // Where the person has gone on in the meantime, what was typed and the focus stay.
    if (form.contains(document.activeElement) || document.activeElement === document.body) fields.value.input.focus();
    tellEntered(entry);
  });
  const show = (scope, wanted, entered) => {
    tellEntered = entered;
    next = wanted;
    if (!begun && !sending) clear();
    // A value that was typed for one tag is never taken for another's.
    else if (!fields.value.text() && wanted) choose(wanted);
    const other = wanted && wanted !== fields.tag.text() ? "lab.kept_other" : "lab.kept";
    if (begun) setText(kept, t(other, { tag: fields.tag.text(), wanted, age: ageText(app.link.now() - left_ms) }));
    drawTime();
    drawBarred();
    app.link_watchers.add(drawBarred);
    scope.add(() => {
      left_ms = app.link.now();
      app.link_watchers.delete(drawBarred);
    });
    scope.every(TICK_MS, drawTime);
    return form;
  };
  return { show };
}
