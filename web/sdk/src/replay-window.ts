const WINDOW = 1024;

/** Refuses what one sender has sent before (`docs/signaling.md` §3). */
export class ReplayWindow {
  #highest = 0;
  readonly #seen = new Set<number>();

  /** Whether a message of this `id` may still be opened. */
  accepts(id: number): boolean {
    return Number.isSafeInteger(id) && id > 0 && id > this.#highest - WINDOW - 1 && !this.#seen.has(id);
  }

  /** To be called when a message was opened, not before: a forged one must not use up an `id`. */
  add(id: number): void {
    this.#seen.add(id);
    if (id <= this.#highest) return;
    this.#highest = id;
    for (const old of this.#seen) if (old < id - WINDOW) this.#seen.delete(old);
  }
}
