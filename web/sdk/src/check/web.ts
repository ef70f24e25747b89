import type { WebFinding } from "./evidence.js";

/** Milliseconds that an answer may take. */
const PATIENCE = 5000;

/** Asks for `/healthz`, which every Peerline server answers with `ok`, and for the server's clock. */
export async function askWeb(server: URL): Promise<{ web: WebFinding; clock?: { ahead: number; within: number } }> {
  const began = performance.now();
  try {
    const response = await fetch(new URL("/healthz", server), { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
    const [now, text] = [Date.now(), await response.text()];
    const took = performance.now() - began;
    if (response.status !== 200 || text.trim() !== "ok") return { web: { outcome: "foreign", status: response.status } };
    const clock = clockOf(response.headers.get("date"), now, took);
    return { web: { outcome: "answered", took }, ...(clock && { clock }) };
  } catch (error) {
    return { web: { outcome: "failed", reason: error instanceof Error ? error.name : String(error) } };
  }
}

/**
 * The server's clock less ours, in seconds. Its date has whole seconds (RFC 9110 §5.6.7): on the average half a second has passed.
 *
 * @param now - when the answer was there, in milliseconds since 1970
 * @param took - milliseconds
 */
export function clockOf(date: string | null, now: number, took: number): { ahead: number; within: number } | undefined {
  const time = Date.parse(date ?? "");
  if (Number.isNaN(time)) return undefined;
  return { ahead: (time + 500 - (now - took / 2)) / 1000, within: 0.5 + took / 2000 };
}
