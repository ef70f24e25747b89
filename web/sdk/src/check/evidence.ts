/** What was found out, without a word of what it means. */
import type { RelayProtocol } from "../api.js";
import type { Candidate } from "../diagnostics/candidate.js";

/** How the server answered over HTTP. */
export type WebFinding =
  /** Milliseconds. */
  | { readonly outcome: "answered"; readonly took: number }
  /** Something answered that is not the server. */
  | { readonly outcome: "foreign"; readonly status: number }
  | { readonly outcome: "failed"; readonly reason: string };

/** Whether a channel of one's own could be entered, over WebSocket. */
export type SignalingFinding =
  | { readonly outcome: "done"; readonly took: number }
  | { readonly outcome: "failed"; readonly reason: string };

/** What came of asking one STUN or TURN server, with no other one beside it. */
export interface ServerFinding {
  readonly url: string;
  readonly function: "stun" | "turn";
  readonly protocol: RelayProtocol;
  /**
   * - `answered`: it gave a candidate
   * - `unmapped`: it gave none, and there was nothing wrong: it sees the address that one has (STUN only)
   * - `refused`: it said no, with `code`
   * - `silent`: nothing came
   */
  readonly outcome: "answered" | "unmapped" | "refused" | "silent";
  /** Milliseconds. */
  readonly took: number;
  readonly code?: number;
  readonly candidate?: Candidate;
}

/** Where two destinations saw the same socket. */
export interface MappingFinding {
  readonly destinations: readonly string[];
  /** Addresses with ports, each once. */
  readonly mapped: readonly string[];
}

/** A call between two connections of this page, through the relay only. */
export type CallFinding =
  | {
      readonly outcome: "connected";
      /** Milliseconds until a message could be sent. */
      readonly took: number;
      /** Milliseconds for a message and its answer, the middle of several. */
      readonly roundTrip: number;
      readonly protocol: RelayProtocol | undefined;
      /** Bits per second that arrived. */
      readonly throughput: number;
      /** Of messages that are not sent again. */
      readonly sent: number;
      readonly arrived: number;
    }
  | { readonly outcome: "failed" };

/** What the browser says of a device without being asked to open it. */
export interface DeviceFinding {
  /** W3C Permissions; `unknown` where the browser doesn't tell. */
  readonly permission: PermissionState | "unknown";
  /** How many there are. */
  readonly found: number;
}

/** Everything that was found out. What is missing was not tried. */
export interface CheckEvidence {
  readonly format: "peerline-check";
  readonly version: 1;
  /** ISO 8601. */
  readonly created: string;
  /** The server's origin. */
  readonly server: string;
  readonly browser: string;
  readonly web: WebFinding;
  /** The server's clock less this device's, and how far off that may be: in seconds. */
  readonly clock?: { readonly ahead: number; readonly within: number };
  readonly signaling: SignalingFinding;
  readonly servers: readonly ServerFinding[];
  readonly mapping?: MappingFinding;
  /** All that all servers together gave. */
  readonly candidates: readonly Candidate[];
  readonly call?: CallFinding;
  readonly camera: DeviceFinding;
  readonly microphone: DeviceFinding;
}
