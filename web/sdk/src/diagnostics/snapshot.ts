import { type Candidate, candidateOf } from "./candidate.js";

/** The W3C statistics of a connection. */
export type Statistics = ReadonlyMap<string, Record<string, unknown>>;

/** Two candidates that were tried together. */
export interface CandidatePair {
  readonly local: Candidate;
  readonly remote: Candidate;
  /** `frozen`, `waiting`, `in-progress`, `failed`, `succeeded`; Firefox also says `cancelled`. */
  readonly state: string;
  /** Whether media and data take it now. */
  readonly selected: boolean;
  /** Milliseconds that a check took. */
  readonly roundTrip?: number;
}

/** One track that is received or sent. */
export interface MediaFigures {
  readonly direction: "in" | "out";
  readonly kind: "audio" | "video";
  /** The section of the description that it belongs to. */
  readonly mid?: string;
  /** For example `VP8` or `opus`. */
  readonly codec?: string;
  readonly width?: number;
  readonly height?: number;
  readonly framesPerSecond?: number;
  /** What keeps the sender from sending a better picture: `bandwidth`, `cpu`, `other`. */
  readonly limitedBy?: string;
}

/** What a connection's statistics say at one moment, in one form for all browsers. */
export interface ConnectionSnapshot {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly pairs: readonly CandidatePair[];
  readonly media: readonly MediaFigures[];
  /** Milliseconds to the other side and back. */
  readonly roundTrip?: number;
  /** Bits per second that the browser believes it could send. */
  readonly availableOutgoing?: number;
  /** Since the beginning, over the selected pair. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  /** Of media, since the beginning. */
  readonly packetsReceived: number;
  readonly packetsLost: number;
  /** The part, from 0 to 1, of what we sent lately that the other side reports as lost. */
  readonly reportedLoss?: number;
}

/** Reads the statistics of Chromium, Firefox or Safari. What a browser doesn't tell is missing. */
export function snapshotOf(report: Statistics, time: number): ConnectionSnapshot {
  const all = [...report.values()];
  const selected = selectedPair(report);
  const inbound = all.filter(({ type }) => type === "inbound-rtp");
  const reports = all.filter(({ type }) => type === "remote-inbound-rtp");
  const roundTrip = number(selected?.["currentRoundTripTime"]) ?? largest(reports.map((entry) => number(entry["roundTripTime"])));
  const availableOutgoing = number(selected?.["availableOutgoingBitrate"]);
  const reportedLoss = lossOf(reports, report);
  return {
    time,
    pairs: all.filter(({ type }) => type === "candidate-pair").flatMap((pair) => pairOf(pair, report, pair === selected)),
    media: all.flatMap((entry) => mediaOf(entry, report)),
    ...(roundTrip !== undefined && { roundTrip: roundTrip * 1000 }),
    ...(availableOutgoing !== undefined && { availableOutgoing }),
    bytesReceived: number(selected?.["bytesReceived"]) ?? 0,
    bytesSent: number(selected?.["bytesSent"]) ?? 0,
    packetsReceived: sum(inbound, "packetsReceived"),
    packetsLost: sum(inbound, "packetsLost"),
    ...(reportedLoss !== undefined && { reportedLoss }),
  };
}

/** The pair that media and data take. */
export function selectedPair(report: Statistics): Record<string, unknown> | undefined {
  const all = [...report.values()];
  for (const transport of all)
    if (transport["type"] === "transport" && typeof transport["selectedCandidatePairId"] === "string")
      return report.get(transport["selectedCandidatePairId"]);
  const pairs = all.filter(({ type, state }) => type === "candidate-pair" && state === "succeeded");
  // Firefox marks the pair in use with `selected`.
  return pairs.find(({ selected }) => selected === true) ?? pairs.find(({ nominated }) => nominated === true);
}

function pairOf(pair: Record<string, unknown>, report: Statistics, selected: boolean): CandidatePair[] {
  const local = candidateOf(report.get(String(pair["localCandidateId"])) ?? {});
  const remote = candidateOf(report.get(String(pair["remoteCandidateId"])) ?? {});
  if (!local || !remote) return [];
  const answered = pair["state"] === "succeeded";
  const roundTrip = answered ? number(pair["currentRoundTripTime"]) : undefined;
  return [{ local, remote, state: String(pair["state"]), selected, ...(roundTrip !== undefined && { roundTrip: roundTrip * 1000 }) }];
}

function mediaOf(entry: Record<string, unknown>, report: Statistics): MediaFigures[] {
  const { type, kind, mid, qualityLimitationReason: limitedBy } = entry;
  if ((type !== "inbound-rtp" && type !== "outbound-rtp") || (kind !== "audio" && kind !== "video")) return [];
  // A track that is muted for good or replaced by nothing keeps its entry.
  if (type === "outbound-rtp" && entry["active"] === false) return [];
  const codec = report.get(String(entry["codecId"]))?.["mimeType"];
  const [width, height, framesPerSecond] = ["frameWidth", "frameHeight", "framesPerSecond"].map((name) => number(entry[name]));
  return [
    {
      direction: type === "inbound-rtp" ? "in" : "out",
      kind,
      ...(typeof mid === "string" && { mid }),
      ...(typeof codec === "string" && { codec: codec.replace(/^.*\//, "") }),
      ...(width !== undefined && { width }),
      ...(height !== undefined && { height }),
      ...(framesPerSecond !== undefined && { framesPerSecond }),
      ...(typeof limitedBy === "string" && limitedBy !== "none" && { limitedBy }),
    },
  ];
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

function sum(entries: Record<string, unknown>[], name: string): number {
  return entries.reduce((total, entry) => total + (number(entry[name]) ?? 0), 0);
}

/** The loss of all streams, each of which counts for the packets that it sent. */
function lossOf(reports: Record<string, unknown>[], report: Statistics): number | undefined {
  let [lost, sent] = [0, 0];
  for (const entry of reports) {
    const fraction = number(entry["fractionLost"]);
    const packets = number(report.get(String(entry["localId"]))?.["packetsSent"]) ?? 0;
    if (fraction === undefined) continue;
    lost += fraction * packets;
    sent += packets;
  }
  return sent > 0 ? lost / sent : undefined;
}

function largest(values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.max(...known) : undefined;
}
