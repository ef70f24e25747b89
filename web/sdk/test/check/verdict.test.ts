import { describe, expect, it } from "vitest";
import type { CheckEvidence, ServerFinding } from "../../src/check/evidence.js";
import { judge, STANDINGS, type Verdict } from "../../src/check/verdict.js";

const STUN: ServerFinding = {
  ...{ url: "stun:call.example:3478", function: "stun", protocol: "udp", outcome: "answered", took: 31 },
  candidate: { type: "srflx", protocol: "udp", address: "192.0.2.7", port: 50_000 },
};
const relay = (protocol: "udp" | "tcp" | "tls", outcome: ServerFinding["outcome"] = "answered"): ServerFinding => ({
  ...{ url: `turn:call.example:443?transport=${protocol}`, function: "turn", protocol, outcome, took: 40 },
  ...(outcome === "answered" && { candidate: { type: "relay", protocol: "udp", address: "198.51.100.9", port: 60_000 } as const }),
  ...(outcome === "refused" && { code: 401 }),
});
const RELAYS = [relay("udp"), relay("tcp"), relay("tls")];
const DESTINATIONS = ["stun:call.example:3478", "stun:call.example:443"];
const CALL = { outcome: "connected", took: 210, roundTrip: 42, protocol: "udp", throughput: 9_400_000, sent: 1000, arrived: 998 } as const;

/** A home where all is well. */
const HOME: CheckEvidence = {
  ...{ format: "peerline-check", version: 1, created: "2026-11-27T07:00:00Z", server: "https://call.example", browser: "a browser" },
  web: { outcome: "answered", took: 80 },
  clock: { ahead: 0.2, within: 0.6 },
  signaling: { outcome: "done", took: 120 },
  servers: [STUN, ...RELAYS],
  mapping: { destinations: DESTINATIONS, mapped: ["192.0.2.7:50000"] },
  candidates: [
    { type: "host", protocol: "udp", address: "e1.local", port: 1 },
    { type: "srflx", protocol: "udp", address: "192.0.2.7", port: 50_000 },
    { type: "relay", protocol: "udp", address: "2001:db8::9", port: 60_000 },
  ],
  call: CALL,
  camera: { permission: "prompt", found: 1 },
  microphone: { permission: "prompt", found: 2 },
};

const kinds = (evidence: Partial<CheckEvidence>): string[] => judge({ ...HOME, ...evidence }).map(({ kind }) => kind);
const about = (question: string, evidence: Partial<CheckEvidence>): Verdict => {
  const found = judge({ ...HOME, ...evidence }).filter(({ kind }) => kind.startsWith(`${question}-`));
  expect(found).toHaveLength(1);
  return found[0] as Verdict;
};
const silent = (...servers: ServerFinding[]) => servers.map(({ candidate: _, ...server }) => ({ ...server, outcome: "silent" as const }));

