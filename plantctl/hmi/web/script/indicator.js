// The moving analogue indicator: a value against its range, its normal band, its alarm and trip limits, its set-
// point.
//
// The eye sees at once whether the pointer stands in the band; the sentence label says the same to who listens.
// Symbols: filled triangle from above the value, hollow triangle from below the set-point, thin bar an alarm limit,
// thick bar a trip limit; a pointer at the edge of its range carries a bar. An old value has a dashed hollow
// pointer, a bad one none.

import { setAttribute, svg } from "./dom.js";
import { numberText, unitText, withUnit } from "./format.js";
import { t } from "./texts.js";
import { standingText } from "./value_cell.js";

const TOP = 8;
const HEIGHT = 9;
const EDGE = 6;

function scaleOf(tag, width) {
  const low = tag.low ?? 0;
  const high = tag.high ?? 100;
  const span = high - low || 1;
  return (value) => EDGE + ((Math.min(Math.max(value, low), high) - low) / span) * (width - 2 * EDGE);
}

function parts(tag, limits, width) {
  const at = scaleOf(tag, width);
  const left = at(-Infinity);
  const right = at(Infinity);
  const [low, high] = limits.normal ?? [null, null];
  const bandLeft = at(low ?? -Infinity);
  const bandRight = at(high ?? Infinity);
  const bar = (value, name, reach) =>
    svg("line", { class: name, x1: at(value), x2: at(value), y1: TOP - reach, y2: TOP + HEIGHT + reach });
  return [
    svg("rect", { class: "track", x: left, y: TOP, width: right - left, height: HEIGHT }),
    limits.normal &&
      svg("rect", { class: "band", x: bandLeft, y: TOP, width: Math.max(0, bandRight - bandLeft), height: HEIGHT }),
    limits.alarms.map(({ limit }) => bar(limit, "alarm-limit", 1)),
    limits.trips.map(({ limit }) => bar(limit, "trip-limit", 3)),
  ];
}

// Where the value stands: the hardest limit that it is beyond, trips before alarms; "" where there is no limit.
function place(value, tag, limits) {
  if (!Number.isFinite(value)) return t("indicator.no_value");
  const beyond = (list) =>
    list
      .filter(({ side, limit }) => (side === "low" ? value <= limit : value >= limit))
      .sort((a, b) => Math.abs(b.limit - value) - Math.abs(a.limit - value))
      .at(-1);
  for (const [list, kind] of [
    [limits.trips, "trip"],
    [limits.alarms, "alarm"],
  ]) {
    const found = beyond(list);
    if (found) return t(`indicator.${kind}_${found.side}`, { limit: numberText(found.limit, tag.decimals ?? 2) });
  }
  return limits.normal ? t("indicator.within") : "";
}

/** What the indicator shows, as a sentence: `40-AI-4212 tank pH: 8.02 pH, within its alarm limits, set-point 8.00`. */
export function sentence(app, name, setpoint = null) {
  const tag = app.plant.tag(name);
  const limits = app.plant.limitsOf(name);
  const value = app.values.number(name);
  const standing = app.values.standing(name);
  // Where the last good value was says nothing of where the measured one is: it is placed only while it is good.
  const where = ["good", "uncertain"].includes(standing.state) ? place(value, tag, limits) : "";
  const words = [withUnit(tag, value), standingText(standing), where];
  if (setpoint)
    words.push(t("indicator.setpoint", { value: numberText(app.values.number(setpoint), tag.decimals ?? 2) }));
  if (tag.low !== null && tag.low !== undefined) {
    words.push(t("indicator.range", { low: tag.low, high: tag.high, unit: unitText(tag.unit) }).trim());
  }
  return `${name} ${tag.text}: ${words.filter(Boolean).join(", ")}`;
}

/** The drawing for a point, with the set-point of its loop where one is given; it follows until the scope ends. */
export function indicator(app, name, scope, { setpoint = null, width = 150 } = {}) {
  const tag = app.plant.tag(name);
  const limits = app.plant.limitsOf(name);
  const at = scaleOf(tag, width);
  const sp = svg("path", { class: "sp", d: "M0 17l5 8.5h-10z" });
  const pv = svg("path", { class: "pv", d: "M0 9l-5-9h10z" });
  const line = svg("line", { class: "pv-line", x1: 0, x2: 0, y1: TOP, y2: TOP + HEIGHT });
  const edge = svg("line", { class: "off-range", x1: 0, x2: 0, y1: 0, y2: 9 });
  const pointer = svg("g", { class: "pointer" }, line, pv);
  const node = svg(
    "svg",
    { class: "indicator", role: "img", viewBox: `0 0 ${width} 26`, width, height: 26, "data-point": name },
    ...parts(tag, limits, width),
    sp,
    pointer,
    edge,
  );
  app.values.watch(
    [name, setpoint],
    () => {
      const value = app.values.number(name);
      const standing = app.values.standing(name);
      const shown = Number.isFinite(value) && standing.state !== "bad" && standing.state !== "none";
      setAttribute(pointer, "visibility", shown ? "visible" : "hidden");
      setAttribute(node, "class", `indicator ${standing.state}`);
      if (shown) setAttribute(pointer, "transform", `translate(${at(value).toFixed(1)} 0)`);
      const off = shown && ((tag.high !== null && value > tag.high) || (tag.low !== null && value < tag.low));
      setAttribute(edge, "visibility", off ? "visible" : "hidden");
      if (off)
        setAttribute(edge, "transform", `translate(${(at(value) + (value > tag.high ? 5.5 : -5.5)).toFixed(1)} 0)`);
      const wanted = setpoint ? app.values.number(setpoint) : NaN;
      setAttribute(sp, "visibility", Number.isFinite(wanted) ? "visible" : "hidden");
      if (Number.isFinite(wanted)) setAttribute(sp, "transform", `translate(${at(wanted).toFixed(1)} 0)`);
      setAttribute(node, "aria-label", sentence(app, name, setpoint));
    },
    scope,
  );
  return node;
}
