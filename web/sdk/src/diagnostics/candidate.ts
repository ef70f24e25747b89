import type { RelayProtocol } from "../api.js";

/** One end of a path that a connection may take (RFC 8445 §5.1.1). */
export interface Candidate {
  readonly type: "host" | "srflx" | "prflx" | "relay";
  readonly protocol: "udp" | "tcp";
  /** For a relayed candidate of one's own: the protocol between us and the relay, where the browser tells. */
  readonly relayProtocol?: RelayProtocol;
  /** An address, or a name ending in `.local` that stands for one; missing where the browser hides it. */
  readonly address?: string;
  readonly port?: number;
  /** The STUN or TURN address that it was got from. */
  readonly server?: string;
}

/** Longer ones are nobody's: the other side may write what it likes. */
const LINE = 512;

/** Reads a line of `RTCIceCandidate.candidate` (RFC 8839 §5.1); undefined for what is none. */
export function parseCandidate(line: string, relay?: { protocol?: string | null; server?: string | null }): Candidate | undefined {
  if (line.length > LINE) return undefined;
  const [, protocol, address, port, type] = /^(?:a=)?candidate:\S+ \d+ (\S+) \d+ (\S+) (\d+) typ (\S+)/i.exec(line) ?? [];
  return candidateOf({ protocol: protocol?.toLowerCase(), address, port: Number(port), candidateType: type, relayProtocol: relay?.protocol, url: relay?.server });
}

/** Reads a candidate of the statistics; undefined for what is none. */
export function candidateOf(entry: Record<string, unknown>): Candidate | undefined {
  const { candidateType: type, protocol, relayProtocol, address, port, url } = entry;
  if (!isType(type) || (protocol !== "udp" && protocol !== "tcp")) return undefined;
  return {
    type,
    protocol,
    ...(isRelayProtocol(relayProtocol) && { relayProtocol }),
    // Statistics hide what the page may not know behind an empty text.
    ...(typeof address === "string" && address !== "" && { address }),
    ...(typeof port === "number" && Number.isFinite(port) && { port }),
    ...(typeof url === "string" && url !== "" && { server: url }),
  };
}

export function isRelayProtocol(value: unknown): value is RelayProtocol {
  return value === "udp" || value === "tcp" || value === "tls";
}

function isType(value: unknown): value is Candidate["type"] {
  return value === "host" || value === "srflx" || value === "prflx" || value === "relay";
}
