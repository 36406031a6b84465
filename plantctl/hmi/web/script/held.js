// Values that hold until somebody or something changes them: switches, states, modes, counts, set-points, what is
// written by hand, what the laboratory found. Between two of them there is nothing, so a chart draws steps, no slope.
//
// A trend tells of each of its spans the first value, the last, the mean and for how long one was known. Where a span
// holds one change between two values, these tell when it was; else the span is drawn as it ended, with its band.

const KNOWN = 0.999999; // the share is rounded to six decimals

function oneChange({ first, last, mean, min, max, known }, i) {
  const [from, to] = [first[i], last[i]];
  const between = min[i] === Math.min(from, to) && max[i] === Math.max(from, to);
  return from !== to && between && known[i] >= KNOWN ? (to - mean[i]) / (to - from) : NaN;
}

/** Columns of a trend, as `askHistory` gives them, as the steps that they stand for: t_ms, min, max, mean, quality. */
export function steps(found) {
  const made = { t_ms: [], min: [], max: [], mean: [], quality: [] };
  const put = (i, t_ms, value, [min, max]) => {
    const row = { t_ms, min, max, mean: value, quality: found.quality[i] };
    for (const [key, column] of Object.entries(made)) column.push(row[key]);
  };
  found.t_ms.forEach((t_ms, i) => {
    const [first, last, share] = [found.first[i], found.last[i], oneChange(found, i)];
    const band = [found.min[i], found.max[i]];
    if (!Number.isFinite(first) || !Number.isFinite(last)) return put(i, t_ms, found.mean[i], band);
    if (!Number.isFinite(share)) return put(i, t_ms, last, band);
    // Several changes between the same two values look like one: the band says that there may be more.
    const alone = found.count[i] === 1;
    put(i, t_ms, first, alone ? [first, first] : band);
    return put(i, t_ms + share * found.width_ms, last, alone ? [last, last] : band);
  });
  return made;
}
