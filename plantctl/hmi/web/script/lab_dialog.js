// The question before an entry is signed, corrected or withdrawn: which entry it is, and what it needs besides.
//
// A refusal is shown where it was asked, and the question stays open for another try. It is closed without an answer
// when the page goes stale, as every question.

import { el, setText } from "./dom.js";
import { unitText, withUnit } from "./format.js";
import { giveLab, givenBy, newKey, sampledMs } from "./lab_book.js";
import { labField, tellRefusal, typedNumber } from "./lab_field.js";
import { hereText, isElsewhere, utcText } from "./lab_time.js";
import { t } from "./texts.js";

/** A value of an entry with its unit. */
export function entryValue(app, entry) {
  return withUnit(app.plant.tag(entry.tag), entry.value ?? NaN);
}

function linesOf(app, entry) {
  const sampled_ms = sampledMs(entry);
  const { person, given } = givenBy(entry);
  const value = entryValue(app, entry);
  const as = given && given !== value ? ` ${t("lab.as_given", { given })}` : "";
  return [
    [t("lab.tag"), [entry.tag, app.plant.tag(entry.tag).text].filter(Boolean).join(" – ")],
    [t("lab.value"), `${value}${as}`],
    [t("lab.sampled"), utcText(sampled_ms) + (isElsewhere() ? ` (${hereText(sampled_ms)})` : "")],
    [t("lab.sample"), entry.sample],
    [t("lab.lot"), entry.lot],
    [t("lab.given_by"), person],
    [t("lab.comment"), entry.comment],
  ].filter(([, text]) => text);
}

const FIELDS = {
  sign: () => [labField({ name: "comment", label: t("lab.comment"), maxlength: 200 })],
  correct: (app, entry) => [
    labField({ name: "value", label: t("lab.new_value"), inputmode: "decimal" }),
    labField({ name: "unit", label: t("lab.unit"), maxlength: 20, value: unitText(app.plant.tag(entry.tag).unit) }),
    labField({ name: "reason", label: t("confirm.reason"), maxlength: 200 }),
  ],
  withdraw: () => [labField({ name: "reason", label: t("confirm.reason"), maxlength: 200 })],
};

// What is asked, or null where a field has already been told why not.
function askedOf(what, entry, fields) {
  const asked = { do: what, entry: entry.entry };
  for (const field of fields) asked[field.name] = field.text();
  if (!("value" in asked)) return asked;
  asked.value = typedNumber(asked.value);
  if (Number.isFinite(asked.value)) return asked;
  return void fields[0].refuse(t("entry.not_a_number"));
}

/** Ask, and do `what` (sign, correct, withdraw); gives the entry as it stands then, null where nothing was done. */
export function askLab(app, what, entry) {
  return new Promise((answer) => {
    const fields = FIELDS[what](app, entry);
    const general = el("p", { class: "why", role: "alert" });
    const cancel = el("button", { type: "button", class: "cancel" }, t("confirm.cancel"));
    const go = el("button", { type: "submit", class: "go" }, t(`lab.${what}`));
    const form = el(
      "form",
      { novalidate: true },
      el("h2", { id: "lab-title" }, t(`lab.${what}_title`, { entry: entry.entry })),
      el("p", { class: "meaning" }, t(`lab.${what}_means`)),
      el(
        "dl",
        {},
        linesOf(app, entry).map(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]),
      ),
      fields.map((field) => field.node),
      general,
      el("div", { class: "buttons" }, cancel, go),
    );
    const dialog = el("dialog", { class: "lab-dialog", "aria-labelledby": "lab-title" }, form);
    const key = newKey();
    let done = null;
    let sending = false;
    const watch = (fresh) => {
      if (fresh || !dialog.open) return;
      app.messages.fail(t("confirm.closed", { title: t(`lab.${what}_title`, { entry: entry.entry }) }));
      dialog.close();
    };
    app.link_watchers.add(watch);
    cancel.addEventListener("click", () => dialog.close());
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (sending) return;
      for (const field of fields) field.clear();
      setText(general, "");
      const asked = askedOf(what, entry, fields);
      if (!asked) return;
      sending = true;
      const { entry: made, refused } = await giveLab({ ...asked, idem: key });
      sending = false;
      if (refused) return tellRefusal(refused, fields, general);
      done = made;
      return dialog.close();
    });
    dialog.addEventListener("close", () => {
      app.link_watchers.delete(watch);
      dialog.remove();
      answer(done);
    });
    document.body.append(dialog);
    dialog.showModal();
    (what === "sign" ? cancel : fields[0].input).focus();
  });
}
