/** Milliseconds that a speed is taken over: shorter ones make the numbers jump. */
const SPAN = 5_000;
/** Milliseconds after which there is a speed at all. */
const FIRST = 400;

/** How fast something goes, from what has been done so far. */
export class Speed {
  #samples: { time: number; bytes: number }[] = [];

  /** @param time - in milliseconds; `bytes`: all that was sent until then. Less than before begins anew. */
  add(time: number, bytes: number): void {
    if (bytes < (this.#samples.at(-1)?.bytes ?? 0)) this.#samples = [];
    this.#samples.push({ time, bytes });
    while ((this.#samples[1]?.time ?? time) < time - SPAN) this.#samples.shift();
  }

  /** Forgets everything: it stood still. */
  reset(): void {
    this.#samples = [];
  }

  /** In bytes per second; undefined while that is not known. */
  get value(): number | undefined {
    const first = this.#samples[0];
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || last.time - first.time < FIRST) return undefined;
    return ((last.bytes - first.bytes) * 1000) / (last.time - first.time);
  }
}
