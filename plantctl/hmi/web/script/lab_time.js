// The time of a sample as a person writes it: in the time of the place or in UTC, never silently in one of them.

import { ageText } from "./format.js";
import { t } from "./texts.js";

const MINUTE_MS = 60_000;
const SHIFTS_MS = [30 * MINUTE_MS, 60 * MINUTE_MS];
const two = (value) => String(value).padStart(2, "0");

/** The browser's time zone by its name: `Asia/Tokyo`. */
export function zoneHere() {
  return Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}

/** Whether the place keeps another time than UTC. */
export function isElsewhere() {
  return !["UTC", "Etc/UTC", "GMT", ""].includes(zoneHere());
}

/** How far the place is from UTC then: `UTC+09:00`. */
function offsetText(utc_ms) {
  const minutes = -new Date(utc_ms).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "-" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}

function wallText(utc_ms) {
  const time = new Date(utc_ms);
  const date = `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

/** `2026-03-01 14:02 UTC`. */
export function utcText(utc_ms) {
  return `${new Date(utc_ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

/** The same in the time of the place: `2026-03-01 23:02 UTC+09:00`. */
export function hereText(utc_ms) {
  return `${wallText(utc_ms)} ${offsetText(utc_ms)}`;
}

/** What was written, `2026-03-01T14:02`, as `{utc_ms}`, or why it is no time: `{wrong}`. */
export function sampleTime(text, zone) {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text)) return { wrong: t("lab.no_time") };
  const utc_ms = new Date(zone === "utc" ? `${text}Z` : text).getTime();
  if (!Number.isFinite(utc_ms)) return { wrong: t("lab.no_time") };
  if (zone === "utc") return { utc_ms };
  const written = text.slice(0, 16).replace("T", " ");
  if (wallText(utc_ms) !== written) return { wrong: t("lab.no_such_time") };
  const twice = SHIFTS_MS.some((by_ms) => [by_ms, -by_ms].some((ms) => wallText(utc_ms + ms) === written));
  return twice ? { wrong: t("lab.twice") } : { utc_ms };
}

/** The time as it is understood, for whoever typed it. */
export function understood(utc_ms, zone, now_ms) {
  const age_ms = now_ms - utc_ms;
  const when = age_ms < -MINUTE_MS ? t("lab.ahead") : t("lab.ago", { age: ageText(age_ms) });
  const other = zone === "utc" ? (isElsewhere() ? hereText(utc_ms) : "") : utcText(utc_ms);
  return other ? t("lab.understood", { other, when }) : when;
}
