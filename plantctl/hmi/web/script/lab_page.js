// The laboratory: what waits for its second signature, a form to enter a value of a sample, and of each tag the last
// samples with everything that is known of them. Only the book tells what stands; this page keeps nothing of its own
// but what a person has begun to type.

import { el, setText } from "./dom.js";
import { entryValue, askLab } from "./lab_dialog.js";
import { givenBy, labBook, sampledMs, signedBy } from "./lab_book.js";
import { boundsText, labForm } from "./lab_form.js";
import { hereText, utcText } from "./lab_time.js";
import { valueCell } from "./value_cell.js";
import { commandButton } from "./write.js";
import { t } from "./texts.js";

const COLUMNS = ["sampled", "value", "state", "which", "given_by", "signed_by", "do"];

// Where the plant asks for no second signature, there is nothing to sign.
function stateText(entry) {
  const { corrected } = givenBy(entry);
  const words = [t(`lab.state.${entry.state}`)];
  if (corrected && entry.state !== "withdrawn") words.push(t("lab.corrected"));
  return words.join(", ");
}

function mine(app, entry) {
  return givenBy(entry).person === app.session.user;
}

// What became of it, and why; else what was remarked when it was entered.
function whyText(entry) {
  const last = entry.steps.at(-1);
  const values = entry.steps.filter((step) => step.given);
  if (last.do === "withdrawn") return t("lab.withdrawn_why", { before: values.at(-1).given, why: last.why });
  if (values.length > 1) return t("lab.corrected_why", { before: values.at(-2).given, why: values.at(-1).why });
  return entry.comment;
}

// What waits is acted on where it waits, a withdrawn entry nowhere.
function actions(app, entry, act, scope, withTag) {
  if (entry.state === "withdrawn" || (entry.state === "unsigned" && !withTag)) return [];
  const button = (what, barred) =>
    commandButton(app, { label: t(`lab.${what}`), act: () => act(what, entry), barred }, scope).node;
  const sign = entry.state === "unsigned" ? [button("sign", () => (mine(app, entry) ? t("lab.own") : ""))] : [];
  const buttons = [...sign, button("correct"), button("withdraw")];
  for (const each of buttons) each.setAttribute("aria-label", `${each.textContent} ${entry.entry}`);
  return buttons;
}

function entryRow(app, entry, act, scope, withTag) {
  const sampled_ms = sampledMs(entry);
  const beyond = entry.specification ? el("strong", { class: "beyond" }, t(`lab.${entry.specification}`)) : null;
  return el(
    "tr",
    { "data-row": entry.entry, class: entry.state },
    withTag ? el("th", { scope: "row" }, entry.tag) : null,
    el("td", { class: "time", title: hereText(sampled_ms) }, utcText(sampled_ms)),
    el("td", { class: "found" }, entry.state === "withdrawn" ? t("value.none") : entryValue(app, entry), " ", beyond),
    el("td", { class: "state" }, stateText(entry), el("small", {}, whyText(entry))),
    el("td", { class: "which" }, entry.sample, entry.lot ? el("small", {}, t("lab.of_lot", { lot: entry.lot })) : null),
    el("td", {}, givenBy(entry).person, mine(app, entry) ? ` ${t("lab.you")}` : ""),
    withTag ? null : el("td", {}, signedBy(entry)),
    el("td", { class: "acts" }, actions(app, entry, act, scope, withTag)),
  );
}

function heads(withTag) {
  const keys = withTag ? ["tag", ...COLUMNS.filter((key) => key !== "signed_by")] : COLUMNS;
  return el(
    "thead",
    {},
    el(
      "tr",
      {},
      keys.map((key) => el("th", { scope: "col" }, t(`lab.${key}`))),
    ),
  );
}

// The rows of a tag stand below what the plant has of it now.
function tagRows(app, lab, scope) {
  const tag = app.plant.tag(lab.tag);
  const open = el(
    "button",
    { type: "button", class: "name", "data-open": lab.tag, on: { click: () => app.openFaceplate(lab.tag) } },
    lab.tag,
  );
  const about = [lab.method, boundsText(app, lab)].filter(Boolean).join("; ");
  const head = el(
    "tr",
    { class: "of-tag" },
    el("th", { scope: "rowgroup", colspan: 2 }, open, el("small", {}, tag.text)),
    el(
      "td",
      { colspan: COLUMNS.length - 2 },
      t("lab.in_plant"),
      " ",
      valueCell(app, lab.tag, scope),
      el("small", {}, about),
    ),
  );
  const body = el("tbody", { "data-rows": "", "data-tag": lab.tag }, head);
  return {
    body,
    draw(entries, row) {
      const told = entries.filter((entry) => entry.tag === lab.tag);
      const none = el("tr", {}, el("td", { class: "empty", colspan: COLUMNS.length }, t("lab.nothing")));
      body.replaceChildren(head, ...(told.length ? told.map((entry) => row(entry, false)) : [none]));
    },
  };
}

