import type { RelayProtocol } from "../api.js";
import type { Candidate } from "./candidate.js";
import type { Evidence, ServerFailure } from "./evidence.js";
import type { ConnectionSample } from "./sample.js";
import type { ConnectionSnapshot } from "./snapshot.js";

/** Why a participant can't be connected, with what shows it. */
export type FailureDiagnosis =
  /** The server says that it isn't there. */
  | { readonly kind: "peer-gone" }
  /** It is there, but nothing of its connection came. */
  | { readonly kind: "no-answer" }
  /** The relay refused our credential. `code`: 401 or 438 (RFC 8656 §5). */
  | { readonly kind: "credential-expired"; readonly code: number }
  /** The relay answered by none of the protocols. */
  | { readonly kind: "relay-unreachable"; readonly protocols: readonly RelayProtocol[] }
  /** Nothing answered us over UDP, and nothing else may be used. */
  | { readonly kind: "udp-blocked" }
  /** Both sides have public addresses that don't reach each other, and there is no relay. */
  | { readonly kind: "symmetric-nats" }
  /** None of the pairs worked; `local` and `remote` candidates there were. */
  | { readonly kind: "no-path"; readonly local: number; readonly remote: number };

/** What is wrong with a connection that holds. */
export type DegradationDiagnosis =
  /** `loss`: the part of the packets from 0 to 1. */
  | { readonly kind: "loss"; readonly direction: "in" | "out"; readonly loss: number }
  /** Milliseconds. */
  | { readonly kind: "slow"; readonly roundTrip: number }
  /** Bits per second that we could send. */
  | { readonly kind: "narrow"; readonly bitrate: number };

/** In one sentence, why a connection fails or is bad. */
export type Diagnosis = FailureDiagnosis | DegradationDiagnosis;

/** STUN's codes for a credential that isn't taken: unauthorized, stale nonce (RFC 8489 §14.8). */
const REFUSED = [401, 438];

/** Why there is no connection. */
export function diagnoseFailure(evidence: Evidence): FailureDiagnosis {
  const { presence, answered, local, remote, failures, relays } = evidence;
  if (presence === "away" || presence === "missing") return { kind: "peer-gone" };
  if (!answered) return { kind: "no-answer" };
  const relayed = local.some(({ type }) => type === "relay");
  const refused = failures.find(({ code }) => REFUSED.includes(code));
  if (!relayed && refused) return { kind: "credential-expired", code: refused.code };
  if (!relayed && relays.length > 0) {
    const onlyUdp = relays.every((protocol) => protocol === "udp");
    return onlyUdp && !udpAnswered(local, failures) ? { kind: "udp-blocked" } : { kind: "relay-unreachable", protocols: relays };
  }
  if (relays.length === 0 && !remote.some(isRelayed)) {
    if (failures.some(byUdp) && !local.some(({ type }) => type === "srflx")) return { kind: "udp-blocked" };
    if (isPublic(local) && isPublic(remote)) return { kind: "symmetric-nats" };
  }
  return { kind: "no-path", local: local.length, remote: remote.length };
}

/** Milliseconds of samples that count, and how many there must be of them: a moment is no trouble yet. */
const WINDOW = 15_000;
const SAMPLES = 3;
/** From here on people notice. */
const LOSS = 0.05;
const ROUND_TRIP = 400;
const BITRATE = 150_000;

/** What is wrong with a connection that holds; undefined: nothing. The worst comes first. */
export function diagnoseDegradation(samples: readonly ConnectionSample[], snapshot: ConnectionSnapshot): DegradationDiagnosis | undefined {
  const recent = samples.filter(({ time }) => time > snapshot.time - WINDOW);
  const average = (name: "lossIn" | "lossOut" | "roundTrip") => {
    const values = recent.flatMap((sample) => sample[name] ?? []);
    return values.length >= SAMPLES ? values.reduce((sum, value) => sum + value, 0) / values.length : 0;
  };
  const [lossIn, lossOut, roundTrip] = [average("lossIn"), average("lossOut"), average("roundTrip")];
  if (Math.max(lossIn, lossOut) > LOSS)
    return lossIn >= lossOut ? { kind: "loss", direction: "in", loss: lossIn } : { kind: "loss", direction: "out", loss: lossOut };
  if (roundTrip > ROUND_TRIP) return { kind: "slow", roundTrip };
  const bitrate = snapshot.availableOutgoing;
  const held = snapshot.media.some(({ direction, kind, limitedBy }) => direction === "out" && kind === "video" && limitedBy === "bandwidth");
  // The estimate begins low, and rises in the first seconds.
  if (bitrate !== undefined && bitrate < BITRATE && held && recent.length >= SAMPLES && samples.length > 2 * SAMPLES) return { kind: "narrow", bitrate };
  return undefined;
}

function isRelayed({ type }: Candidate): boolean {
  return type === "relay";
}

/** Whether a STUN server showed an address of it, or it is one in itself. */
function isPublic(candidates: readonly Candidate[]): boolean {
  return candidates.some(({ type }) => type === "srflx" || type === "prflx");
}

/** Whether the server answered over UDP: by an address it saw, by a relay, or by a refusal. */
function udpAnswered(local: readonly Candidate[], failures: readonly ServerFailure[]): boolean {
  return local.some(({ type, relayProtocol }) => type === "srflx" || relayProtocol === "udp") || failures.some((failure) => byUdp(failure) && failure.code < 700);
}

function byUdp({ server }: ServerFailure): boolean {
  return /^(stun|turn):/.test(server) && !/[?&]transport=tcp\b/.test(server);
}
