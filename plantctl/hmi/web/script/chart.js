// A chart of pens over time on uPlot: the band of least and most, the mean, gaps hatched, new values appended as
// they come.
//
// A value that holds until it is changed is drawn as steps. A pen is told by its dash pattern and its letter as well as
// by its colour. Where a value was bad or missing the line breaks and the place is hatched: a gap is a fact, not a
// straight line.

import uPlot from "../vendor/uplot/uPlot.esm.js";
import { BAD, severity } from "./quality.js";
import { el } from "./dom.js";
import { numberText, unitText } from "./format.js";
import { steps } from "./held.js";
import { askHistory } from "./history.js";
import { t } from "./texts.js";

export const PENS = [
  { stroke: "#1d4f91", fill: "#1d4f9133", dash: [] },
  { stroke: "#2e2e2e", fill: "#2e2e2e2a", dash: [8, 4] },
  { stroke: "#5f4b8b", fill: "#5f4b8b33", dash: [2, 3] },
  { stroke: "#1f6f6b", fill: "#1f6f6b33", dash: [10, 3, 2, 3] },
  { stroke: "#6b4a2b", fill: "#6b4a2b33", dash: [4, 2] },
  { stroke: "#4d6472", fill: "#4d647233", dash: [14, 4] },
];
const STEPS = uPlot.paths.stepped({ align: 1 });
// Between whole numbers there is no mark.
const WHOLE = [...Array(12).keys()].flatMap((power) => [1, 2, 5].map((digit) => digit * 10 ** power));
const LIVE_MS = 1000;
const MOST_POINTS = 4000;

/** The times at which any pen has a sample, and each pen's columns on them; null where a pen has none. */
function aligned(pens) {
  const times = [...new Set(pens.flatMap((pen) => pen.t))].sort((a, b) => a - b);
  const data = [times];
  for (const pen of pens) {
    const at = new Map(pen.t.map((time, i) => [time, i]));
    const take = (column) =>
      times.map((time) => {
        const i = at.get(time);
        if (i === undefined) return undefined;
        return pen.good[i] && Number.isFinite(column[i]) ? column[i] : null;
      });
    data.push(take(pen.min), take(pen.max), take(pen.mean));
  }
  return data;
}

function hatch(context) {
  const tile = document.createElement("canvas");
  tile.width = 6;
  tile.height = 6;
  const pen = tile.getContext("2d");
  pen.strokeStyle = "#55555588";
  pen.beginPath();
  pen.moveTo(0, 6);
  pen.lineTo(6, 0);
  pen.stroke();
  return context.createPattern(tile, "repeat");
}

function drawGaps(plot, pens) {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = hatch(ctx);
  for (const pen of pens) {
    for (const [from, to] of pen.gaps) {
      const x0 = plot.valToPos(from, "x", true);
      const x1 = plot.valToPos(to, "x", true);
      ctx.fillRect(x0, bbox.top, Math.max(2, x1 - x0), bbox.height);
    }
  }
  ctx.restore();
}

function gapsOf(pen) {
  const gaps = [];
  let from = null;
  pen.t.forEach((time, i) => {
    if (!pen.good[i] && from === null) from = time;
    if (pen.good[i] && from !== null) {
      gaps.push([from, time]);
      from = null;
    }
  });
  if (from !== null) gaps.push([from, pen.t.at(-1)]);
  return gaps;
}

// 24 hours, UTC; the date where a new day or the axis begins.
function timeLabels(plot, splits, _axis, _space, step) {
  let day = "";
  return splits.map((seconds) => {
    const iso = new Date(seconds * 1e3).toISOString();
    const text = step < 60 ? iso.slice(11, 19) : iso.slice(11, 16);
    const date = iso.slice(0, 10);
    const told = date === day ? text : `${text}\n${date}`;
    day = date;
    return told;
  });
}

// The range of what is seen, but never so narrow that the last digit fills the screen; of states each digit counts.
function rangeOf(pens) {
  const least = Math.max(...pens.map((pen) => (pen.worded ? 1 : 20 * 10 ** -pen.decimals)));
  return (_plot, low, high) => {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
    const span = Math.max(high - low, least);
    const middle = (low + high) / 2;
    return [middle - span * 0.56, middle + span * 0.56];
  };
}

