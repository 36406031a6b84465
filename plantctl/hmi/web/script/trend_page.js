// The trend: several pens with their band of least and most, live or back in time; the address holds pens and span.

import { el, setText, svg } from "./dom.js";
import { Chart, PENS } from "./chart.js";
import { clockText, numberText } from "./format.js";
import { t } from "./texts.js";

const SPANS = [
  ["5 min", 5],
  ["30 min", 30],
  ["2 h", 120],
  ["8 h", 480],
  ["24 h", 1440],
];
const MOST = PENS.length;

function penSample(look) {
  const { stroke, dash } = PENS[look];
  return svg(
    "svg",
    { viewBox: "0 0 34 10", width: 34, height: 10, "aria-hidden": "true" },
    svg("line", { x1: 0, x2: 34, y1: 5, y2: 5, stroke, "stroke-width": 2, "stroke-dasharray": dash.join(" ") || null }),
  );
}

/** The screen of trends; `query` has pens, span (minutes) and end (ms). */
export function trendScreen(app, scope, query) {
  const firstLoop = [...app.plant.loops.values()][0];
  const pens = (query.get("pens") ?? "").split(",").filter(Boolean).slice(0, MOST);
  if (!pens.length && firstLoop) pens.push(firstLoop.pv, firstLoop.points.sp, firstLoop.out);
  const span_min = Number(query.get("span")) || 30;
  const end_ms = Number(query.get("end")) || null;
  const chart = new Chart(app, scope, { span_ms: span_min * 60e3 });
  const go = (change) => {
    const next = new URLSearchParams({
      pens: pens.join(","),
      span: span_min,
      ...(end_ms ? { end: end_ms } : {}),
      ...change,
    });
    if (!next.get("end")) next.delete("end");
    location.hash = `trend?${next}`;
  };
  const at = el("p", { class: "at" });
  const problem = el("p", { class: "why", role: "status" });
  const body = el("tbody", {});
  const rows = pens.map((name, i) => {
    const tag = app.plant.tag(name);
    const cells = {
      now: el("td", { class: "numeric" }),
      min: el("td", { class: "numeric" }),
      max: el("td", { class: "numeric" }),
    };
    body.append(
      el(
        "tr",
        {},
        el("td", {}, penSample(i)),
        el(
          "th",
          { scope: "row" },
          el(
            "button",
            { type: "button", class: "name", "data-open": name, on: { click: () => app.openFaceplate(name) } },
            name,
          ),
        ),
        el("td", {}, tag.text),
        cells.now,
        cells.min,
        cells.max,
        el("td", {}, tag.unit ?? ""),
        el(
          "td",
          {},
          el(
            "button",
            {
              type: "button",
              "aria-label": t("trend.remove", { pen: name }),
              on: { click: () => go({ pens: pens.filter((each) => each !== name).join(",") }) },
            },
            "×",
          ),
        ),
      ),
    );
    return cells;
  });
  const drawTable = (index = null) => {
    chart.pens.forEach((pen, i) => {
      const found = chart.valueAt(pen, index);
      setText(rows[i].now, found ? numberText(found.value, pen.decimals) : t("value.none"));
      setText(rows[i].min, found ? numberText(found.min, pen.decimals) : "");
      setText(rows[i].max, found ? numberText(found.max, pen.decimals) : "");
    });
    const first = chart.pens[0] && chart.valueAt(chart.pens[0], index);
    setText(at, first ? clockText(first.t_s * 1e3) : "");
    setText(problem, chart.problem ? t("trend.problem", { why: chart.problem }) : "");
  };
  chart.onCursor = drawTable;
  queueMicrotask(() => {
    if (!scope.ended) chart.show(pens, end_ms).then(() => drawTable());
  });
  scope.every(1000, () => {
    if (chart.live) drawTable();
  });
  const field = el("input", { type: "text", id: "pen", list: "pens", autocomplete: "off" });
  const add = el(
    "form",
    {
      class: "add",
      on: {
        submit: (event) => {
          event.preventDefault();
          const name = field.value.trim();
          if (!app.plant.points.has(name)) return setText(problem, t("trend.unknown", { pen: name }));
          if (pens.length >= MOST) return setText(problem, t("trend.most", { n: MOST }));
          return go({ pens: [...new Set([...pens, name])].join(",") });
        },
      },
    },
    el("label", { for: "pen" }, t("trend.add"), field),
    el("button", { type: "submit" }, t("trend.add_button")),
    el(
      "datalist",
      { id: "pens" },
      [...app.plant.asked()].map((name) => el("option", { value: name }, app.plant.tag(name).text)),
    ),
  );
  const step = (span_min * 60e3) / 2;
  const spans = el(
    "div",
    { class: "spans", role: "group", "aria-label": t("trend.span") },
    SPANS.map(([label, minutes]) =>
      el(
        "button",
        { type: "button", "aria-pressed": String(minutes === span_min), on: { click: () => go({ span: minutes }) } },
        label,
      ),
    ),
    el(
      "button",
      { type: "button", on: { click: () => go({ end: Math.round((end_ms ?? app.link.now()) - step) }) } },
      t("trend.back"),
    ),
    el("button", { type: "button", disabled: end_ms === null, on: { click: () => go({ end: "" }) } }, t("trend.live")),
  );
  return el(
    "div",
    { class: "trend-page" },
    el("div", { class: "bar" }, el("h2", {}, t("screen.trend")), spans, add),
    chart.node,
    problem,
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["pen", "tag", "text", "value", "min", "max", "unit", "remove"].map((key) =>
            el("th", { scope: "col" }, t(`trend.column.${key}`)),
          ),
        ),
      ),
      body,
    ),
    at,
  );
}
