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
    mean: has(mean) ? mean : column(answer.max),
    min: has(answer.min) ? column(answer.min) : mean,
    max: has(answer.max) ? column(answer.max) : mean,
    quality: answer.quality ?? answer.q ?? [],
    truncated: Boolean(answer.truncated),
  };
}

/** Columns by tag: times in ms, mean, min, max, quality; a tag without an answer is absent. Raises where refused. */
export async function askHistory({ tags, start_ms, end_ms, points = 600, agg = "minmax", signal }) {
  const query = new URLSearchParams({
    tags: tags.join(","),
    start: new Date(start_ms).toISOString(),
    end: new Date(end_ms).toISOString(),
    points,
    agg,
  });
  const response = await fetch(`/api/v1/history?${query}`, { credentials: "same-origin", signal });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.detail ?? answer.title ?? String(response.status));
  const columns = answer.tags ?? answer.columns ?? answer;
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
