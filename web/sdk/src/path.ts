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
