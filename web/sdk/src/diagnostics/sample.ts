import type { ConnectionSnapshot } from "./snapshot.js";

/** How a connection did in the time between two looks. What isn't known is missing. */
export interface ConnectionSample {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds. */
  readonly roundTrip?: number;
  /** The part of the packets, from 0 to 1, that was lost on the way to us. */
  readonly lossIn?: number;
  /** The same on the way to the other side, as that reports it. */
  readonly lossOut?: number;
  /** Bits per second. */
  readonly bitrateIn?: number;
  readonly bitrateOut?: number;
}

/** Fewer packets than that say nothing about loss. */
const PACKETS = 10;

export function sampleOf(snapshot: ConnectionSnapshot, before: ConnectionSnapshot | undefined): ConnectionSample {
  const { time, roundTrip, reportedLoss: lossOut } = snapshot;
  const seconds = before ? (time - before.time) / 1000 : 0;
  const rate = (name: "bytesReceived" | "bytesSent") => {
    const bytes = before && seconds > 0 ? snapshot[name] - before[name] : -1;
    // Another pair, or another connection, counts from its own beginning.
    return bytes >= 0 ? (bytes * 8) / seconds : undefined;
  };
  const [bitrateIn, bitrateOut, lossIn] = [rate("bytesReceived"), rate("bytesSent"), before && lossBetween(before, snapshot)];
  return {
    time,
    ...(roundTrip !== undefined && { roundTrip }),
    ...(lossIn !== undefined && { lossIn }),
    ...(lossOut !== undefined && { lossOut }),
    ...(bitrateIn !== undefined && { bitrateIn }),
    ...(bitrateOut !== undefined && { bitrateOut }),
  };
}

function lossBetween(before: ConnectionSnapshot, after: ConnectionSnapshot): number | undefined {
  const received = after.packetsReceived - before.packetsReceived;
  // A packet that came late after all makes the count fall.
  const lost = Math.max(0, after.packetsLost - before.packetsLost);
  return received >= 0 && received + lost >= PACKETS ? lost / (received + lost) : undefined;
}
