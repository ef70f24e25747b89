import type { RelayProtocol } from "../api.js";
import type { Candidate } from "./candidate.js";
import type { CandidatePair, ConnectionSnapshot } from "./snapshot.js";

/**
 * Why a connection is relayed.
 *
 * - `relay-only`: we use the relay only
 * - `their-relay-only`: the other side offered relayed candidates only
 * - `direct-failed`: direct pairs were tried, and none succeeded
 * - `direct-slower`: a direct pair succeeded, but another one was chosen
 * - `no-direct-pair`: there was none to try
 */
export type RelayReason = "relay-only" | "their-relay-only" | "direct-failed" | "direct-slower" | "no-direct-pair";

/** The way that a connection takes, as one would tell it. */
export type Route =
  | { readonly kind: "direct"; readonly protocol: "udp" | "tcp"; readonly network: "same" | "other" }
  | {
      readonly kind: "relayed";
      /** Between us and our relay; `udp` where only the other side uses one. */
      readonly protocol: RelayProtocol;
      /** The relay's port, where the browser tells. */
      readonly port?: number;
      readonly reason: RelayReason;
      /** How many direct pairs were tried. */
      readonly directPairs: number;
    };

/** @returns undefined while there is no selected pair */
export function routeOf({ pairs }: ConnectionSnapshot, relayOnly: boolean): Route | undefined {
  const pair = pairs.find(({ selected }) => selected);
  if (!pair) return undefined;
  const { local, remote } = pair;
  if (local.type !== "relay" && remote.type !== "relay")
    return { kind: "direct", protocol: local.protocol, network: onSameNetwork(local, remote) ? "same" : "other" };
  const port = portOf(local.server);
  const direct = pairs.filter(isDirect);
  return {
    kind: "relayed",
    protocol: local.type === "relay" ? (local.relayProtocol ?? "udp") : "udp",
    ...(port !== undefined && { port }),
    reason: reasonOf(pairs, direct, relayOnly),
    directPairs: direct.length,
  };
}

function reasonOf(pairs: readonly CandidatePair[], direct: readonly CandidatePair[], relayOnly: boolean): RelayReason {
  if (relayOnly) return "relay-only";
  if (direct.some(({ state }) => state === "succeeded")) return "direct-slower";
  // A check from the other side's relay may come in before the candidate, and is then known as peer reflexive.
  if (pairs.every(({ remote }) => remote.type === "relay" || remote.type === "prflx")) return "their-relay-only";
  return direct.length > 0 ? "direct-failed" : "no-direct-pair";
}

function isDirect({ local, remote }: CandidatePair): boolean {
  return local.type !== "relay" && remote.type !== "relay";
}

/** Host candidates reach each other without a NAT: in one network, unless their addresses say otherwise. */
function onSameNetwork(local: Candidate, remote: Candidate): boolean {
  const { address } = remote;
  // Between two on one machine no NAT is, even if the one was heard of from the server first.
  if (local.type === "host" && address !== undefined && address === local.address) return true;
  if (local.type === "srflx" || remote.type === "srflx") return false;
  // A host candidate is hidden behind a name that only neighbours can look up. Chromium also hides the address of a peer reflexive one:
  // there our own private address shows it, which took part without a NAT.
  if (address === undefined || address.endsWith(".local")) return remote.type === "host" || (local.type === "host" && isPrivate(local.address ?? ""));
  return isPrivate(address) || (local.address !== undefined && networkOf(local.address) === networkOf(address));
}

/** Whether it is an address that the internet doesn't know (RFC 6890 §2.2.2, §2.2.3). */
function isPrivate(address: string): boolean {
  return (
    /^(10|127|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])|169\.254|172\.(1[6-9]|2\d|3[01])|192\.168)\./.test(address) ||
    /^(192\.0\.2|198\.1[89]|198\.51\.100|203\.0\.113)\./.test(address) ||
    /^(::1$|fe[89ab]|f[cd]|2001:0?db8:)/i.test(address)
  );
}

/** What neighbours' addresses begin with: 24 bits of IPv4, 64 of IPv6. */
function networkOf(address: string): string {
  if (!address.includes(":")) return address.replace(/\.\d+$/, "");
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head.split(":");
  if (tail !== undefined) while (groups.length < 4) groups.push("0");
  return groups.slice(0, 4).join(":");
}

/** The port in a STUN or TURN address (RFC 7064, RFC 7065), or that of its scheme. */
function portOf(server: string | undefined): number | undefined {
  if (server === undefined) return undefined;
  const [, scheme, port] = /^(stuns?|turns?):(?:\[[^\]]*\]|[^:?]*)(?::(\d+))?/.exec(server) ?? [];
  if (scheme === undefined) return undefined;
  return port !== undefined ? Number(port) : scheme.endsWith("s") ? 5349 : 3478;
}
