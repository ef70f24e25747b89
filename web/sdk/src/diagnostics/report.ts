import type { ParticipantState } from "../api.js";
import type { Candidate } from "./candidate.js";
import type { Diagnosis } from "./diagnosis.js";
import type { ConnectionEvent } from "./event-log.js";
import type { Route } from "./route.js";
import type { ConnectionSample } from "./sample.js";
import type { ConnectionSnapshot } from "./snapshot.js";

/** What one hands to somebody who is to find out what is wrong: `docs/connection-report.md`. */
export interface ConnectionReport {
  readonly format: "peerline-connection-report";
  readonly version: 1;
  /** ISO 8601. */
  readonly created: string;
  readonly browser: string;
  readonly state: ParticipantState;
  readonly relayOnly: boolean;
  /** STUN and TURN addresses, without credentials. */
  readonly servers: readonly string[];
  /** What both sides' logs are put together by: `docs/event-log.md`. */
  readonly call?: string;
  readonly route?: Route;
  readonly diagnosis?: Diagnosis;
  readonly snapshot?: ConnectionSnapshot;
  readonly samples: readonly ConnectionSample[];
  readonly events: readonly ConnectionEvent[];
}

/** The same without the addresses of either side. Ports and the servers' addresses stay. */
export function withoutAddresses(report: ConnectionReport): ConnectionReport {
  const { snapshot, events } = report;
  return {
    ...report,
    ...(snapshot && {
      snapshot: {
        ...snapshot,
        pairs: snapshot.pairs.map((pair) => ({ ...pair, local: withoutAddress(pair.local), remote: withoutAddress(pair.remote) })),
      },
    }),
    events: events.map((event) => ("candidate" in event ? { ...event, candidate: withoutAddress(event.candidate) } : event)),
  };
}

function withoutAddress({ address: _, ...rest }: Candidate): Candidate {
  return rest;
}
