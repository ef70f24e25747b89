import type { RelayProtocol } from "../api.js";
import type { Candidate } from "./candidate.js";
import type { ConnectionEvent } from "./event-log.js";

/** A STUN or TURN server that couldn't be used. */
export interface ServerFailure {
  readonly code: number;
  readonly server: string;
}

/** What is known about attempts to connect. */
export interface Evidence {
  /** Whether we use the relay only. */
  readonly relayOnly: boolean;
  /** The protocols by which we may use the server's relay; empty: it has none. */
  readonly relays: readonly RelayProtocol[];
  /** What the server says about the participant; undefined while we don't reach the server ourselves. */
  readonly presence: "present" | "away" | "missing" | undefined;
  /** Whether the other side has sent us anything of its own. */
  readonly answered: boolean;
  readonly local: readonly Candidate[];
  readonly remote: readonly Candidate[];
  readonly failures: readonly ServerFailure[];
}

/** What the events since the connection last held say. */
export function evidenceOf(events: readonly ConnectionEvent[]): Pick<Evidence, "answered" | "local" | "remote" | "failures"> {
  const held = events.map((event) => event.kind === "connection" && event.state === "connected").lastIndexOf(true);
  const since = events.slice(held + 1);
  const remote = since.flatMap((event) => (event.kind === "remote-candidate" ? [event.candidate] : []));
  return {
    // A signaling state that only a description of the other side leads to.
    answered: remote.length > 0 || since.some((event) => event.kind === "signaling" && event.state !== "have-local-offer"),
    local: since.flatMap((event) => (event.kind === "local-candidate" ? [event.candidate] : [])),
    remote,
    failures: since.flatMap((event) => (event.kind === "candidate-error" ? [{ code: event.code, server: event.server }] : [])),
  };
}
