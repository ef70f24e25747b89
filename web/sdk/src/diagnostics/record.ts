/** A line of the event log (`docs/event-log.md`), as native peers write and read it. */

export interface LoggedCandidate {
  /** Its name in this connection: `L1` or `R1`. */
  readonly candidate: string;
  readonly type: string;
  readonly protocol: string;
  /** Empty where the browser hides it. */
  readonly address: string;
  readonly port: number;
  readonly priority: number;
  readonly ufrag?: string;
  readonly url?: string;
  readonly relayProtocol?: string;
  readonly relatedAddress?: string;
  readonly relatedPort?: number;
}

/** What happened, of that which a browser can know. */
export type LogEvent =
  | { readonly event: "log"; readonly format: "peerline-event-log"; readonly version: 1; readonly agent: string }
  | { readonly event: "dropped"; readonly records: number }
  | { readonly event: "server"; readonly state: string }
  | { readonly event: "participant"; readonly participant: string; readonly state: string }
  | { readonly event: "connection"; readonly participant: string; readonly offers: boolean; readonly relayOnly: boolean; readonly servers: readonly string[] }
  | { readonly event: "description"; readonly side: "local" | "remote"; readonly kind: string; readonly ufrag?: string; readonly candidates: number }
  | { readonly event: "signaling" | "state" | "gathering" | "ice" | "dtls"; readonly state: string }
  | ({ readonly event: "local-candidate" | "remote-candidate" } & LoggedCandidate)
  | { readonly event: "server-failed"; readonly url: string; readonly local: string; readonly code: number }
  | { readonly event: "restart"; readonly side: "local" | "remote" }
  | { readonly event: "pair"; readonly pair: string; readonly local: string; readonly remote: string; readonly state: string; readonly roundTrip?: number }
  | { readonly event: "selected"; readonly pair?: string }
  | { readonly event: "data-channel"; readonly channel: number; readonly label: string; readonly state: string }
  | ({ readonly event: "statistics"; readonly pair?: string; readonly roundTrip?: number } & Readonly<Record<Counter, number>>)
  | { readonly event: "closed" };

/** Sums over all pairs. */
export const COUNTERS = ["packetsSent", "packetsReceived", "bytesSent", "bytesReceived", "requestsSent", "responsesReceived"] as const;
type Counter = (typeof COUNTERS)[number];

export type LogRecord = {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Milliseconds since the log began, by a clock that never jumps. */
  readonly elapsed: number;
  readonly connection?: number;
  readonly call?: string;
} & LogEvent;

/** The same without the addresses of either side, as a report is. */
export function withoutAddress(record: LogRecord): LogRecord {
  if (record.event !== "local-candidate" && record.event !== "remote-candidate") return record;
  const { relatedAddress: _, ...rest } = record;
  return { ...rest, address: "" };
}