function optionsOf(app, pens, size, small) {
  const units = [...new Set(pens.map((pen) => pen.unit))];
  const scaleOf = (unit) => `y${units.indexOf(unit)}`;
  const font = "12px sans-serif";
  const axes = [
    {
      values: timeLabels,
      stroke: "#333",
      font,
      grid: { stroke: "#0000001f" },
      ticks: { stroke: "#0000003f" },
      ...(small ? { size: 26, space: 70 } : {}),
    },
  ];
  units.forEach((unit, i) =>
    axes.push({
      scale: scaleOf(unit),
      side: i % 2 ? 1 : 3,
      stroke: "#333",
      font,
      size: small ? 44 : 62,
      grid: { show: i === 0, stroke: "#0000001f" },
      label: small ? undefined : unit || t("trend.no_unit"),
      labelFont: font,
      labelSize: 18,
      show: !small || i < 2,
      ...(pens.some((pen) => pen.unit === unit && pen.decimals > 0) ? {} : { incrs: WHOLE }),
    }),
  );
  const series = [{}];
  pens.forEach((pen) => {
    const scale = scaleOf(pen.unit);
    const look = PENS[pen.look];
    const drawn = { scale, points: { show: false }, ...(pen.held ? { paths: STEPS } : {}) };
    series.push(
      { ...drawn, stroke: "transparent", width: 0 },
      { ...drawn, stroke: "transparent", width: 0 },
      { ...drawn, stroke: look.stroke, width: 1.6, dash: look.dash, label: pen.tag },
    );
  });
  return {
    ...size,
    series,
    axes,
    ms: 1e-3,
    scales: {
      x: { time: true },
      ...Object.fromEntries(
        units.map((unit) => [scaleOf(unit), { range: rangeOf(pens.filter((pen) => pen.unit === unit)) }]),
      ),
    },
    bands: pens.map((pen, i) => ({ series: [2 + 3 * i, 1 + 3 * i], fill: PENS[pen.look].fill })),
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1e3), "Etc/UTC"),
    legend: { show: false },
    cursor: { show: !small, drag: { x: true, y: false } },
    hooks: { drawClear: [(plot) => drawGaps(plot, pens)] },
  };
}

/** A chart that can be filled, appended to and shown. */
export class Chart {
  #app;
  #plot = null;
  #small;
  #abort = null;
  node;
  pens = [];
  span_ms;
  live = true;
  onCursor = null;
  problem = "";

  constructor(app, scope, { small = false, span_ms = 30 * 60e3 } = {}) {
    this.#app = app;
    this.#small = small;
    this.span_ms = span_ms;
    this.node = el("div", { class: small ? "chart small" : "chart", role: "img", "aria-label": t("trend.loading") });
    scope.every(LIVE_MS, () => this.#append());
    const observer = new ResizeObserver(() => this.#plot?.setSize(this.#size()));
    observer.observe(this.node);
    scope.add(() => {
      observer.disconnect();
      this.#abort?.abort();
      this.#plot?.destroy();
    });
  }

  #size() {
    return { width: Math.max(200, this.node.clientWidth), height: Math.max(90, this.node.clientHeight) };
  }

  /** Load pens for the time that ends at `end_ms`, the plant's now where it is null: then values are appended live. */
  async show(tags, end_ms = null) {
    this.live = end_ms === null;
    const end = end_ms ?? this.#app.link.now();
    this.#abort?.abort();
    this.#abort = new AbortController();
    this.pens = tags.map((name, look) => {
      const tag = this.#app.plant.tag(name);
      return {
        tag: name,
        look: look % PENS.length,
        unit: unitText(tag.unit),
        decimals: tag.decimals ?? 2,
        held: this.#app.plant.isHeld(name),
        worded: Boolean(tag.states),
        t: [],
        min: [],
        max: [],
        mean: [],
        good: [],
        gaps: [],
      };
    });
    this.problem = "";
    if (tags.length) {
      const { signal } = this.#abort;
      const points = Math.round(this.#size().width / 2);
      try {
        const found = await askHistory({ tags, start_ms: end - this.span_ms, end_ms: end, points, signal });
        // Ended while the answer was read: nobody would ever take this chart away.
        if (signal.aborted) return;
        this.#fill(found);
      } catch (error) {
        if (signal.aborted) return;
        this.problem = error.message;
      }
    }
    this.#build(end);
  }

  #fill(columns) {
    for (const pen of this.pens) {
      const told = columns.get(pen.tag);
      if (!told) continue;
      const found = pen.held ? steps(told) : told;
      pen.t = found.t_ms.map((t_ms) => t_ms / 1e3);
      pen.min = found.min;
      pen.max = found.max;
      pen.mean = found.mean;
      pen.good = found.t_ms.map((_, i) => severity(found.quality[i] ?? 0) !== BAD && Number.isFinite(found.mean[i]));
      pen.gaps = gapsOf(pen);
    }
  }

  #build(end) {
    this.#plot?.destroy();
    this.#plot = new uPlot(optionsOf(this.#app, this.pens, this.#size(), this.#small), aligned(this.pens), this.node);
    if (this.onCursor) this.#plot.hooks.setCursor = [() => this.onCursor(this.#plot.cursor.idx)];
    this.#plot.setScale("x", { min: (end - this.span_ms) / 1e3, max: end / 1e3 });
    this.#describe();
  }

