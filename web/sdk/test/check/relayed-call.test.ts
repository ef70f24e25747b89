import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { carry } from "../../src/check/relayed-call.js";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** A channel over a line that takes so many bits per second, and drops one packet in so many. */
function line(rate: number, drops = Infinity) {
  const takes: { onmessage: ((event: never) => void) | null } = { onmessage: null };
  let [free, count] = [0, 0];
  const sends = {
    bufferedAmount: 0,
    send(packet: Uint8Array) {
      const { length } = packet;
      sends.bufferedAmount += length;
      free = Math.max(free, performance.now()) + (length * 8000) / rate;
      setTimeout(() => {
        sends.bufferedAmount -= length;
        count += 1;
        if (count % drops !== 0) takes.onmessage?.({} as never);
      }, free - performance.now());
    },
  };
  return { sends, takes } as unknown as { sends: RTCDataChannel; takes: RTCDataChannel };
}

async function carried(rate: number, drops?: number) {
  const { sends, takes } = line(rate, drops);
  const load = carry(sends, takes);
  await vi.advanceTimersByTimeAsync(2000);
  const { throughput, sent, arrived } = await load;
  return { throughput, lost: 1 - arrived / sent };
}

it.each([300_000, 2_000_000, 50_000_000])("a line of %i bit/s that loses nothing is said to lose nothing", async (rate) => {
  const { throughput, lost } = await carried(rate);
  expect(Math.abs(lost)).toBeLessThan(0.01);
  expect(throughput).toBeLessThan(1.1 * Math.min(rate, 9_600_000));
  expect(throughput).toBeGreaterThan(0.8 * Math.min(rate, 9_600_000));
});

it.each([2_000_000, 50_000_000])("what a line of %i bit/s loses is counted", async (rate) => {
  const { lost } = await carried(rate, 10);
  expect(lost).toBeCloseTo(0.1, 1);
});
