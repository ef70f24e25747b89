import { describe, expect, it } from "vitest";
import type { Candidate } from "../../src/diagnostics/candidate.js";
import { diagnoseDegradation, diagnoseFailure } from "../../src/diagnostics/diagnosis.js";
import type { ConnectionEvent } from "../../src/diagnostics/event-log.js";
import { type Evidence, evidenceOf } from "../../src/diagnostics/evidence.js";
import type { ConnectionSample } from "../../src/diagnostics/sample.js";
import type { ConnectionSnapshot } from "../../src/diagnostics/snapshot.js";

const host: Candidate = { type: "host", protocol: "udp", address: "192.168.1.2" };
const srflx: Candidate = { type: "srflx", protocol: "udp", address: "203.0.113.7" };
const relay: Candidate = { type: "relay", protocol: "udp", relayProtocol: "udp" };
const silent = (server: string) => ({ code: 701, server });

const evidence = (given: Partial<Evidence>): Evidence => ({
  ...{ relayOnly: false, relays: ["udp", "tcp", "tls"], presence: "present", answered: true, failures: [] },
  ...{ local: [host, srflx, relay], remote: [host, srflx, relay] },
  ...given,
});

describe("a participant that can't be connected", () => {
  it("is gone", () => {
    for (const presence of ["away", "missing"] as const) expect(diagnoseFailure(evidence({ presence }))).toEqual({ kind: "peer-gone" });
  });

  it("is there but doesn't answer", () => {
    expect(diagnoseFailure(evidence({ answered: false, remote: [] }))).toEqual({ kind: "no-answer" });
  });

  it("isn't taken to be gone while we are away from the server ourselves", () => {
    expect(diagnoseFailure(evidence({ presence: undefined })).kind).toBe("no-path");
  });

  it.each([401, 438])("was refused by the relay with %i", (code) => {
    const failures = [{ code, server: "turn:relay.example:3478" }];
    expect(diagnoseFailure(evidence({ relayOnly: true, local: [], failures }))).toEqual({ kind: "credential-expired", code });
  });

  it("isn't told of a refusal when another way to the relay worked", () => {
    expect(diagnoseFailure(evidence({ failures: [{ code: 401, server: "turns:relay.example" }] })).kind).toBe("no-path");
  });

  it("has no relay that answers", () => {
    const failures = [silent("turn:relay.example"), silent("turn:relay.example?transport=tcp"), silent("turns:relay.example")];
    expect(diagnoseFailure(evidence({ local: [host], failures }))).toEqual({ kind: "relay-unreachable", protocols: ["udp", "tcp", "tls"] });
  });

  it("has no UDP, and no other way allowed", () => {
    const given = { relays: ["udp"], local: [host], failures: [silent("stun:relay.example"), silent("turn:relay.example")] } as const;
    expect(diagnoseFailure(evidence(given))).toEqual({ kind: "udp-blocked" });
  });

  it("has UDP where STUN answered, but no relay", () => {
    expect(diagnoseFailure(evidence({ relays: ["udp"], local: [host, srflx] }))).toEqual({ kind: "relay-unreachable", protocols: ["udp"] });
  });

  it("has no UDP, and the server no relay", () => {
    expect(diagnoseFailure(evidence({ relays: [], local: [host], remote: [host, srflx], failures: [silent("stun:relay.example")] }))).toEqual({ kind: "udp-blocked" });
  });

  it("is behind a NAT like us, and there is no relay", () => {
    expect(diagnoseFailure(evidence({ relays: [], local: [host, srflx], remote: [host, srflx] }))).toEqual({ kind: "symmetric-nats" });
  });

  it("has no path, and nobody knows why", () => {
    expect(diagnoseFailure(evidence({}))).toEqual({ kind: "no-path", local: 3, remote: 3 });
  });
});

describe("the evidence", () => {
  it("is what happened since the connection last held", () => {
    const at = { time: 0 };
    const events: ConnectionEvent[] = [
      { ...at, kind: "remote-candidate", candidate: host },
      { ...at, kind: "candidate-error", code: 701, server: "stun:old.example" },
      { ...at, kind: "connection", state: "connected" },
      { ...at, kind: "connection", state: "failed" },
      { ...at, kind: "local-candidate", candidate: srflx },
      { ...at, kind: "candidate-error", code: 401, server: "turn:new.example" },
    ];
    expect(evidenceOf(events)).toEqual({ answered: false, local: [srflx], remote: [], failures: [{ code: 401, server: "turn:new.example" }] });
  });

  it.each([
    ["have-local-offer", false],
    ["have-remote-offer", true],
    ["stable", true],
  ])("has an answer by the signaling state %s: %s", (state, answered) => {
    expect(evidenceOf([{ time: 0, kind: "signaling", state }])).toMatchObject({ answered, remote: [] });
  });
});

describe("a connection that holds", () => {
  const NOW = 100_000;
  const snapshot = (given: Partial<ConnectionSnapshot> = {}): ConnectionSnapshot => ({
    ...{ time: NOW, pairs: [], media: [], bytesReceived: 0, bytesSent: 0, packetsReceived: 0, packetsLost: 0 },
    ...given,
  });
  const samples = (count: number, given: Partial<ConnectionSample>, end = NOW): ConnectionSample[] =>
    Array.from({ length: count }, (_, index) => ({ time: end - 1000 * (count - 1 - index), roundTrip: 20, lossIn: 0, lossOut: 0, ...given }));

  it("is well", () => {
    expect(diagnoseDegradation(samples(15, {}), snapshot())).toBeUndefined();
  });

  it("loses packets, one way or the other", () => {
    expect(diagnoseDegradation(samples(15, { lossIn: 0.125 }), snapshot())).toEqual({ kind: "loss", direction: "in", loss: 0.125 });
    expect(diagnoseDegradation(samples(15, { lossOut: 0.125 }), snapshot())).toEqual({ kind: "loss", direction: "out", loss: 0.125 });
  });

  it("takes long", () => {
    expect(diagnoseDegradation(samples(15, { roundTrip: 900 }), snapshot())).toEqual({ kind: "slow", roundTrip: 900 });
  });

  const picture = { direction: "out", kind: "video", limitedBy: "bandwidth" } as const;

  it("has little room, which a picture that is held back shows", () => {
    const narrow = snapshot({ availableOutgoing: 60_000, media: [picture] });
    expect(diagnoseDegradation(samples(15, {}), narrow)).toEqual({ kind: "narrow", bitrate: 60_000 });
    expect(diagnoseDegradation(samples(15, {}), snapshot({ availableOutgoing: 60_000 }))).toBeUndefined();
    expect(diagnoseDegradation(samples(3, {}), narrow)).toBeUndefined();
  });

  it("is not blamed for a moment, or for what is over", () => {
    expect(diagnoseDegradation(samples(2, { lossIn: 1 }), snapshot())).toBeUndefined();
    expect(diagnoseDegradation(samples(15, { lossIn: 1 }, NOW - 20_000), snapshot())).toBeUndefined();
  });
});
