import { TOGETHER } from "./limits.js";

/** Milliseconds that files may make what is said beside them wait, besides the round trip. */
const QUEUE = 15;
/**
 * Milliseconds over which the rate is measured, where a round trip isn't longer, and in which the shortest round trip is looked for:
 * in this period and the one before.
 */
const RATE = 500;
const PERIOD = 20_000;
/** Chunks on the way before anything is known, and those that may be however slow the path is. */
const FIRST = 4;
const LEAST = 2;

/**
 * How much to have on the way. More than the path carries in a round trip only waits in its queues, and whatever is said on
 * another channel waits behind it; a browser's SCTP lets them grow to megabytes where nothing is lost. So it is what arrives in the
 * shortest round trip and {@link QUEUE}, or two chunks instead: the path is never idle, and never far behind.
 */
export class Pace {
  /** Bytes of the latest chunk: those of small files are smaller than the others. */
  #chunk: number;
  readonly #now: () => number;
  /** Bytes that have been sent. */
  #end = 0;
  /** Chunks on their way: the bytes that had been sent with them, and when. */
  readonly #sent: { end: number; time: number }[] = [];
  /** What had been written, and when: of the time that the rate is measured over, the latest last. */
  readonly #arrivals: { written: number; time: number }[];
  #shortest = Number.POSITIVE_INFINITY;
  #shortestBefore = Number.POSITIVE_INFINITY;
  /** When the period began. */
  #period: number;
  /** What waits at the beginning of a period is let go first: else the wait would be taken for the round trip. */
  #emptying = false;
  /** What might be on the way before that. */
  #windowBefore = Number.POSITIVE_INFINITY;

  constructor(chunk: number, now: () => number = () => performance.now()) {
    this.#chunk = chunk;
    this.#now = now;
    this.#period = now();
    this.#arrivals = [{ written: 0, time: this.#period }];
  }

  /** Bytes that may be on the way. A chunk may always go when there is none. */
  get window(): number {
    return this.#emptying ? this.#chunks(1) : this.#measured;
  }

  /** The shortest time that a chunk took there and the word of it back, in milliseconds; infinite before any did. */
  get trip(): number {
    return Math.min(this.#shortest, this.#shortestBefore);
  }

  get #measured(): number {
    const [first, last] = [this.#arrivals[0], this.#arrivals.at(-1)];
    const { trip } = this;
    if (!first || !last || last.time - first.time < trip) return Math.min(this.#chunks(FIRST), this.#windowBefore);
    const rate = (last.written - first.written) / (last.time - first.time);
    // Half a long round trip more, to find out within a few of them that the path carries more. What is no whole chunk isn't sent.
    const ahead = Math.max(rate * Math.max(QUEUE, trip / 2), LEAST * this.#chunk);
    return Math.max(rate * trip + ahead, this.#chunks(LEAST));
  }

  /** Bytes of so many chunks; of small files, twice what the receiver tells of in one go at least: it writes some while others come. */
  #chunks(count: number): number {
    return Math.max(count * this.#chunk, 2 * TOGETHER);
  }

  /** @param end - bytes that have been sent, in whole chunks */
  sent(end: number): void {
    // Who has had nothing to send says nothing about the path.
    if (this.#sent.length === 0) this.#arrivals.splice(0, this.#arrivals.length, { written: this.#arrivals.at(-1)?.written ?? 0, time: this.#now() });
    this.#chunk = end - this.#end;
    this.#end = end;
    this.#sent.push({ end, time: this.#now() });
  }

  /** @param written - bytes of these that have been written at the other end */
  arrived(written: number): void {
    const now = this.#now();
    this.#arrivals.push({ written, time: now });
    // What arrives in less than a round trip says little: it may be one burst, and the pause behind it.
    const span = Number.isFinite(this.trip) ? Math.max(RATE, this.trip) : RATE;
    while (this.#arrivals[1] && now - this.#arrivals[1].time > span) this.#arrivals.shift();
    let newest: number | undefined;
    while (this.#sent[0] && this.#sent[0].end <= written) newest = this.#sent.shift()?.time;
    if (newest === undefined) return;
    if (newest > this.#period) this.#emptying = false;
    if (now - this.#period > PERIOD) {
      this.#windowBefore = this.#measured;
      [this.#shortestBefore, this.#shortest] = [this.#shortest, Number.POSITIVE_INFINITY];
      this.#period = now;
      this.#emptying = true;
    }
    this.#shortest = Math.min(this.#shortest, Math.max(now - newest, 1));
  }
}
