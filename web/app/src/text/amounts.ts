import { computed } from "@preact/signals";
import { locale } from "./languages";
import { plural } from "./text";

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

const percents = computed(() => new Intl.NumberFormat(locale.value, { style: "percent" }));
const lists = computed(() => new Intl.ListFormat(locale.value, { type: "conjunction" }));
const times = computed(() => new Intl.DateTimeFormat(locale.value, { hour: "2-digit", minute: "2-digit" }));
const seconds = computed(() => new Intl.DateTimeFormat(locale.value, { timeStyle: "medium" }));

/** A size in words: "3.2 MB". */
export function sizeText(bytes: number): string {
  return inUnits(bytes, "");
}

/** A speed in words: "34 MB/s". */
export function speedText(bytesPerSecond: number): string {
  return inUnits(bytesPerSecond, "-per-second");
}

/** A part, from 0 to 1, in words: "42%". */
export function percentText(part: number): string {
  return percents.value.format(Math.floor(part * 100) / 100);
}

/** What is left in words, as exact as one wants to know it: "2 minutes left". */
export function timeLeftText(seconds: number): string {
  if (seconds < MINUTE) return plural("files.seconds-left", Math.max(1, Math.ceil(seconds)));
  if (seconds < 1.5 * HOUR) return plural("files.minutes-left", Math.round(seconds / MINUTE));
  if (seconds < 2 * DAY) return plural("files.hours-left", Math.round(seconds / HOUR));
  return plural("files.days-left", Math.round(seconds / DAY));
}

/** Several names in one phrase: "a, b, and c". */
export function listText(names: readonly string[]): string {
  return lists.value.format(names);
}

/** A time of the day: "14:05". */
export function clockText(time: number): string {
  return times.value.format(time);
}

/** A time of the day, to the second: "14:05:09". */
export function secondText(time: number): string {
  return seconds.value.format(time);
}

/** An amount with its unit, one of those that `Intl.NumberFormat` has: "24 ms". */
export function unitText(value: number, unit: string, digits: number, unitDisplay: "short" | "long" = "short"): string {
  return new Intl.NumberFormat(locale.value, { style: "unit", unit, unitDisplay, maximumFractionDigits: digits }).format(value);
}

function inUnits(bytes: number, per: string): string {
  // 999,600 bytes are shown as 1 MB, not as 1,000 kB.
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1) * 1.0005) / 3), UNITS.length - 1);
  const value = bytes / 1000 ** power;
  const unit = `${UNITS[power] ?? "byte"}${per}`;
  const digits = power > 0 && value < 9.95 ? 1 : 0;
  return unitText(value, unit, digits, power === 0 && per === "" ? "long" : "short");
}
