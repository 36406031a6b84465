// The 16-bit quality word that travels with every value: plantctl/core/quality.py says what each bit means.
//
// Bad, stale or missing is never hidden and never shown by colour alone: it always has a word.

export const GOOD = 0;
export const UNCERTAIN = 1;
export const BAD = 2;

const REASONS = [
  "",
  "comm",
  "stale",
  "device",
  "sensor",
  "range",
  "config",
  "out-of-service",
  "substituted",
  "last-known",
  "not-yet",
  "clock",
  "flat",
  "readback",
  "generation",
  "protocol",
  "unsigned",
];
const LIMITS = ["", "low", "high", "constant"];
const OLD = new Set(["comm", "stale", "last-known", "generation"]);

/** 0 good, 1 uncertain, 2 bad. */
export function severity(quality) {
  return Math.min(quality & 3, BAD);
}

/** Why a value is not plainly good: a word of the closed list, "" for none. */
export function reason(quality) {
  return REASONS[(quality >> 9) & 31] ?? "";
}

/** The limit that a value stands at: "", low, high or constant. */
export function limit(quality) {
  return LIMITS[(quality >> 2) & 3];
}

/** The value is one from before: its age matters. */
export function isOld(quality) {
  return severity(quality) !== GOOD && OLD.has(reason(quality));
}

export function isSimulated(quality) {
  return (quality & (1 << 14)) !== 0;
}

export function isForced(quality) {
  return (quality & (1 << 15)) !== 0;
}
