// RFC 6544: browsers open TCP connections to us where UDP doesn't get through, here because nobody is told of it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Peer } from "../peers/peer.mjs";

const PATIENCE = 60_000;
const isUdp = (candidate) => / udp /i.test(candidate);
const withoutUdp = (sdp) => sdp.split("\r\n").filter((line) => !line.startsWith("a=candidate:") || !isUdp(line)).join("\r\n");

/** Both hear each other's greeting. */
async function connect(offerer, answerer) {
  const hand = async (from, to) => {
    const { type, sdp } = await from.next("description");
    to.do("describe", { type, sdp: withoutUdp(sdp) });
  };
  /** All candidates of one side, until that ends. */
  const trickle = async (from, to) => {
    for (;;) {
      const candidate = await from.next("candidate", undefined, Infinity);
      if (!isUdp(candidate.candidate)) to.do("candidate", candidate);
    }
  };
  for (const peer of [offerer, answerer]) peer.do("configure", { servers: [], trickle: true, greeting: "hello" });
  offerer.do("offer");
  await hand(offerer, answerer);
  trickle(offerer, answerer).catch(() => undefined);
  await hand(answerer, offerer);
  trickle(answerer, offerer).catch(() => undefined);
  await Promise.all([offerer, answerer].map((peer) => peer.next("text", ({ text }) => text === "hello", PATIENCE)));
}

/** Protocol and type of both ends of the path that we take. */
async function path(peer) {
  peer.do("stats");
  const { stats } = await peer.next("stats", undefined, PATIENCE);
  const { selectedCandidatePairId } = Object.values(stats).find(({ type }) => type === "transport");
  const { localCandidateId, remoteCandidateId } = stats[selectedCandidatePairId];
  return [localCandidateId, remoteCandidateId].map((id) => `${stats[id].protocol} ${stats[id].tcpType}`);
}

for (const browser of ["chromium", "firefox"]) {
  for (const weOffer of [true, false]) {
    test(`${browser} connects to us over TCP, ${weOffer ? "our" : "its"} offer`, async () => {
      const we = new Peer("peerline");
      const other = new Peer(browser);
      try {
        await connect(...(weOffer ? [we, other] : [other, we]));
        assert.deepEqual(await path(we), ["tcp passive", "tcp active"]);
      } finally {
        await Promise.all([we.end(), other.end()]);
      }
    });
  }
}
