// Numbers, units and times as a person reads them: fixed decimals a tag, the unit always there, UTC named.

import { t } from "./texts.js";

const UNITS = { degC: "°C", "m3/h": "m³/h", "Nm3/h": "Nm³/h", "kg/m3": "kg/m³", m3: "m³", "A h": "Ah", "A/m2": "A/m²" };

/** A unit as it is printed; "" where a number has none. */
export function unitText(unit) {
  if (!unit || unit === "1" || unit === "-") return "";
  return UNITS[unit] ?? unit;
}

/** A condition as a person reads it: `{40-FI-4013} < 0.24 [m3/h]` without its braces and brackets. */
export function conditionText(text) {
  return (text ?? "").replace(/\{([^}]*)\}/g, "$1").replace(/\[([^\]]*)\]/g, (_, unit) => unitText(unit));
}

/** A number with fixed decimals; dashes where there is none; never a negative zero. */
export function numberText(value, decimals) {
  if (value === null || value === undefined || !Number.isFinite(value)) return t("value.none");
  const text = value.toFixed(decimals);
  return /^-0\.?0*$/.test(text) ? text.slice(1) : text;
}

/** A value of a tag: the word of its state where it has states, else the number without its unit. */
export function valueText(tag, value) {
  if (tag?.states && Number.isFinite(value)) return tag.states[String(Math.round(value))] ?? numberText(value, 0);
  return numberText(value, tag?.decimals ?? 2);
}

/** A limit of a tag with its unit, with as many decimals as it needs: 0.5 of a count is not 1. */
export function limitText(tag, limit) {
  if (!Number.isFinite(limit)) return "";
  const fixed = numberText(limit, tag?.decimals ?? 2);
  const text = Number(fixed) === limit ? fixed : String(Number(limit.toPrecision(4)));
  const unit = unitText(tag?.unit);
  return unit ? `${text} ${unit}` : text;
}

/** A value with its unit. */
export function withUnit(tag, value) {
  const unit = tag?.states ? "" : unitText(tag?.unit);
  return unit ? `${valueText(tag, value)} ${unit}` : valueText(tag, value);
}

/** How old something is: `0.4 s`, `12 s`, `3 min`, `2 h 05 min`. */
export function ageText(age_ms) {
  if (!Number.isFinite(age_ms)) return t("age.unknown");
  const seconds = Math.max(0, age_ms) / 1000;
  if (seconds < 2) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.floor(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

/** Nanoseconds (text or number) as milliseconds since 1970; exact enough for a screen. */
export function nsToMs(ns) {
  return Number(ns) / 1e6;
}

/** `14:02:09.4`, UTC; with the date in front where it is not today's. */
export function timeText(utc_ms, now_ms, decimals = 1) {
  if (!Number.isFinite(utc_ms) || utc_ms <= 0) return t("time.unknown");
  const iso = new Date(utc_ms).toISOString();
  const clock = iso.slice(11, decimals ? 20 + decimals : 19);
  const far = now_ms !== undefined && Math.abs(now_ms - utc_ms) > 12 * 3600e3;
  return far ? `${iso.slice(0, 10)} ${clock}` : clock;
}

/** `2026-03-01 14:02:09 UTC`. */
export function clockText(utc_ms) {
  return `${new Date(utc_ms).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