describe("the verdict on a network", () => {
  it("is good where all is well, each question answered once", () => {
    expect(kinds({})).toEqual([
      ...["site-direct", "server-reached", "udp-answered", "mapping-same", "addresses-ipv4", "relay-all", "call-works", "devices-asked", "clock-right"],
    ]);
  });

  it.each<[string, Partial<CheckEvidence>]>([
    ["site-captive", { web: { outcome: "foreign", status: 200 }, signaling: { outcome: "failed", reason: "late" }, servers: [] }],
    ["site-captive", { web: { outcome: "foreign", status: 511 }, signaling: { outcome: "failed", reason: "late" }, servers: [] }],
    ["site-unreachable", { web: { outcome: "foreign", status: 502 }, signaling: { outcome: "failed", reason: "late" }, servers: [] }],
    ["site-direct", { web: { outcome: "foreign", status: 404 } }],
    ["site-direct", { web: { outcome: "foreign", status: 502 } }],
    ["site-direct", { web: { outcome: "failed", reason: "TimeoutError" } }],
    ["site-unreachable", { web: { outcome: "failed", reason: "TypeError" }, signaling: { outcome: "failed", reason: "late" }, servers: [] }],
    ["site-closed", { signaling: { outcome: "failed", reason: "late" }, servers: [] }],
    ["site-here", { server: "http://localhost:8443" }],
    ["site-direct", { mapping: { destinations: DESTINATIONS, mapped: [] } }],
    ["site-symmetric", { mapping: { destinations: DESTINATIONS, mapped: ["192.0.2.7:50000", "192.0.2.7:50001"] } }],
    ["site-quiet", { servers: [...silent(STUN), ...RELAYS] }],
    ["site-relayed", { servers: [...silent(STUN, relay("udp")), relay("tcp"), relay("tls")] }],
    ["site-blocked", { servers: silent(STUN, ...RELAYS) }],
    ["site-blocked", { servers: [] }],
  ])("as a whole is %s", (kind, evidence) => {
    expect(about("site", evidence).kind).toBe(kind);
  });

  it("is that the server is reached where a channel was entered, whatever came of /healthz, and shows both", () => {
    const { kind, seen } = about("server", { web: { outcome: "foreign", status: 404 } });
    expect(kind).toBe("server-reached");
    expect(seen.map((each) => each.kind)).toEqual(["web-foreign", "signaling-done"]);
  });

  it("tells a server that is down behind a proxy from something in its place", () => {
    const [down, portal] = [503, 200].map((status) => about("server", { web: { outcome: "foreign", status }, signaling: { outcome: "failed", reason: "late" }, servers: [] }));
    expect([down?.kind, portal?.kind]).toEqual(["server-unreached", "server-foreign"]);
  });

  it("says that the NAT is not known where the server has one port to look from", () => {
    const { mapping: _, ...rest } = HOME;
    const found = judge(rest).map(({ kind }) => kind);
    expect(found).toContain("site-nat");
    expect(found).toContain("mapping-unknown");
  });

  it.each<[string, ServerFinding[], string[] | undefined]>([
    ["relay-all", [STUN, ...RELAYS], ["udp", "tcp", "tls"]],
    ["relay-some", [STUN, relay("udp"), ...silent(relay("tcp"), relay("tls"))], ["udp"]],
    ["relay-slow", [...silent(STUN, relay("udp")), relay("tcp"), relay("tls")], ["tcp", "tls"]],
    ["relay-refused", [STUN, relay("udp", "refused"), ...silent(relay("tcp"))], undefined],
    ["relay-unreached", silent(STUN, ...RELAYS), undefined],
    ["relay-absent", [STUN], undefined],
  ])("of the relay is %s", (kind, servers, protocols) => {
    const found = about("relay", { servers });
    expect([found.kind, found.protocols]).toEqual([kind, protocols]);
  });

  it.each<[string, CheckEvidence["call"]]>([
    ["call-works", CALL],
    ["call-lossy", { ...CALL, arrived: 900 }],
    ["call-narrow", { ...CALL, throughput: 400_000 }],
    ["call-slow", { ...CALL, roundTrip: 900 }],
    ["call-failed", { outcome: "failed" }],
  ])("of a call is %s", (kind, call) => {
    expect(about("call", { ...(call && { call }) }).kind).toBe(kind);
  });

  it("of the clock takes into account how exactly it was read", () => {
    expect(about("clock", { clock: { ahead: -63, within: 2 } }).kind).toBe("clock-wrong");
    expect(about("clock", { clock: { ahead: 61, within: 2 } }).kind).toBe("clock-right");
  });

  it("of the devices is what the browser says without being asked to open them", () => {
    const allowed = { permission: "granted", found: 1 } as const;
    expect(about("devices", { camera: allowed, microphone: allowed }).kind).toBe("devices-allowed");
    expect(about("devices", { camera: { permission: "denied", found: 1 } }).kind).toBe("devices-denied");
    expect(about("devices", { camera: { permission: "prompt", found: 0 } }).kind).toBe("devices-missing");
  });

  it("counts addresses of one's own, not the relay's", () => {
    const srflx = { type: "srflx", protocol: "udp", address: "2001:db8::5" } as const;
    expect(about("addresses", { candidates: [...HOME.candidates, srflx] }).kind).toBe("addresses-both");
    expect(about("addresses", { candidates: [srflx] }).kind).toBe("addresses-ipv6");
    expect(about("addresses", { candidates: HOME.candidates.slice(0, 1) }).kind).toBe("addresses-unknown");
  });

  it("is never given without its evidence", () => {
    const nothing = { mapping: undefined, call: undefined, clock: undefined, servers: [], candidates: [] };
    const worlds = [HOME, { ...HOME, ...nothing }, { ...HOME, servers: silent(STUN, ...RELAYS) }, { ...HOME, signaling: { outcome: "failed", reason: "late" } }];
    for (const world of worlds as CheckEvidence[]) {
      for (const { kind, standing, seen } of judge(world)) {
        expect(STANDINGS[kind]).toBe(standing);
        if (standing !== "unknown") expect(seen.length, kind).toBeGreaterThan(0);
      }
    }
  });
});
