import type { RelayProtocol } from "../api.js";
import { relayProtocol } from "../ice-servers.js";
import type { MappingFinding, ServerFinding } from "./evidence.js";
import { gather, type Gathered } from "./gather.js";

/** Milliseconds that one server may take. Browsers themselves wait for nine seconds and more. */
const PATIENCE = 5000;
/** No answer (W3C webrtc-pc §4.8.2). */
const UNREACHED = 701;

/** One URL each, with the credential that belongs to it. */
export function separate(servers: readonly RTCIceServer[]): RTCIceServer[] {
  return servers.flatMap((server) => [server.urls].flat().map((urls) => ({ ...server, urls })));
}

/** Asks each server alone, all at the same time. */
export function askServers(servers: readonly RTCIceServer[]): Promise<ServerFinding[]> {
  return Promise.all(separate(servers).map(askServer));
}

async function askServer(server: RTCIceServer): Promise<ServerFinding> {
  const url = String(server.urls);
  const protocol: RelayProtocol = relayProtocol(url) ?? "udp";
  const wanted = relayProtocol(url) === undefined ? "srflx" : "relay";
  const { candidates, codes, complete, took } = await gather(
    { iceServers: [server], iceTransportPolicy: wanted === "relay" ? "relay" : "all" },
    { patience: PATIENCE, enough: ({ type }) => type === wanted },
  );
  const found = { url, function: wanted === "relay" ? "turn" : "stun", protocol, took: Math.round(took) } as const;
  const candidate = candidates.find(({ type }) => type === wanted);
  if (candidate !== undefined) return { ...found, outcome: "answered", candidate };
  const code = codes.find((each) => each !== UNREACHED && each >= 300);
  if (code !== undefined) return { ...found, outcome: "refused", code };
  // Without a NAT there is nothing to tell: the address is the one that the host candidate has.
  if (wanted === "srflx" && complete && codes.length === 0) return { ...found, outcome: "unmapped" };
  return { ...found, outcome: "silent" };
}

/** Where one socket is seen by two ports of the STUN server (RFC 5780 §4.3): Peerline's answers at that of TCP as well. */
export async function findMapping(servers: readonly RTCIceServer[]): Promise<MappingFinding | undefined> {
  const destinations = stunDestinations(separate(servers).map(({ urls }) => String(urls)));
  if (destinations.length < 2) return undefined;
  const [together, ...alone] = await Promise.all([
    gather({ iceServers: [{ urls: destinations }] }, { patience: PATIENCE }),
    ...destinations.map((urls) => askServer({ urls })),
  ]);
  // An answer that is missing is none that was the same.
  if (!together.complete || alone.some(({ outcome }) => outcome === "silent")) return undefined;
  return { destinations, mapped: mappedOf(together) };
}

/** Where one socket was seen. Each interface has one of its own: the one that was seen at most places shows most. Where IPv4 is, it is what has the NAT. */
export function mappedOf({ candidates, bases }: Pick<Gathered, "candidates" | "bases">): string[] {
  const sockets = new Map<string, Set<string>>();
  for (const [index, { type, protocol, address = "", port }] of candidates.entries()) {
    if (type !== "srflx" || protocol !== "udp") continue;
    const isIpv6 = address.includes(":");
    const socket = `${isIpv6 ? 6 : 4} ${bases[index]}`;
    sockets.set(socket, (sockets.get(socket) ?? new Set()).add(isIpv6 ? `[${address}]:${port}` : `${address}:${port}`));
  }
  const order = [...sockets].sort(([one, some], [other, more]) => Number(one[0]) - Number(other[0]) || more.size - some.size);
  return [...(order[0]?.[1] ?? [])];
}

/** The STUN server's URL, and the same with the port of the relay's TCP. */
export function stunDestinations(urls: readonly string[]): string[] {
  const stun = urls.find((url) => url.startsWith("stun:"));
  const [, host, port] = /^stun:(\[[^\]]*\]|[^:?]+)(?::(\d+))?/.exec(stun ?? "") ?? [];
  const tcp = urls.find((url) => url.startsWith(`turn:${host}`) && /transport=tcp/.test(url));
  const [, other] = /^turn:(?:\[[^\]]*\]|[^:?]+):(\d+)/.exec(tcp ?? "") ?? [];
  if (stun === undefined || host === undefined || other === undefined || other === (port ?? "3478")) return [];
  return [stun, `stun:${host}:${other}`];
}
