/** What the evidence means. Pure functions: the same evidence gives the same verdict, and none is given without its evidence. */
import type { RelayProtocol } from "../api.js";
import type { Candidate } from "../diagnostics/candidate.js";
import type { CheckEvidence, DeviceFinding, ServerFinding, WebFinding } from "./evidence.js";

/**
 * - `good`
 * - `limited`: calls come about, but not as well as they could
 * - `bad`
 * - `unknown`: nothing can be said, and the sentence says why
 */
export type Standing = "good" | "limited" | "bad" | "unknown";

/** Something that was seen. Times are in milliseconds, rates in bits per second. */
export type Seen =
  | { readonly kind: "web-answered"; readonly server: string; readonly took: number }
  | { readonly kind: "web-foreign"; readonly server: string; readonly status: number }
  | { readonly kind: "web-failed"; readonly server: string; readonly reason: string }
  | { readonly kind: "signaling-done"; readonly took: number }
  | { readonly kind: "signaling-failed"; readonly reason: string }
  /** Seconds. */
  | { readonly kind: "clock"; readonly ahead: number; readonly within: number }
  | { readonly kind: "server-answered"; readonly url: string; readonly took: number; readonly candidate: Candidate }
  | { readonly kind: "server-unmapped" | "server-silent"; readonly url: string; readonly took: number }
  | { readonly kind: "server-refused"; readonly url: string; readonly code: number }
  | { readonly kind: "mapped"; readonly destinations: readonly string[]; readonly mapped: readonly string[] }
  | { readonly kind: "candidates"; readonly candidates: readonly Candidate[] }
  | { readonly kind: "call-connected"; readonly took: number; readonly protocol: RelayProtocol | undefined }
  | { readonly kind: "call-round-trip"; readonly took: number }
  | { readonly kind: "call-load"; readonly throughput: number; readonly sent: number; readonly arrived: number }
  | { readonly kind: "call-failed" }
  | ({ readonly kind: "camera" | "microphone" } & DeviceFinding);

/** What is said of one question. */
export interface Verdict {
  readonly kind: keyof typeof STANDINGS;
  readonly standing: Standing;
  /** The protocols that it is about, where it is about some. */
  readonly protocols?: readonly RelayProtocol[];
  readonly seen: readonly Seen[];
}

/** Every verdict there is. What stands before the first hyphen is the question. */
export const STANDINGS = {
  "site-captive": "bad",
  "site-unreachable": "bad",
  "site-closed": "bad",
  "site-here": "unknown",
  "site-direct": "good",
  "site-symmetric": "limited",
  "site-nat": "unknown",
  "site-quiet": "unknown",
  "site-relayed": "limited",
  "site-blocked": "bad",
  "server-reached": "good",
  "server-foreign": "bad",
  "server-closed": "bad",
  "server-unreached": "bad",
  "clock-right": "good",
  "clock-wrong": "limited",
  "clock-unknown": "unknown",
  "udp-answered": "good",
  "udp-silent": "limited",
  "udp-unknown": "unknown",
  "mapping-none": "good",
  "mapping-same": "good",
  "mapping-different": "limited",
  "mapping-unknown": "unknown",
  "addresses-both": "good",
  "addresses-ipv4": "good",
  "addresses-ipv6": "good",
  "addresses-unknown": "unknown",
  "relay-all": "good",
  "relay-some": "good",
  "relay-slow": "limited",
  "relay-refused": "bad",
  "relay-unreached": "bad",
  "relay-absent": "limited",
  "relay-unknown": "unknown",
  "call-works": "good",
  "call-lossy": "limited",
  "call-narrow": "limited",
  "call-slow": "limited",
  "call-failed": "bad",
  "call-unknown": "unknown",
  "devices-allowed": "good",
  "devices-asked": "good",
  "devices-denied": "limited",
  "devices-missing": "limited",
} as const satisfies Record<string, Standing>;

type Kind = keyof typeof STANDINGS;

/**
 * What keeps the server away, by what came over HTTP. That alone shows nothing: a proxy may keep `/healthz` to itself, or the app lie on a path.
 * Who lets nobody in before they log in lets no WebSocket through either.
 */
