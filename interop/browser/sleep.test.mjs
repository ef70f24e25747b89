// Pages that were frozen, computers that slept and pages whose network went come back into the call by themselves.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

/** Longer than the consent of a path lasts (RFC 7675 §5.1, 30 s), and than the server waits for a sign of life (two heartbeats of 25 s). */
const LONG_SLEEP = 60_000;

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Ada and Grace in browsers of their own, with their chat open. */
async function inCall(use) {
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const { ada, grace } = await adaMeetsGrace(browsers, server.url);
    await Promise.all([ada.openChat(), grace.openChat()]);
    await use(ada, grace, browsers[1]);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
}

/** Both see each other anew, and write to each other; returns the milliseconds that took. */
async function meetAgain(ada, grace) {
  const began = Date.now();
  await Promise.all([ada.lookAfresh(), grace.lookAfresh()]);
  await everybodyMeets(ada, grace);
  await grace.say("back again");
  await ada.reads("back again");
  assert.deepEqual([await ada.participants(), await grace.participants()], [["Grace"], ["Ada"]], "each once");
  return Date.now() - began;
}

test("a page that is frozen goes on where it was, and reads what was written meanwhile", async () => {
  await inCall(async (ada, grace) => {
    const session = await grace.page.createCDPSession();
    await session.send("Page.setWebLifecycleState", { state: "frozen" });
    await ada.say("are you asleep?");
    await sleep(5_000);
    await session.send("Page.setWebLifecycleState", { state: "active" });
    // Somebody looks at it again.
    await session.send("Emulation.setFocusEmulationEnabled", { enabled: true });
    await grace.reads("are you asleep?");
    console.log(`frozen for 5 s: both meet again within ${await meetAgain(ada, grace)} ms`);
    assert.equal(await grace.timesRead("are you asleep?"), 1);
  });
});

// Chromium's switch tells the page that the network went, and cuts nothing that runs between two peers.
test("a page that is told that its network went keeps the path that holds, and goes on when it is told that it is back", async () => {
  await inCall(async (ada, grace) => {
    await grace.page.setOfflineMode(true);
    await grace.page.waitForFunction(() => !navigator.onLine);
    await sleep(5_000);
    await ada.say("are you there?");
    await grace.reads("are you there?");
    assert.equal(await grace.page.evaluate(() => navigator.onLine), false);
    await grace.page.setOfflineMode(false);
    console.log(`told to be offline for 5 s: both meet again within ${await meetAgain(ada, grace)} ms`);
    assert.equal(await grace.timesRead("are you there?"), 1);
  });
});

test("a computer that slept a minute comes back by itself, and its chat says what was missed", async () => {
  await inCall(async (ada, grace, browser) => {
    // The whole of the browser stands still, as when a computer or a phone sleeps.
    const group = -browser.process().pid;
    process.kill(group, "SIGSTOP");
    try {
      await ada.tileSays("Grace", "Away");
      await ada.say("sleep well");
      await sleep(LONG_SLEEP);
    } finally {
      process.kill(group, "SIGCONT");
    }
    const woke = Date.now();
    await grace.reads("sleep well");
    await meetAgain(ada, grace);
    console.log(`asleep for over a minute: both meet again within ${Date.now() - woke} ms`);
    const log = await grace.page.$eval("[role=log]", (element) => element.textContent);
    assert.match(log, /While you were away.*sleep well/s);
    assert.equal(await grace.timesRead("sleep well"), 1);
  });
});
