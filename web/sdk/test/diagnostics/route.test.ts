import { describe, expect, it } from "vitest";
import type { Candidate } from "../../src/diagnostics/candidate.js";
import { routeOf } from "../../src/diagnostics/route.js";
import { type CandidatePair, type ConnectionSnapshot, snapshotOf } from "../../src/diagnostics/snapshot.js";
import { recorded } from "./recorded.js";

const host = (address?: string): Candidate => ({ type: "host", protocol: "udp", ...(address !== undefined && { address }) });
const srflx: Candidate = { type: "srflx", protocol: "udp", address: "203.0.113.7" };
const relay = (server?: string): Candidate => ({ type: "relay", protocol: "udp", relayProtocol: "tls", ...(server !== undefined && { server }) });
const pair = (local: Candidate, remote: Candidate, state: string, selected = false): CandidatePair => ({ local, remote, state, selected });
const snapshot = (...pairs: CandidatePair[]): ConnectionSnapshot => ({
  ...{ time: 0, media: [], bytesReceived: 0, bytesSent: 0, packetsReceived: 0, packetsLost: 0 },
  pairs,
});

describe("the route", () => {
  it.each(["chromium-direct", "firefox-direct"] as const)("of %s is direct in the same network", (name) => {
    expect(routeOf(snapshotOf(recorded(name), 0), false)).toEqual({ kind: "direct", protocol: "udp", network: "same" });
  });

  it("of Chromium by the relay names the port, and our setting as the reason", () => {
    const route = routeOf(snapshotOf(recorded("chromium-relay"), 0), true);
    expect(route).toEqual({ kind: "relayed", protocol: "tls", port: 40523, reason: "relay-only", directPairs: 0 });
  });

  it("of Firefox by the relay has no port, as Firefox tells none", () => {
    expect(routeOf(snapshotOf(recorded("firefox-relay"), 0), true)).toEqual({ kind: "relayed", protocol: "tls", reason: "relay-only", directPairs: 0 });
  });

  it("is relayed because the other side has relayed candidates only", () => {
    expect(routeOf(snapshotOf(recorded("chromium-relay"), 0), false)).toMatchObject({ reason: "their-relay-only" });
  });

  it("is relayed because direct pairs were tried in vain", () => {
    const pairs = [pair(host("10.0.0.2"), host("10.1.0.2"), "failed"), pair(host("10.0.0.2"), srflx, "in-progress"), pair(relay("turns:relay.example"), srflx, "succeeded", true)];
    expect(routeOf(snapshot(...pairs), false)).toEqual({ kind: "relayed", protocol: "tls", port: 5349, reason: "direct-failed", directPairs: 2 });
  });

  it("is relayed although a direct pair succeeded", () => {
    const pairs = [pair(host("10.0.0.2"), host("10.0.0.3"), "succeeded"), pair(relay(), srflx, "succeeded", true)];
    expect(routeOf(snapshot(...pairs), false)).toMatchObject({ reason: "direct-slower" });
  });

  it("is relayed because there was no direct pair", () => {
    expect(routeOf(snapshot(pair(relay(), srflx, "succeeded", true)), false)).toMatchObject({ reason: "no-direct-pair", directPairs: 0 });
  });

  it.each([
    ["a hidden address", host("a.local"), host("b.local"), "same"],
    ["an address that the browser doesn't tell", host(), host(), "same"],
    ["a private address", host(), host("192.168.1.9"), "same"],
    ["neighbours' public addresses", host("2a01:4f8::1"), host("2a01:4f8::2"), "same"],
    ["public addresses of two networks", host("2a01:4f8:0:1::1"), host("2a01:4f8:0:2::1"), "other"],
    ["public IPv4 addresses", host("20.1.2.3"), host("30.1.2.3"), "other"],
    ["our own private address, where the other is hidden", host("192.0.2.2"), { type: "prflx", protocol: "udp" } as Candidate, "same"],
    ["our own public address, where the other is hidden", host("20.1.2.3"), { type: "prflx", protocol: "udp" } as Candidate, "other"],
    ["our own address, which the server told of the other", host("20.1.2.3"), { ...srflx, address: "20.1.2.3" }, "same"],
    ["a NAT", host("192.168.1.9"), srflx, "other"],
    ["a public address found by a check", srflx, { type: "prflx", protocol: "udp" } as Candidate, "other"],
  ] as const)("tells the network by %s", (_, local, remote, network) => {
    expect(routeOf(snapshot(pair(local, remote, "succeeded", true)), false)).toMatchObject({ kind: "direct", network });
  });

  it("is unknown before a pair is selected", () => {
    expect(routeOf(snapshot(pair(host(), host(), "in-progress")), false)).toBeUndefined();
  });
});