const UNREACHED = {
  answered: { site: "site-closed", server: "server-closed" },
  foreign: { site: "site-captive", server: "server-foreign" },
  failed: { site: "site-unreachable", server: "server-unreached" },
} as const satisfies Record<WebFinding["outcome"], Record<string, Kind>>;

/** A clock that is off by more makes certificates and passes fail, in seconds. */
const CLOCK = 60;
/** From here on people notice: a part of the packets, bits per second, milliseconds twice through the relay. */
const LOSS = 0.05;
const THROUGHPUT = 500_000;
const ROUND_TRIP = 800;

/** Judges. The first verdict is on the whole. */
export function judge(evidence: CheckEvidence): Verdict[] {
  return [site(evidence), server(evidence), udp(evidence), mapping(evidence), addresses(evidence), relay(evidence), call(evidence), devices(evidence), clock(evidence)];
}

function verdict(kind: Kind, seen: readonly Seen[], protocols?: readonly RelayProtocol[]): Verdict {
  return { kind, standing: STANDINGS[kind], ...(protocols && { protocols }), seen };
}

/** The whole: what this network is like for calls. */
function site(evidence: CheckEvidence): Verdict {
  const { web, signaling, servers } = evidence;
  if (signaling.outcome === "failed") return verdict(unreached(web).site, [webSeen(evidence), signalingSeen(evidence)]);
  if (isHere(evidence)) return verdict("site-here", servers.length > 0 ? servers.map(serverSeen) : [signalingSeen(evidence)]);
  const stun = servers.filter(isStun);
  const overUdp = relaysOf(evidence, "udp");
  if (stun.some(hasAnswered)) {
    const seen = stun.map(serverSeen);
    const { kind, seen: mapped } = mapping(evidence);
    const whole = kind === "mapping-different" ? "site-symmetric" : kind === "mapping-unknown" ? "site-nat" : "site-direct";
    return verdict(whole, kind === "mapping-unknown" ? seen : mapped);
  }
  if (overUdp.some(hasAnswered)) return verdict("site-quiet", [...stun, ...overUdp].map(serverSeen));
  const others = [...relaysOf(evidence, "tcp"), ...relaysOf(evidence, "tls")];
  const seen = [...stun, ...overUdp, ...others].map(serverSeen);
  // A server that names none leaves direct calls on the same network only.
  if (seen.length === 0) return verdict("site-blocked", [signalingSeen(evidence)]);
  return verdict(others.some(hasAnswered) ? "site-relayed" : "site-blocked", seen);
}

function server(evidence: CheckEvidence): Verdict {
  const { web, signaling } = evidence;
  return verdict(signaling.outcome === "done" ? "server-reached" : unreached(web).server, [webSeen(evidence), signalingSeen(evidence)]);
}

/** A proxy before a server that is down answers for it (RFC 9110 §15.6); who wants a login says 511 at most (RFC 6585 §6). */
function unreached(web: WebFinding): (typeof UNREACHED)[WebFinding["outcome"]] {
  const isDown = web.outcome === "foreign" && web.status >= 500 && web.status !== 511;
  return UNREACHED[isDown ? "failed" : web.outcome];
}

function clock({ clock: found }: CheckEvidence): Verdict {
  if (found === undefined) return verdict("clock-unknown", []);
  return verdict(Math.abs(found.ahead) > CLOCK + found.within ? "clock-wrong" : "clock-right", [{ kind: "clock", ...found }]);
}

function udp({ servers }: CheckEvidence): Verdict {
  const asked = servers.filter(({ protocol }) => protocol === "udp");
  if (asked.length === 0) return verdict("udp-unknown", []);
  return verdict(asked.some(hasAnswered) ? "udp-answered" : "udp-silent", asked.map(serverSeen));
}

function mapping(evidence: CheckEvidence): Verdict {
  const { mapping: found } = evidence;
  if (found === undefined || isHere(evidence)) return verdict("mapping-unknown", []);
  const kind = found.mapped.length === 0 ? "mapping-none" : found.mapped.length === 1 ? "mapping-same" : "mapping-different";
  return verdict(kind, [{ kind: "mapped", ...found }]);
}

