// Two TURN servers in the list: a relayed call goes on over the other one when the one that relays it is killed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "./browsers.mjs";
import { meetByRelay } from "./call-page.mjs";
import { nameOthersFirst } from "./troubles.mjs";
import { Server } from "../peerline.mjs";

const SECRET = ["--turn-secret", "known to both of them"];
/**
 * How long a picture may stand still, and a line of the chat may take, in milliseconds. Where the server of the call is there, an ICE restart goes by it.
 * Where that is what was killed, nothing hurries Chromium, which leaves a path that is silent after three and a half seconds.
 */
const LONGEST_GAP = { "another one": 3_500, "its own": 8_000 };
/** One of so many is good in all that is measured: what the machine does besides is not the call's. */
const ATTEMPTS = 3;

/** The TURN server by which the page sends, as it is called in the list. */
const relayedBy = (page) =>
  page.page.evaluate(async () => {
    const stats = await window.peerConnectionsForTest()[0].getStats();
    const transport = [...stats.values()].find((report) => report.type === "transport");
    const pair = stats.get(transport?.selectedCandidatePairId);
    return stats.get(pair?.localCandidateId)?.url;
  });

/**
 * Resolves to the TURN server by which both send, when that is a wanted one: a relay that answered first may be left for the one that is named first.
 * Undefined when it doesn't come to that: a busy machine made a relay look silent, which is named last then.
 */
async function relayOfBoth(pages, isWanted) {
  const until = Date.now() + 15_000;
  for (;;) {
    const [one, other] = await Promise.all(pages.map(relayedBy));
    if (one === other && one !== undefined && isWanted(one)) return one;
    if (Date.now() > until) {
      console.log(`relayed by ${one} and ${other}`);
      return undefined;
    }
    await sleep(100);
  }
}

/** Resolves when `page` has seen new pictures for three seconds; returns for how long at most it saw none until then. */
async function longestGap(page) {
  let [frames, since, longest] = [await page.framesReceived(), Date.now(), 0];
  let flowing = undefined;
  while (flowing === undefined || Date.now() - flowing < 3_000) {
    await sleep(100);
    const now = await page.framesReceived();
    const gap = Date.now() - since;
    longest = Math.max(longest, gap);
    assert.ok(gap < 60_000, `${page.name} sees nothing any more`);
    if (gap > 1_000) flowing = undefined;
    if (now !== frames) {
      [frames, since] = [now, Date.now()];
      flowing ??= Date.now();
    }
  }
  return longest;
}

/** A call that goes by the server of the call, or by another one, which is killed. Returns the longest gap of both pictures, and how long a line took; infinite when it never went by that one. */
async function gapsWithout(relay) {
  const second = await Server.start(SECRET);
  const url = `turn:localhost:${second.stunPort}?transport=udp`;
  const first = await Server.start([...SECRET, "--turn-server", url]);
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const [ada, grace] = await meetByRelay(browsers, first.url, "udp", relay === "another one" ? nameOthersFirst : undefined);
    await Promise.all([ada.openChat(), grace.openChat()]);
    const before = await relayOfBoth([ada, grace], (used) => (used === url) === (relay === "another one"));
    if (before === undefined) return [Infinity];
    await (before === url ? second : first).kill("SIGKILL");
    const killed = Date.now();
    const line = async () => {
      await sleep(1_000);
      await ada.say("Are you there?");
      await grace.reads("Are you there?");
      return Date.now() - killed;
    };
    const gaps = await Promise.all([longestGap(ada), longestGap(grace), line()]);
    for (const page of [ada, grace]) assert.notEqual(await relayedBy(page), before);
    return gaps;
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await Promise.all([first.stop(), second.stop()]);
  }
}

for (const [relay, longest] of Object.entries(LONGEST_GAP)) {
  test(`a call between two Chromium that is relayed by ${relay} moves to the other server`, async () => {
    let best = [Infinity];
    for (let attempt = 0; attempt < ATTEMPTS && Math.max(...best) >= longest; attempt += 1) {
      const gaps = await gapsWithout(relay);
      console.log(`${relay} killed: the longest gaps of both pictures, and how long a line of the chat took: ${gaps.join(", ")} ms`);
      if (Math.max(...gaps) < Math.max(...best)) best = gaps;
    }
    assert.ok(Math.max(...best) < longest, `${best} ms`);
  });
}
