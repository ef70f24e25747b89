import { readFileSync } from "node:fs";
import type { Statistics } from "../../src/diagnostics/snapshot.js";

/** Statistics as a browser gave them in a call of Chromium 149 with Firefox 140 on one machine, without what nobody reads. */
export function recorded(name: "chromium-direct" | "chromium-relay" | "firefox-direct" | "firefox-relay"): Statistics {
  const entries = JSON.parse(readFileSync(new URL(`recorded/${name}.json`, import.meta.url), "utf8")) as Record<string, unknown>[];
  return new Map(entries.map((entry) => [String(entry["id"]), entry]));
}
