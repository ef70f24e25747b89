import type { Message } from "./model";

/** What was written in one channel before the page was loaded again: kept by the tab, and by nothing else. */
const KEY = "peerline.chat";
/** How many lines, and characters of them; the oldest ones go first. */
const KEPT = 500;
const CHARACTERS = 1_000_000;
/** For how long, in milliseconds: a browser gives it to a tab that is duplicated, or opened again after it was closed, too. */
const TIME = 600_000;

/** The lines of the channel; none where the tab has been elsewhere, it was long ago, or nothing can be kept. */
export function keptLines(channel: string): readonly Message[] {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    const { channel: of, time, lines } = (kept ?? {}) as { channel?: unknown; time?: unknown; lines?: unknown };
    if (typeof time !== "number" || Date.now() - time > TIME) {
      forgetLines();
      return [];
    }
    return of === channel && Array.isArray(lines) ? lines.filter(isLine) : [];
  } catch {
    return [];
  }
}

export function keepLines(channel: string, lines: readonly Message[]): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify({ channel, time: Date.now(), lines: latest(lines) }));
  } catch {
    // Private windows and full disks: then it is gone after a reload, as it is after the call.
    forgetLines();
  }
}

export function forgetLines(): void {
  try {
    sessionStorage.removeItem(KEY);
  } catch {
    // Where nothing can be kept there is nothing to forget.
  }
}

function latest(lines: readonly Message[]): readonly Message[] {
  const kept: Message[] = [];
  let room = CHARACTERS;
  for (const line of lines.slice(-KEPT).reverse()) {
    room -= JSON.stringify(line).length;
    if (room < 0) break;
    kept.unshift(line);
  }
  return kept;
}

/** What the storage holds may be anything. */
function isLine(value: unknown): value is Message {
  const { id, from, name, text, time, reply } = (value ?? {}) as Partial<Record<keyof Message, unknown>>;
  const isText = (one: unknown) => typeof one === "string";
  return [id, name, text].every(isText) && [from, reply].every((one) => one === null || isText(one)) && typeof time === "number";
}