function addresses({ candidates }: CheckEvidence): Verdict {
  const known = candidates.flatMap(({ type, address }) => (address === undefined || type === "relay" || address.endsWith(".local") ? [] : [address]));
  const [ipv4, ipv6] = [known.some((address) => !address.includes(":")), known.some((address) => address.includes(":"))];
  const seen: Seen[] = candidates.length > 0 ? [{ kind: "candidates", candidates }] : [];
  return verdict(ipv4 && ipv6 ? "addresses-both" : ipv4 ? "addresses-ipv4" : ipv6 ? "addresses-ipv6" : "addresses-unknown", seen);
}

function relay(evidence: CheckEvidence): Verdict {
  const asked = evidence.servers.filter((found) => !isStun(found));
  if (evidence.signaling.outcome === "failed") return verdict("relay-unknown", [signalingSeen(evidence)]);
  if (asked.length === 0) return verdict("relay-absent", [signalingSeen(evidence)]);
  const protocols = (["udp", "tcp", "tls"] as const).filter((protocol) => relaysOf(evidence, protocol).some(hasAnswered));
  const seen = asked.map(serverSeen);
  if (asked.every(hasAnswered)) return verdict("relay-all", seen, protocols);
  if (protocols.length > 0) return verdict(protocols.includes("udp") ? "relay-some" : "relay-slow", seen, protocols);
  return verdict(asked.some(({ outcome }) => outcome === "refused") ? "relay-refused" : "relay-unreached", seen);
}

function call({ call: found }: CheckEvidence): Verdict {
  if (found === undefined) return verdict("call-unknown", []);
  if (found.outcome === "failed") return verdict("call-failed", [{ kind: "call-failed" }]);
  const { took, protocol, roundTrip, throughput, sent, arrived } = found;
  const seen: Seen[] = [
    { kind: "call-connected", took, protocol },
    { kind: "call-round-trip", took: roundTrip },
    { kind: "call-load", throughput, sent, arrived },
  ];
  if (sent > 0 && 1 - arrived / sent > LOSS) return verdict("call-lossy", seen);
  if (throughput < THROUGHPUT) return verdict("call-narrow", seen);
  return verdict(roundTrip > ROUND_TRIP ? "call-slow" : "call-works", seen);
}

function devices({ camera, microphone }: CheckEvidence): Verdict {
  const both = [camera, microphone];
  const seen: Seen[] = [{ kind: "camera", ...camera }, { kind: "microphone", ...microphone }];
  if (both.some(({ permission }) => permission === "denied")) return verdict("devices-denied", seen);
  if (both.some(({ found }) => found === 0)) return verdict("devices-missing", seen);
  return verdict(both.every(({ permission }) => permission === "granted") ? "devices-allowed" : "devices-asked", seen);
}

function webSeen({ server: url, web }: CheckEvidence): Seen {
  if (web.outcome === "answered") return { kind: "web-answered", server: url, took: web.took };
  if (web.outcome === "foreign") return { kind: "web-foreign", server: url, status: web.status };
  return { kind: "web-failed", server: url, reason: web.reason };
}

function signalingSeen({ signaling }: CheckEvidence): Seen {
  if (signaling.outcome === "done") return { kind: "signaling-done", took: signaling.took };
  return { kind: "signaling-failed", reason: signaling.reason };
}

function serverSeen({ url, outcome, took, code = 0, candidate }: ServerFinding): Seen {
  if (outcome === "refused") return { kind: "server-refused", url, code };
  if (candidate) return { kind: "server-answered", url, took, candidate };
  return { kind: outcome === "unmapped" ? "server-unmapped" : "server-silent", url, took };
}

function isStun({ function: what }: ServerFinding): boolean {
  return what === "stun";
}

function hasAnswered({ outcome }: ServerFinding): boolean {
  return outcome === "answered" || outcome === "unmapped";
}

function relaysOf({ servers }: CheckEvidence, wanted: RelayProtocol): ServerFinding[] {
  return servers.filter((found) => !isStun(found) && found.protocol === wanted);
}

/** What is asked on this machine says nothing of the network. */
function isHere({ server: url, servers }: CheckEvidence): boolean {
  const loopback = /^(localhost|127\.|\[?::1\]?$)/;
  return loopback.test(new URL(url).hostname) || servers.some(({ candidate }) => candidate?.type === "srflx" && loopback.test(candidate.address ?? ""));
}
