// Two TURN servers in the list: a relayed call goes on over the other one when the one that relays it is killed.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "./browsers.mjs";
import { meetByRelay } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const SECRET = ["--turn-secret", "known to both of them"];
/** How long a picture may stand still, in milliseconds: it is up to Chromium when a path that is silent is left. */
const LONGEST_GAP = 20_000;

/** The TURN server by which the page sends, as it is called in the list. */
const relayedBy = (page) =>
  page.page.evaluate(async () => {
    const stats = await window.peerConnectionsForTest()[0].getStats();
    const transport = [...stats.values()].find((report) => report.type === "transport");
    const pair = stats.get(transport?.selectedCandidatePairId);
    return stats.get(pair?.localCandidateId)?.url;
  });

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

test("a call between two Chromium that is relayed moves to the other server", async () => {
  const second = await Server.start(SECRET);
  const url = `turn:localhost:${second.stunPort}?transport=udp`;
  const first = await Server.start([...SECRET, "--turn-server", url]);
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const [ada, grace] = await meetByRelay(browsers, first.url, "udp");
    const before = await relayedBy(ada);
    assert.equal(await relayedBy(grace), before);
    await (before === url ? second : first).kill("SIGKILL");
    const gaps = await Promise.all([longestGap(ada), longestGap(grace)]);
    console.log(`the longest gaps: ${gaps.join(" and ")} ms`);
    for (const page of [ada, grace]) assert.notEqual(await relayedBy(page), before);
    assert.ok(Math.max(...gaps) < LONGEST_GAP, `${gaps} ms`);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await Promise.all([first.stop(), second.stop()]);
  }
});
