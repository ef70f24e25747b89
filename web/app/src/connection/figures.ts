import { unitText } from "../text/amounts";
import { locale } from "../text/languages";
import { t } from "../text/text";

/** What is shown where nothing is known. */
export const UNKNOWN = "–";

/** Milliseconds: "24 ms". */
export function millisecondsText(milliseconds: number | undefined): string {
  if (milliseconds === undefined) return UNKNOWN;
  const digits = milliseconds < 10 ? 1 : 0;
  return unitText(milliseconds, "millisecond", digits);
}

/** Bits per second: "1.2 Mb/s". */
export function bitrateText(bitsPerSecond: number | undefined): string {
  if (bitsPerSecond === undefined) return UNKNOWN;
  const large = bitsPerSecond >= 999_500;
  return unitText(bitsPerSecond / (large ? 1_000_000 : 1000), large ? "megabit-per-second" : "kilobit-per-second", large ? 1 : 0);
}

/** A part that may be small, from 0 to 1: "0.4%". */
export function lossText(part: number | undefined): string {
  if (part === undefined) return UNKNOWN;
  return new Intl.NumberFormat(locale.value, { style: "percent", maximumFractionDigits: part < 0.1 ? 1 : 0 }).format(part);
}

/** The size and the pace of a picture: "1280 × 720, 30 per second". */
export function pictureText(width: number | undefined, height: number | undefined, framesPerSecond: number | undefined): string {
  if (width === undefined || height === undefined) return "";
  if (framesPerSecond === undefined) return `${width} × ${height}`;
  return t("connection.picture", { width: String(width), height: String(height), rate: Math.round(framesPerSecond) });
}
