// How a person changes a value. Enter writes, Esc takes the old value back, leaving the field never writes.
//
// The write class comes with the tag: direct, confirm, confirm-reason; a step beyond the tag's `confirm_beyond` is
// asked about even where the class is direct. What is under way is shown in italics with a dashed border until it is
// verified.

import { el, setAttribute, setText } from "./dom.js";
import { numberText, unitText, valueText, withUnit } from "./format.js";
import { confirmWrite } from "./confirm.js";
import { t } from "./texts.js";

function isLarge(tag, from, to) {
  const beyond = tag.write?.confirm_beyond;
  return Number.isFinite(beyond) && Number.isFinite(from) && Math.abs(to - from) > beyond;
}

/** Ask by write class and give the command; the record of it, or null where nothing was given. */
export async function write(app, { command = "set", target, shown, to, asText, always = false }) {
  const tag = app.plant.tag(shown ?? target);
  const from = app.values.number(shown ?? target);
  const kind = tag.write?.class ?? "direct";
  const text = asText ?? ((value) => withUnit(tag, value));
  const says = t("write.says", { target, value: text(to) });
  let reason = "";
  if (kind !== "direct" || always || isLarge(tag, from, to)) {
    const step =
      Number.isFinite(from) && !tag.states && asText === undefined
        ? [
            [
              t("confirm.step"),
              `${to >= from ? "+" : ""}${numberText(to - from, tag.decimals ?? 2)} ${unitText(tag.unit)}`,
            ],
          ]
        : [];
    const lines = [
      [t("confirm.what"), tag.text || target],
      [t("confirm.old"), text(from)],
      [t("confirm.new"), text(to)],
      ...step,
    ];
    const agreed = await confirmWrite(app, {
      title: t("confirm.title", { target }),
      lines,
      withReason: kind === "confirm-reason",
    });
    if (!agreed) return null;
    reason = agreed.reason;
  }
  return app.commands.give({ command, target, value: to, expect: Number.isFinite(from) ? from : null, reason, says });
}

/** A field for a number. `enabled()` says why not, "" where it may be written. */
export function numberEntry(app, { label, target, shown = target, command = "set", enabled = () => "" }, scope) {
  const tag = app.plant.tag(shown);
  const id = `entry-${target}`.replaceAll(/[^\w-]/g, "_");
  const input = el("input", {
    id,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    size: 8,
    "data-target": target,
  });
  const why = el("span", { class: "why" });
  const stage = el("span", { class: "stage", role: "status" });
  const range =
    Number.isFinite(tag.low) && Number.isFinite(tag.high)
      ? el("span", { class: "range" }, t("entry.range", { low: tag.low, high: tag.high }))
      : null;
  const node = el(
    "div",
    { class: "entry" },
    el("label", { for: id }, label),
    input,
    el("span", { class: "unit" }, unitText(tag.unit)),
    range,
    stage,
    why,
  );
  let typed = false;
  let record = null;

  const draw = () => {
    const barred = app.commands.barred() || enabled();
    input.disabled = Boolean(barred);
    setText(why, barred);
    if (typed) return;
    const pending = record && !record.done;
    const text = valueText(tag, pending ? record.value : app.values.number(shown));
    if (input.value !== text) input.value = text;
    node.classList.toggle("pending", Boolean(pending));
    if (pending && record.stage === "accepted" && Math.abs(app.values.number(shown) - record.value) < 1e-9)
      app.commands.seen(record);
  };
  const revert = () => {
    typed = false;
    node.classList.remove("typed");
    setAttribute(input, "aria-invalid", null);
    draw();
  };
  const submit = async () => {
    const to = Number(input.value.trim().replace(",", "."));
    const outside = Number.isFinite(tag.low) && Number.isFinite(tag.high) && (to < tag.low || to > tag.high);
    if (!input.value.trim() || !Number.isFinite(to) || outside) {
      setAttribute(input, "aria-invalid", "true");
      setText(
        stage,
        Number.isFinite(to) && outside ? t("entry.outside", { low: tag.low, high: tag.high }) : t("entry.not_a_number"),
      );
      return;
    }
    const given = await write(app, { command, target, shown, to });
    if (given) record = given;
    revert();
    if (document.activeElement === document.body) input.focus();
  };
  input.addEventListener("input", () => {
    typed = true;
    node.classList.add("typed");
    setText(stage, t("entry.enter"));
  });
  input.addEventListener("focus", () => input.select());
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault(); // else the same Enter would press the button that the question puts the focus on
      submit();
    } else if (event.key === "Escape" && typed) {
      event.stopPropagation();
      setText(stage, t("entry.reverted"));
      revert();
      input.select();
    }
  });
  input.addEventListener("blur", () => {
    if (!typed || document.querySelector("dialog[open]")) return;
    setText(stage, t("entry.not_written"));
    revert();
  });
  const onLink = (fresh) => {
    if (!fresh && typed) {
      app.messages.fail(t("entry.discarded", { value: input.value, target }));
      setText(stage, "");
      revert();
    }
    draw();
  };
  app.link_watchers.add(onLink);
  scope.add(() => app.link_watchers.delete(onLink));
  app.commands.listen((told) => {
    if (told !== record) return;
    setText(stage, t(`stage.${told.stage}`) + (told.done && told.code ? `: ${told.code}` : ""));
    draw();
  }, scope);
  app.values.watch([shown], draw, scope);
  return { node, draw, input };
}

/** A button that is disabled, with the reason beside it, whenever no command can be given. */
export function commandButton(app, { label, act, barred = () => "", className = "command" }, scope) {
  const node = el("button", { type: "button", class: className }, label);
  const draw = () => {
    const why = app.commands.barred() || barred();
    node.disabled = Boolean(why);
    setAttribute(node, "title", why || null);
  };
  node.addEventListener("click", () => {
    if (!node.disabled) act();
  });
  app.link_watchers.add(draw);
  scope.add(() => app.link_watchers.delete(draw));
  draw();
  return { node, draw };
}