  // One sample a second of what the page is told; where it is told nothing, the gap is written down as one.
  #append() {
    if (!this.live || !this.#plot) return;
    const { values, link } = this.#app;
    const now_s = link.now() / 1e3;
    for (const pen of this.pens) {
      const { state } = values.standing(pen.tag);
      const value = values.number(pen.tag);
      const good = link.fresh && state !== "bad" && state !== "none" && Number.isFinite(value);
      pen.t.push(now_s);
      for (const column of [pen.min, pen.max, pen.mean]) column.push(value);
      pen.good.push(good);
      const from = pen.t.findIndex((time) => time >= now_s - this.span_ms / 1e3);
      const drop = Math.max(from, pen.t.length - MOST_POINTS, 0);
      if (drop > 0) for (const column of [pen.t, pen.min, pen.max, pen.mean, pen.good]) column.splice(0, drop);
      pen.gaps = gapsOf(pen);
    }
    this.#plot.setData(aligned(this.pens), false);
    this.#plot.setScale("x", { min: now_s - this.span_ms / 1e3, max: now_s });
    this.#describe();
  }

  /** A pen's value, least and most at the cursor; without one the last value, least and most of the span. */
  valueAt(pen, index) {
    const time = index === null || index === undefined ? undefined : this.#plot?.data[0][index];
    if (time === undefined) return this.#overall(pen);
    const i = pen.t.findLastIndex((each) => each <= time);
    return i >= 0 && pen.good[i] ? { t_s: pen.t[i], value: pen.mean[i], min: pen.min[i], max: pen.max[i] } : null;
  }

  #overall(pen) {
    const last = pen.t.length - 1;
    if (last < 0) return null;
    const good = (column) => column.filter((value, i) => pen.good[i] && Number.isFinite(value));
    const least = (values) => values.reduce((a, b) => Math.min(a, b), Infinity);
    return {
      t_s: pen.t[last],
      value: pen.good[last] ? pen.mean[last] : null,
      min: least(good(pen.min)),
      max: -least(good(pen.max).map((value) => -value)),
    };
  }

  #describe() {
    const words = this.pens.map((pen) => {
      const last = this.valueAt(pen, null)?.value;
      return `${pen.tag} ${Number.isFinite(last) ? `${numberText(last, pen.decimals)} ${pen.unit}` : t("value.none")}`;
    });
    this.node.setAttribute(
      "aria-label",
      t("trend.label", { minutes: Math.round(this.span_ms / 60e3), pens: words.join("; ") }),
    );
  }
}

/** The half hour of some pens, as faceplates show it. */
export function smallTrend(app, tags, scope) {
  const chart = new Chart(app, scope, { small: true });
  queueMicrotask(() => {
    if (!scope.ended) chart.show(tags.filter(Boolean));
  });
  return chart.node;
}
