// The question before a write: what, from which value to which, by how much, and why. The focus stands on Cancel.
//
// A question is closed without an answer when the page goes stale: nobody confirms what can no longer be seen.

import { el } from "./dom.js";
import { t } from "./texts.js";

/** Ask; gives `{reason}` where a person agreed, null where not. `lines` are [label, text] pairs. */
export function confirmWrite(app, { title, lines, withReason = false, action }) {
  return new Promise((answer) => {
    const reason = el("input", {
      type: "text",
      id: "confirm-reason",
      maxlength: 200,
      autocomplete: "off",
      required: true,
    });
    const cancel = el("button", { type: "button", class: "cancel" }, t("confirm.cancel"));
    const go = el("button", { type: "submit", class: "go", disabled: withReason }, action ?? t("confirm.write"));
    const dialog = el(
      "dialog",
      { class: "confirm", "aria-labelledby": "confirm-title" },
      el(
        "form",
        { method: "dialog" },
        el("h2", { id: "confirm-title" }, title),
        el(
          "dl",
          {},
          lines.map(([label, text]) => [el("dt", {}, label), el("dd", {}, text)]),
        ),
        withReason ? el("label", { for: "confirm-reason" }, t("confirm.reason"), reason) : null,
        el("div", { class: "buttons" }, cancel, go),
      ),
    );
    let agreed = null;
    const finish = () => {
      app.link_watchers.delete(watch);
      dialog.remove();
      answer(agreed);
    };
    const watch = (fresh) => {
      if (fresh || !dialog.open) return;
      app.messages.fail(t("confirm.closed", { title }));
      dialog.close();
    };
    app.link_watchers.add(watch);
    reason.addEventListener("input", () => {
      go.disabled = !reason.value.trim();
    });
    cancel.addEventListener("click", () => dialog.close());
    dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      if (withReason && !reason.value.trim()) return;
      agreed = { reason: reason.value.trim() };
      dialog.close();
    });
    dialog.addEventListener("close", finish);
    document.body.append(dialog);
    dialog.showModal();
    cancel.focus();
  });
}
