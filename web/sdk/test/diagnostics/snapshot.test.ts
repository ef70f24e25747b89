import { describe, expect, it } from "vitest";
import { parseCandidate } from "../../src/diagnostics/candidate.js";
import { sampleOf } from "../../src/diagnostics/sample.js";
import { type ConnectionSnapshot, snapshotOf } from "../../src/diagnostics/snapshot.js";
import { recorded } from "./recorded.js";

describe("a snapshot", () => {
  it("of Chromium has everything", () => {
    const snapshot = snapshotOf(recorded("chromium-direct"), 5);
    expect(snapshot).toMatchObject({ time: 5, roundTrip: 13, availableOutgoing: 2_906_000, bytesReceived: 334_957, bytesSent: 212_757, packetsLost: 0, reportedLoss: 0 });
    expect(snapshot.pairs.filter(({ selected }) => selected)).toEqual([
      {
        local: { type: "host", protocol: "udp", address: "fd00::2", port: 48555 },
        remote: expect.objectContaining({ type: "prflx", protocol: "udp" }) as unknown,
        state: "succeeded",
        selected: true,
        roundTrip: 13,
      },
    ]);
    expect(snapshot.media).toContainEqual({ direction: "in", kind: "video", mid: "1", codec: "VP8", width: 960, height: 540, framesPerSecond: 30 });
    expect(snapshot.media).toContainEqual({ direction: "out", kind: "video", mid: "1", codec: "VP8", width: 640, height: 360, framesPerSecond: 15, limitedBy: "bandwidth" });
    expect(snapshot.media).toContainEqual({ direction: "in", kind: "audio", mid: "0", codec: "opus" });
  });

  it("of Firefox has what Firefox tells", () => {
    const snapshot = snapshotOf(recorded("firefox-direct"), 5);
    expect(snapshot).toMatchObject({ roundTrip: 6, bytesReceived: 212_757, bytesSent: 335_078, reportedLoss: 0 });
    expect(snapshot).not.toHaveProperty("availableOutgoing");
    expect(snapshot.pairs).toHaveLength(9);
    expect(snapshot.pairs.filter(({ selected }) => selected)).toHaveLength(1);
    expect(snapshot.media.map(({ direction, kind, codec }) => [direction, kind, codec]).sort()).toEqual([
      ["in", "audio", "opus"],
      ["in", "video", "VP8"],
      ["out", "audio", "opus"],
      ["out", "video", "VP8"],
    ]);
  });

  it("takes the reported loss of each stream for what it sent", () => {
    const report = new Map<string, Record<string, unknown>>([
      ["a", { type: "outbound-rtp", kind: "audio", packetsSent: 100 }],
      ["v", { type: "outbound-rtp", kind: "video", packetsSent: 300 }],
      ["ra", { type: "remote-inbound-rtp", localId: "a", fractionLost: 0.4 }],
      ["rv", { type: "remote-inbound-rtp", localId: "v", fractionLost: 0 }],
    ]);
    expect(snapshotOf(report, 0).reportedLoss).toBeCloseTo(0.1, 6);
  });

  it("of no connection is empty", () => {
    expect(snapshotOf(new Map(), 5)).toEqual({ time: 5, pairs: [], media: [], bytesReceived: 0, bytesSent: 0, packetsReceived: 0, packetsLost: 0 });
  });
});

describe("a sample", () => {
  const at = (time: number, rest: Partial<ConnectionSnapshot>): ConnectionSnapshot => ({
    ...{ time, pairs: [], media: [], bytesReceived: 0, bytesSent: 0, packetsReceived: 0, packetsLost: 0 },
    ...rest,
  });

  it("is what happened between two looks", () => {
    const before = at(1000, { bytesReceived: 1000, bytesSent: 500, packetsReceived: 100, packetsLost: 4 });
    const after = at(3000, { bytesReceived: 251_000, bytesSent: 1500, packetsReceived: 190, packetsLost: 14, roundTrip: 21, reportedLoss: 0.25 });
    expect(sampleOf(after, before)).toEqual({ time: 3000, roundTrip: 21, lossIn: 0.1, lossOut: 0.25, bitrateIn: 1_000_000, bitrateOut: 4000 });
  });

  it("says nothing of rates at the first look, or when another pair counts from its beginning", () => {
    expect(sampleOf(at(1000, { bytesReceived: 9 }), undefined)).toEqual({ time: 1000 });
    const changed = sampleOf(at(2000, { bytesReceived: 10 }), at(1000, { bytesReceived: 1000, bytesSent: 1 }));
    expect(changed).toEqual({ time: 2000 });
  });

  it("says nothing of loss by a few packets, and takes late packets for no gain", () => {
    expect(sampleOf(at(2000, { packetsReceived: 3, packetsLost: 3 }), at(1000, {}))).not.toHaveProperty("lossIn");
    expect(sampleOf(at(2000, { packetsReceived: 100, packetsLost: 1 }), at(1000, { packetsLost: 3 })).lossIn).toBe(0);
  });
});

describe("a candidate's line", () => {
  it("is read as what one would tell of it", () => {
    const line = "candidate:842163049 1 udp 1677729535 203.0.113.7 46154 typ srflx raddr 10.0.17.1 rport 50630 generation 0 ufrag EEtu network-id 3";
    expect(parseCandidate(line)).toEqual({ type: "srflx", protocol: "udp", address: "203.0.113.7", port: 46154 });
    expect(parseCandidate(`a=${line}`)).toBeDefined();
    expect(parseCandidate("candidate:1 1 TCP 15182 fd00::2 9 typ host tcptype active")).toEqual({ type: "host", protocol: "tcp", address: "fd00::2", port: 9 });
    expect(parseCandidate("candidate:1 1 udp 1 192.0.2.2 9 typ relay", { protocol: "tls", server: "turns:relay.example:443" })).toEqual({
      ...{ type: "relay", protocol: "udp", relayProtocol: "tls", address: "192.0.2.2", port: 9, server: "turns:relay.example:443" },
    });
  });

  it.each(["", "candidate:", "candidate:1 1 sctp 1 a 9 typ host", "candidate:1 1 udp 1 a 9 typ nonsense", "m=audio 9 RTP 0", `candidate:1 1 udp 1 ${"a".repeat(1000)} 9 typ host`])("of nonsense is nothing: %s", (line) => {
    expect(parseCandidate(line)).toBeUndefined();
  });
});
