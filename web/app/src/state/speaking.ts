import { signal } from "@preact/signals";
import { ownId } from "./model";

/** From here on somebody is taken to be speaking (the scale is that of `loudness`), and for so many looks after. */
const SPEAKING = 0.42;
const LINGER = 6;
/** Milliseconds for which the same one stays the active speaker, whoever else speaks. */
const CALM = 3_000;

/** Who spoke last, the user not counted; it changes calmly, so that the stage may follow it. */
export const activeSpeaker = signal<string | null>(null);

const linger = new Map<string, number>();
let since = -Infinity;

/** Takes how loud somebody is, ten times a second. Returns whether they are speaking. */
export function hear(id: string, level: number, now: number = performance.now()): boolean {
  const left = level > SPEAKING ? LINGER : Math.max(0, (linger.get(id) ?? 0) - 1);
  linger.set(id, left);
  if (left > 0 && id !== ownId.value) consider(id, now);
  return left > 0;
}

/** Nobody listens to them any more. */
export function forget(id: string): void {
  linger.delete(id);
}

function consider(id: string, now: number): void {
  const current = activeSpeaker.value;
  if (id === current) return;
  // Whoever goes on speaking keeps the place; nobody is pushed out within the first seconds.
  const speaks = current !== null && (linger.get(current) ?? 0) > 0;
  if (speaks || now - since < CALM) return;
  activeSpeaker.value = id;
  since = now;
}
