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
  const peers = [offerer, answerer];
  const heard = await Promise.allSettled(peers.map((peer) => peer.next("text", ({ text }) => text === "hello", PATIENCE)));
  if (heard.every(({ status }) => status === "fulfilled")) return;
  // Which of the two was silent, and by which pairs they sent, says where it got lost.
  const statistics = await Promise.allSettled(peers.map(statisticsOf));
  assert.fail(JSON.stringify({ heard: heard.map(({ reason }) => reason?.message), statistics }, undefined, 1));
}

async function statisticsOf(peer) {
  peer.do("stats");
  return (await peer.next("stats", undefined, 10_000)).stats;
}

/** Protocol and type of both ends of the path that we take. */
async function path(peer) {
  const stats = await statisticsOf(peer);
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
