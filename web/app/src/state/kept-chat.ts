import type { Message } from "./model";

/** What was written in one channel before the page was loaded again: kept by the tab, and by nothing else. */
const KEY = "peerline.chat";
/** How many lines; the oldest ones go first. */
const KEPT = 500;

/** The lines of the channel; none where the tab has been elsewhere, or nothing can be kept. */
export function keptLines(channel: string): readonly Message[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    const { channel: of, lines } = (kept ?? {}) as { channel?: unknown; lines?: unknown };
    return of === channel && Array.isArray(lines) ? lines.filter(isLine) : [];
  } catch {
    return [];
  }
}

export function keepLines(channel: string, lines: readonly Message[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ channel, lines: lines.slice(-KEPT) }));
  } catch {
    // Private windows and full disks: then it is gone after a reload, as it is after the call.
  }
}

export function forgetLines(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Where nothing can be kept there is nothing to forget.
  }
}

/** What the storage holds may be anything. */
function isLine(value: unknown): value is Message {
  const { id, from, name, text, time, reply } = (value ?? {}) as Partial<Record<keyof Message, unknown>>;
  const isText = (one: unknown) => typeof one === "string";
  return [id, name, text].every(isText) && [from, reply].every((one) => one === null || isText(one)) && typeof time === "number";
}
