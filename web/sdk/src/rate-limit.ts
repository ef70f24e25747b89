/** At most so many within a time: what comes faster is not let through. */
export class RateLimit {
  readonly #count: number;
  readonly #milliseconds: number;
  #times: number[] = [];

  constructor(count: number, milliseconds: number) {
    this.#count = count;
    this.#milliseconds = milliseconds;
  }

  /** Whether one more may pass now; then it counts. */
  pass(): boolean {
    const now = Date.now();
    this.#times = this.#times.filter((time) => now - time < this.#milliseconds);
    if (this.#times.length >= this.#count) return false;
    this.#times.push(now);
    return true;
  }
}