// The button of an entry with that label, else another of its buttons, else the head of the screen.
function focusNear(place, entry, label) {
  const buttons = [...place.querySelectorAll(`[data-row="${entry}"] button:not(:disabled)`)];
  const same = buttons.find((each) => each.getAttribute("aria-label") === label);
  (same ?? buttons[0] ?? place.querySelector("h2")).focus();
}

// Rows are made anew where the book has changed: the focus stays on the same button of the same entry, or near it.
function keepingFocus(place, change) {
  const here = document.activeElement;
  const entry = place.contains(here) ? here.closest("tr[data-row]")?.dataset.row : undefined;
  const label = here?.getAttribute("aria-label");
  change();
  if (entry && !place.contains(document.activeElement)) focusNear(place, entry, label);
}

// Who sits here, and how another person comes to sign: nobody signs under a name that is not theirs.
function whoSigns(app) {
  const other = el("button", { type: "button" }, t("lab.other_person"));
  other.addEventListener("click", async () => {
    await app.session.signOut().catch(() => null);
    location.reload();
  });
  return el("p", { class: "who-signs" }, t("lab.rule", { user: app.session.user }), " ", other);
}

/** The screen of the laboratory. */
export function laboratoryScreen(app, scope, query) {
  if (!app.plant.laboratory.length) return el("p", { class: "empty" }, t("lab.none"));
  app.labForm ??= labForm(app);
  const summary = el("p", { class: "summary", role: "status" }, t("lab.reading"));
  const waiting = el("tbody", { "data-rows": "" });
  const waits = el("table", { "aria-labelledby": "lab-waiting" }, heads(true), waiting);
  const groups = app.plant.laboratory.map((lab) => tagRows(app, lab, scope));
  const said = el("p", { class: "summary done" });
  const two = app.plant.laboratory.some(({ signatures }) => signatures === 2);
  const node = el("div", { class: "lab-page" });
  let rows = scope.child();
  let drawn = "";
  let read = () => null;

  const act = async (what, entry) => {
    const made = await askLab(app, what, entry);
    // The button that asked may be gone: the book went on while the question stood open.
    if (document.activeElement === document.body) focusNear(node, entry.entry, "");
    if (made) tellDone(what, made);
  };
  const tellDone = (what, entry) => {
    const key = what === "enter" && entry.state === "unsigned" ? "lab.done.waits" : `lab.done.${what}`;
    const text = t(key, { entry: entry.entry, tag: entry.tag, value: entryValue(app, entry) });
    setText(said, text);
    app.messages.say(text);
    read();
  };
  const draw = (entries, problem) => {
    if (problem) return setText(summary, t("lab.problem", { problem }));
    const open = entries.filter((entry) => entry.state === "unsigned");
    setText(summary, t(open.length ? "lab.open" : "lab.all_signed", { n: open.length }));
    const told = JSON.stringify(entries);
    if (told === drawn) return null;
    drawn = told;
    rows.end();
    rows = scope.child();
    const row = (entry, withTag) => entryRow(app, entry, act, rows, withTag);
    keepingFocus(node, () => {
      waiting.replaceChildren(...open.map((entry) => row(entry, true)));
      for (const group of groups) group.draw(entries, row);
    });
    waits.hidden = !open.length;
    return null;
  };
  node.append(
    el("div", { class: "bar" }, el("h2", { tabindex: -1 }, t("screen.laboratory")), summary),
    el(
      "section",
      { class: "enter", "aria-labelledby": "lab-enter" },
      el("h3", { id: "lab-enter" }, t("lab.enter_heading")),
      app.labForm.show(scope, query.get("tag"), (entry) => tellDone("enter", entry)),
      said,
    ),
    el(
      "section",
      { class: "book", "aria-label": t("lab.book") },
      two ? [el("h3", { id: "lab-waiting" }, t("lab.waiting")), whoSigns(app), waits] : null,
      el("h3", { id: "lab-last" }, t("lab.last")),
      el(
        "table",
        { "aria-labelledby": "lab-last" },
        heads(false),
        groups.map(({ body }) => body),
      ),
    ),
  );
  read = labBook(app, scope, draw);
  return node;
}
