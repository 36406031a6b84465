// The cells side by side: each value with its deviation from the median of its column, sortable.
//
// Cells of one circuit see the same liquor and the same current, so the odd one out is the one to look at. A bar beyond
// the column's limit is filled dark and the number carries a mark; the median stands in the last row.

import { el, setAttribute, setText, svg } from "./dom.js";
import { alarmPlace } from "./alarm_shape.js";
import { numberText, unitText } from "./format.js";
import { valueCell } from "./value_cell.js";
import { t } from "./texts.js";

const BAR = 40;

/** The median of the finite ones among some numbers; NaN where there is none. */
export function median(numbers) {
  const sorted = numbers.filter(Number.isFinite).sort((a, b) => a - b);
  if (!sorted.length) return NaN;
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function trusted(app, tag) {
  const { state } = app.values.standing(tag);
  return state === "good" || state === "uncertain" ? app.values.number(tag) : NaN;
}

function deviationBar() {
  const bar = svg("rect", { class: "bar", y: 3, height: 8, x: BAR / 2, width: 0 });
  const node = svg(
    "svg",
    { class: "deviation", viewBox: `0 0 ${BAR} 14`, width: BAR, height: 14, role: "img" },
    svg("line", { class: "axis", x1: BAR / 2, x2: BAR / 2, y1: 0, y2: 14 }),
    bar,
  );
  return {
    node,
    show(deviation, limit, sentence) {
      const share = Number.isFinite(deviation) && limit > 0 ? Math.max(-1, Math.min(1, deviation / (limit * 2))) : 0;
      const width = (Math.abs(share) * BAR) / 2;
      setAttribute(bar, "x", (share < 0 ? BAR / 2 - width : BAR / 2).toFixed(1));
      setAttribute(bar, "width", width.toFixed(1));
      setAttribute(node, "class", limit > 0 && Math.abs(deviation) > limit ? "deviation beyond" : "deviation");
      setAttribute(node, "aria-label", sentence);
    },
  };
}

function matrixCell(app, row, column, scope) {
  const name = row.tags[column.column];
  if (!name) return { node: el("td", { class: "empty" }), draw() {}, deviation: NaN };
  const tag = app.plant.tag(name);
  const bar = deviationBar();
  const offset = el("span", { class: "offset", "aria-hidden": "true" }); // the bar's sentence says it too
  const cell = { name, deviation: NaN };
  cell.node = el("td", {}, valueCell(app, name, scope, { unit: false }), column.deviation ? [bar.node, offset] : null);
  cell.draw = (middle) => {
    cell.deviation = trusted(app, name) - middle;
    if (!column.deviation || tag.states) return;
    const known = Number.isFinite(cell.deviation);
    const text = known ? `${cell.deviation >= 0 ? "+" : ""}${numberText(cell.deviation, tag.decimals ?? 2)}` : "";
    const beyond = known && Math.abs(cell.deviation) > column.deviation;
    setText(offset, beyond ? `${text} !` : text);
    bar.show(
      cell.deviation,
      column.deviation,
      known
        ? t(beyond ? "matrix.beyond" : "matrix.deviation", {
            deviation: text,
            unit: unitText(tag.unit),
            limit: column.deviation,
          })
        : t("matrix.unknown"),
    );
  };
  return cell;
}

/** The screen of a display of kind matrix. */
export function matrixScreen(app, scope, name) {
  const display = app.plant.display(name) ?? app.plant.displays.find((each) => each.kind === "matrix");
  if (!display) return el("p", { class: "empty" }, t("matrix.none"));
  const rows = display.rows.map((row) => {
    const sign = alarmPlace();
    const cells = display.columns.map((column) => matrixCell(app, row, column, scope));
    const first = Object.values(row.tags)[0];
    const node = el(
      "tr",
      { "data-row": row.row },
      el(
        "th",
        { scope: "row" },
        el(
          "span",
          { class: "row-name" },
          sign.node,
          el(
            "button",
            { type: "button", class: "name", "data-open": first, on: { click: () => app.openFaceplate(first) } },
            row.row,
          ),
        ),
      ),
      cells.map((cell) => cell.node),
    );
    return { row, node, sign, cells };
  });
  const compared = display.columns.some((column) => column.deviation);
  const medians = display.columns.map(() => el("td", { class: "median" }));
  const body = el(
    "tbody",
    { "data-rows": "" },
    rows.map((row) => row.node),
  );
  let sorted = { column: -1, down: false };
  const keyOf = (row) =>
    sorted.column < 0
      ? row.row.row
      : display.columns[sorted.column].deviation
        ? -Math.abs(row.cells[sorted.column].deviation || 0)
        : trusted(app, row.cells[sorted.column].name);
  const arrange = () => {
    const sign = sorted.down ? -1 : 1;
    const order = [...rows].sort((a, b) => (keyOf(a) < keyOf(b) ? -sign : keyOf(a) > keyOf(b) ? sign : 0));
    if (order.some((row, i) => body.children[i] !== row.node)) body.replaceChildren(...order.map((row) => row.node));
    heads.forEach((head, i) =>
      setAttribute(head, "aria-sort", i - 1 !== sorted.column ? null : sorted.down ? "descending" : "ascending"),
    );
  };
  const headOf = (text, unit, column, title) =>
    el(
      "th",
      { scope: "col", title },
      el(
        "button",
        {
          type: "button",
          on: {
            click: () => {
              sorted = { column, down: sorted.column === column && !sorted.down };
              arrange();
            },
          },
        },
        text,
        unit ? el("span", { class: "unit" }, ` ${unit}`) : null,
      ),
    );
  const heads = [
    headOf(t("matrix.cell"), "", -1, null),
    ...display.columns.map((column, i) =>
      headOf(
        column.text || column.column,
        (column.text ?? "").endsWith(unitText(column.unit)) ? "" : unitText(column.unit),
        i,
        column.deviation ? t("matrix.sort", { limit: column.deviation }) : null,
      ),
    ),
  ];
  const draw = () => {
    display.columns.forEach((column, i) => {
      const middle = median(rows.map((row) => (row.cells[i].name ? trusted(app, row.cells[i].name) : NaN)));
      const tag = app.plant.tag(rows.find((row) => row.cells[i].name)?.cells[i].name ?? "");
      setText(medians[i], tag.states || !column.deviation ? "" : numberText(middle, tag.decimals ?? 2));
      for (const row of rows) row.cells[i].draw(middle);
    });
    for (const row of rows) row.sign.show(app.alarms.worstOf(Object.values(row.row.tags)));
  };
  app.values.watch(
    rows.flatMap((row) => Object.values(row.row.tags)),
    draw,
    scope,
  );
  app.alarms.listen(draw, scope);
  return el(
    "div",
    { class: "matrix" },
    el("h2", {}, display.text || display.display),
    el(
      "table",
      {},
      el("caption", { class: "unseen" }, t("matrix.caption")),
      el("thead", {}, el("tr", {}, heads)),
      body,
      compared ? el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, t("matrix.median")), medians)) : null,
    ),
    compared ? el("p", { class: "legend" }, t("matrix.legend")) : null,
  );
}
