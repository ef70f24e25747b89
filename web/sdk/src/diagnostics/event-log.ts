import type { Candidate } from "./candidate.js";

/** Something that happened to a connection. */
export type ConnectionIncident =
  /** A state of the W3C's: `signalingState`, `iceConnectionState`, `iceGatheringState`, `connectionState`. */
  | { readonly kind: "signaling" | "ice" | "gathering" | "connection"; readonly state: string }
  | { readonly kind: "local-candidate" | "remote-candidate"; readonly candidate: Candidate }
  /** A STUN or TURN server couldn't be used (W3C webrtc-pc §4.8.2): `code` is its own, or 701 where it didn't answer. */
  | { readonly kind: "candidate-error"; readonly code: number; readonly server: string }
  /** A new path is looked for. */
  | { readonly kind: "restart" }
  /** The connection was replaced by a new one. */
  | { readonly kind: "replacement" };

export type ConnectionEvent = ConnectionIncident & {
  /** Milliseconds since 1970. */
  readonly time: number;
};

/** Events that are kept. */
const CAPACITY = 400;

/** What happened to the connection with one participant: the latest events, also of the connections before this one. */
export class EventLog {
  readonly #events: ConnectionEvent[] = [];

  get events(): readonly ConnectionEvent[] {
    return this.#events;
  }

  add(incident: ConnectionIncident): void {
    this.#events.push({ time: Date.now(), ...incident });
    if (this.#events.length > CAPACITY) this.#events.shift();
  }
}
