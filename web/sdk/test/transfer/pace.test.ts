import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { Pace } from "../../src/transfer/pace.js";

const CHUNK = 128 << 10;
/** Milliseconds besides the round trip, as `docs/transfer.md` §8 has it. */
const QUEUE = Number(/shortest round trip and some (\d+) ms/.exec(readFileSync(new URL("../../../../docs/transfer.md", import.meta.url), "utf8"))?.[1]);

/** A path with a queue, and a sender that always has something to send. Times in milliseconds, rates in bytes per millisecond. */
class Road {
  now = 0;
  rate: number;
  trip: number;
  /** How long what is sent now waits behind what was sent before. */
  readonly waits: { time: number; wait: number }[] = [];
  sent = 0;
  written = 0;
  readonly #pace = new Pace(CHUNK, () => this.now);
  readonly #arrivals: { written: number; time: number }[] = [];
  #free = 0;

  constructor(rate: number, trip: number) {
    this.rate = rate;
    this.trip = trip;
  }

  run(until: number): void {
    for (; this.now < until; this.now++) {
      while (this.#arrivals[0] && this.#arrivals[0].time <= this.now) {
        this.written = this.#arrivals.shift()?.written ?? this.written;
        this.#pace.arrived(this.written);
      }
      while (this.sent - this.written + CHUNK <= this.#pace.window) this.#send();
    }
  }

  /** The longest wait since a time, and bytes per millisecond of what arrived. */
  longestWaitSince(start: number): number {
    return Math.max(...this.waits.filter(({ time }) => time >= start).map(({ wait }) => wait));
  }

  #send(): void {
    this.waits.push({ time: this.now, wait: Math.max(this.#free - this.now, 0) });
    this.#free = Math.max(this.#free, this.now) + CHUNK / this.rate;
    this.sent += CHUNK;
    this.#pace.sent(this.sent);
    this.#arrivals.push({ written: this.sent, time: this.#free + this.trip });
  }
}

it.each([
  { rate: 10_000, trip: 2, share: 0.9 },
  { rate: 10_000, trip: 100, share: 0.9 },
  { rate: 50_000, trip: 20, share: 0.9 },
  { rate: 2_000, trip: 30, share: 0.9 },
  { rate: 100, trip: 50, share: 0.9 },
  // A long path is emptied as often as the others, and takes longer to be full again.
  { rate: 10_000, trip: 600, share: 0.75 },
])("fills a path of $rate kB/s and $trip ms, and keeps its queue short", ({ rate, trip, share }) => {
  const road = new Road(rate, trip);
  road.run(10_000);
  const before = road.written;
  road.run(60_000);
  expect((road.written - before) / 50_000).toBeGreaterThan(share * rate);
  // A chunk is sent as a whole, and two may always be on the way.
  expect(road.longestWaitSince(10_000)).toBeLessThan(QUEUE + (2 * CHUNK) / rate + trip / 2);
});

it("finds its rate again when the path becomes a longer or a narrower one", () => {
  const road = new Road(10_000, 5);
  road.run(15_000);
  road.trip = 150;
  road.run(70_000);
  const before = road.written;
  road.run(110_000);
  expect((road.written - before) / 40_000).toBeGreaterThan(9_000);
  road.rate = 2_000;
  road.run(140_000);
  expect(road.longestWaitSince(130_000)).toBeLessThan(QUEUE + (3 * CHUNK) / road.rate + road.trip);
});

it("lets some chunks go before anything is known, and after a pause", () => {
  let now = 0;
  const pace = new Pace(CHUNK, () => now);
  expect(pace.window).toBe(4 * CHUNK);
  for (let count = 1; count <= 100; count++) {
    pace.sent(count * CHUNK);
    now += 10;
    pace.arrived(count * CHUNK);
  }
  // What arrives in the round trip, and two chunks: in 15 ms there are only one and a half.
  expect(pace.window).toBe(3 * CHUNK);
  now += 60_000;
  pace.sent(101 * CHUNK);
  expect(pace.window).toBe(4 * CHUNK);
});

it("has small files on the way as far as the receiver tells of them in one go, and more where the path carries more", () => {
  const SMALL = 8192;
  const windowAt = (milliseconds: number) => {
    let now = 0;
    const pace = new Pace(CHUNK, () => now);
    for (let count = 1; count <= 1000; count++) {
      pace.sent(count * SMALL);
      now += milliseconds;
      pace.arrived(count * SMALL);
    }
    return pace.window;
  };
  expect(windowAt(20)).toBe(64 << 10);
  expect(windowAt(1)).toBe((1 + QUEUE) * SMALL);
});
