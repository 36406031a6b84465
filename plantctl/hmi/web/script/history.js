// Questions to the history: columns of a tag over a time, as they were, or the least and the most of each pixel.

import { nsToMs } from "./format.js";

function column(values) {
  return (values ?? []).map((value) => (value === null ? NaN : Number(value)));
}

function columnsOf(answer) {
  const t_ms = (answer.t ?? []).map(nsToMs);
  const mean = column(answer.mean ?? answer.value ?? answer.v);
  const has = (list) => list && list.length === t_ms.length;
  return {
    t_ms,
    width_ms: nsToMs(answer.width ?? 0),
    first: column(answer.first),
    last: column(answer.last),
    known: column(answer.known),
    count: answer.count ?? [],
    mean: has(mean) ? mean : column(answer.max),
    min: has(answer.min) ? column(answer.min) : mean,
    max: has(answer.max) ? column(answer.max) : mean,
    quality: answer.quality ?? answer.q ?? [],
    truncated: Boolean(answer.truncated),
  };
}

async function answered(query, signal) {
  const asked = new URLSearchParams(query);
  const response = await fetch(`/api/v1/history?${asked}`, { credentials: "same-origin", signal });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? answer.title ?? String(response.status));
  return answer.tags ?? answer.columns ?? answer;
}

/**
 * Columns by tag: times in ms, mean, min, max, quality, as a trend also first, last, known, count and width_ms; a tag
 * without an answer is absent. Raises where refused.
 */
export async function askHistory({ tags, start_ms, end_ms, points = 600, agg = "minmax", signal }) {
  const [start, end] = [start_ms, end_ms].map((ms) => new Date(ms).toISOString());
  const columns = await answered({ tags: tags.join(","), start, end, points, agg }, signal);
  return new Map(tags.filter((tag) => columns[tag]?.t).map((tag) => [tag, columnsOf(columns[tag])]));
}

const LOOK_BACK_MS = 24 * 3600e3;

/** When a point last took the value it has now, in ms; NaN where the history does not reach. */
export async function lastChange(tag, now_ms) {
  const found = await askHistory({
    tags: [tag],
    start_ms: now_ms - LOOK_BACK_MS,
    end_ms: now_ms,
    agg: "raw",
    points: 5000,
  }).catch(() => new Map());
  const columns = found.get(tag);
  if (!columns || columns.t_ms.length < 2) return NaN;
  const last = columns.mean.at(-1);
  for (let i = columns.mean.length - 2; i >= 0; i -= 1) if (columns.mean[i] !== last) return columns.t_ms[i + 1];
  return NaN;
}

const LOOK_BACK_NS = BigInt(LOOK_BACK_MS) * 1_000_000n;
const POINTS_MAX = 5000;
const PAGES_MAX = 5;
const BEFORE_NS = 60_000_000_000n;

// Every point of a state in a span, the first one of before it: `[{t, value}]`, times in ns; null where too many.
async function statesOf(point, start, end) {
  const found = [];
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const query = { tags: point, start, end, points: POINTS_MAX, agg: "raw" };
    const { t: times, value, truncated, end: cut } = (await answered(query))[point];
    times.forEach((time, i) => found.push({ t: BigInt(time), value: value[i] }));
    if (!truncated) return found;
    start = BigInt(cut);
  }
  return null;
}

/**
 * When a state became `raised` last, and what a tag was in that very scan: `{t_ms, value}`; `why` tells what is not
 * known: `behind` (the record does not have the state `now` yet), `before` (it was so when the record begins), `many`,
 * `no-value`. Raises where the history refuses.
 */
export async function whenRaised({ point, tag, raised, now, now_ms }) {
  const end = BigInt(Math.round(now_ms)) * 1_000_000n;
  const states = await statesOf(point, end - LOOK_BACK_NS, end);
  if (!states) return { why: "many" };
  if (states.at(-1)?.value !== now) return { why: "behind" };
  let at = states.findLastIndex(({ value }) => value === raised);
  while (at > 0 && states[at - 1].value === raised) at -= 1;
  if (at < 0) return { why: "before" };
  const { t: time } = states[at];
  if (at === 0) {
    // It is so for longer than was looked at; what was before it tells that it began there, and not the record.
    const earlier = await statesOf(point, time - BEFORE_NS, time);
    if (!earlier?.length || earlier.at(-1).value === raised) return { why: "before" };
  }
  const then = (await answered({ tags: tag, end: time + 1n, agg: "latest" }))[tag];
  const value = then.value[0] ?? null;
  return { t_ms: nsToMs(time), ...(value === null ? { why: "no-value" } : { value }) };
}
