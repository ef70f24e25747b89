import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { Recorder } from "../../src/diagnostics/recorder.js";
import type { Statistics } from "../../src/diagnostics/snapshot.js";

/** What native peers read, too: `crates/peerline/src/event_log`. */
const GOLDEN = readFileSync(new URL("../../../../crates/peerline/vectors/event-log.jsonl", import.meta.url), "utf8");

const BEGAN = 1_795_751_512_871;
const OURS = "candidate:1 1 udp 2122260223 5b1e7c9a-0d3f-4c55-9f0e-2f6f6f1f7a11.local 50112 typ host generation 0 ufrag Xk2f";
const OURS_OUTSIDE = "candidate:2 1 udp 1686052607 203.0.113.7 50112 typ srflx raddr 0.0.0.0 rport 0 generation 0 ufrag Xk2f";
const THEIRS = "candidate:3 1 UDP 2130706431 192.0.2.20 40001 typ host";
const THEIRS_RELAYED = "candidate:4 1 udp 16777215 198.51.100.9 61000 typ relay raddr 192.0.2.20 rport 40001";

const offer = { type: "offer", sdp: "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\na=ice-ufrag:Xk2f\r\n" };
const answer = { type: "answer", sdp: `v=0\r\no=- 7 1 IN IP4 0.0.0.0\r\na=ice-ufrag:Qw9z\r\na=${THEIRS}\r\n` };
const again = { type: "offer", sdp: "v=0\r\no=- 7 2 IN IP4 0.0.0.0\r\na=ice-ufrag:Nn3p\r\n" };

function statistics(selected: "P" | undefined, states: Record<string, string>): Statistics {
  const local = { type: "local-candidate", candidateType: "host", protocol: "udp", address: "", port: 50_112, priority: 2_122_260_223 };
  const remote = { type: "remote-candidate", candidateType: "host", protocol: "udp", address: "192.0.2.20", port: 40_001, priority: 2_130_706_431 };
  const found = { type: "remote-candidate", candidateType: "prflx", protocol: "udp", address: "203.0.113.99", port: 40_009, priority: 1_845_494_271 };
  const counts = { packetsSent: 12, packetsReceived: 11, bytesSent: 3400, bytesReceived: 2900, requestsSent: 5, responsesReceived: 4 };
  const pair = (remoteCandidateId: string, state = "waiting") => ({
    ...{ type: "candidate-pair", localCandidateId: "l", remoteCandidateId, state },
    ...(state === "succeeded" && { currentRoundTripTime: 0.0042, ...counts }),
  });
  return new Map<string, Record<string, unknown>>([
    ...(selected ? ([["T", { type: "transport", selectedCandidatePairId: selected }]] as const) : []),
    ["l", local],
    ["r", remote],
    ["f", found],
    ["P", { id: "P", ...pair("r", states["P"]) }],
    ["Q", { id: "Q", ...pair("f", states["Q"]) }],
  ]);
}

/** A recorder whose clock stands still, but for `pass`. */
function recorder() {
  let now = 0;
  const made = new Recorder("peerline-sdk/0.1 a browser", { time: () => BEGAN + now, elapsed: () => 5 + now });
  return { recorder: made, pass: (milliseconds: number) => void (now += milliseconds) };
}

/** A connection that comes about, restarts, and ends. */
function story(): Recorder {
  const { recorder: log, pass } = recorder();
  pass(40);
  log.server("online");
  log.begin("nJ5qS3uVx0yT8wZ1aBcDeF", { offers: true, relayOnly: false, servers: ["stun:call.example:3478", "turns:call.example:443?transport=tcp"] });
  log.describe("local", offer);
  log.state("signaling", "have-local-offer");
  log.state("gathering", "gathering");
  pass(3.2);
  log.local(OURS, {});
  pass(30);
  log.local(OURS_OUTSIDE, { url: "stun:call.example:3478" });
  log.serverFailed("turns:call.example:443?transport=tcp", 701, "");
  pass(20);
  log.remote(answer.sdp);
  log.describe("local", offer);
  log.describe("remote", answer);
  log.state("signaling", "stable");
  log.call = "03f4f55b14276014d47140f9d7c7c28d";
  log.state("ice", "checking");
  log.remote(THEIRS_RELAYED);
  log.look(statistics(undefined, { P: "in-progress" }));
  pass(8.4);
  log.state("ice", "connected");
  log.state("dtls", "connected");
  log.state("state", "connected");
  const channel = log.channelOpen("peerline");
  log.look(statistics("P", { P: "succeeded", Q: "in-progress" }));
  pass(5000);
  log.look(statistics("P", { P: "succeeded", Q: "failed" }));
  log.participant("nJ5qS3uVx0yT8wZ1aBcDeF", "away");
  log.describe("remote", again);
  log.channelClosed(channel, "peerline");
  log.close();
  return log;
}

describe("the event log of a browser", () => {
  it("is what native peers read", () => {
    expect(story().lines()).toBe(GOLDEN);
  });

  it("holds no address where none is wanted", () => {
    const lines = story().lines({ addresses: false });
    for (const address of ["192.0.2.20", "203.0.113.7", "203.0.113.99", "198.51.100.9", ".local"]) expect(lines).not.toContain(address);
    expect(lines.split("\n")).toHaveLength(GOLDEN.split("\n").length);
  });

  it("begins anew with each connection", () => {
    const { recorder: log } = recorder();
    for (let round = 0; round < 2; round++) {
      log.begin("somebody", { offers: false, relayOnly: false, servers: [] });
      log.remote(THEIRS);
      log.close();
      log.close();
    }
    const records = log.lines().trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.map(({ connection, event, candidate }) => [connection, event, candidate].filter((value) => value !== undefined))).toEqual([
      ["log"],
      ...[1, 2].flatMap((number) => [[number, "connection"], [number, "remote-candidate", "R1"], [number, "closed"]]),
    ]);
  });

  it("takes nothing for a candidate that is none", () => {
    const { recorder: log } = recorder();
    log.begin("somebody", { offers: false, relayOnly: false, servers: [] });
    for (const text of ["", "candidate:1", "candidate:1 1 udp 1 192.0.2.1 5 typ other", "candidate:1 1 udp 99999999999 192.0.2.1 5 typ host", `${THEIRS} ${"x".repeat(600)}`]) log.remote(text);
    expect(log.lines().trim().split("\n")).toHaveLength(2);
  });

  it("keeps what happened before what is counted, and says what it left out", () => {
    const { recorder: log } = recorder();
    log.begin("somebody", { offers: false, relayOnly: false, servers: [] });
    for (let look = 0; look < 5000; look++) log.look(statistics("P", { P: "succeeded" }));
    const records = log.lines().trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(records.length).toBeLessThanOrEqual(4002);
    expect(records[1]).toMatchObject({ event: "connection" });
    expect(records.at(-1)).toMatchObject({ event: "dropped", records: 5007 - 4000 });
  });
});
