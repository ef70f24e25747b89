import type { Path } from "./api.js";
import { isRelayProtocol } from "./diagnostics/candidate.js";
import { selectedPair } from "./diagnostics/snapshot.js";

type Statistics = Map<string, Record<string, unknown>>;

/** The W3C statistics of a connection, as a plain map. */
export async function statistics(connection: Pick<RTCPeerConnection, "getStats">): Promise<Statistics> {
  const report = await connection.getStats();
  const entries: Statistics = new Map();
  report.forEach((value: Record<string, unknown>, id: string) => entries.set(id, value));
  return entries;
}

/** @returns the way that a connection takes, undefined while it has none */
export function selectedPath(report: Statistics): Path | undefined {
  const pair = selectedPair(report);
  const local = report.get(String(pair?.["localCandidateId"]));
  const remote = report.get(String(pair?.["remoteCandidateId"]));
  if (!local || !remote) return undefined;
  const relayed = local["candidateType"] === "relay" || remote["candidateType"] === "relay";
  // A relayed candidate's own protocol is that between relay and peer; ours to the relay is `relayProtocol`.
  const protocol = (local["candidateType"] === "relay" && local["relayProtocol"]) || local["protocol"];
  return { kind: relayed ? "relayed" : "direct", protocol: isRelayProtocol(protocol) ? protocol : "udp" };
}

/** @returns the address of the relay by which we send, as it is called in the list of servers */
export function relayOf(report: Statistics): string | undefined {
  const local = report.get(String(selectedPair(report)?.["localCandidateId"]));
  return local?.["candidateType"] === "relay" && typeof local["url"] === "string" ? local["url"] : undefined;
}
