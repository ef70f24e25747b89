// Two and three people meet in one link, see, hear and write to each other.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { adaMeetsGrace, CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Both see and hear each other within this time of the second "Join" (milliseconds). */
const MEETING_TIME = 3_000;

test("two Chromium meet within 3 s, a third joins, chat reaches everybody", async () => {
  const browsers = await Promise.all([chromium(), chromium(), chromium()]);
  try {
    const ada = await CallPage.open(browsers[0], server.url, "Ada");
    const link = await ada.newCall();
    const grace = await CallPage.open(browsers[1], link, "Grace");
    await grace.join();
    const met = await everybodyMeets(ada, grace);
    assert.ok(met - grace.joinedAt <= MEETING_TIME, `it took ${met - grace.joinedAt} ms`);

    const linus = await CallPage.open(browsers[2], link, "Linus");
    await linus.join();
    await everybodyMeets(ada, grace, linus);

    await Promise.all([ada, grace, linus].map((page) => page.openChat()));
    await linus.say("hello from three");
    await Promise.all([ada, grace, linus].map((page) => page.reads("hello from three")));
    for (const page of [ada, grace, linus]) {
      assert.equal(await page.timesRead("hello from three"), 1);
      assert.ok((await page.paths()).every((path) => path.local !== "relay" && path.remote !== "relay"), "direct");
      page.hadNoProblems();
    }

    await linus.press("Leave");
    await ada.page.waitForFunction(() => !document.querySelector('video[aria-label="Linus"]'), { timeout: 10_000 });
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("Chromium and Firefox meet within 3 s and write to each other", async () => {
  const browsers = await Promise.all([chromium(), firefox()]);
  try {
    for (const [first, second] of [browsers, [...browsers].reverse()]) {
      const ada = await CallPage.open(first, server.url, "Ada");
      const link = await ada.newCall();
      const grace = await CallPage.open(second, link, "Grace");
      await grace.join();
      const met = await everybodyMeets(ada, grace);
      assert.ok(met - grace.joinedAt <= MEETING_TIME, `it took ${met - grace.joinedAt} ms`);
      await Promise.all([ada.openChat(), grace.openChat()]);
      await ada.say("from the first");
      await grace.reads("from the first");
      await grace.say("from the second");
      await ada.reads("from the second");
      await Promise.all([ada.page.close(), grace.page.close()]);
    }
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("muting and the camera's switch are seen by the other side", async () => {
  const browser = await chromium();
  try {
    const { ada, grace } = await adaMeetsGrace([browser, browser], server.url);
    await ada.press("Mute microphone");
    await ada.see("button", "Unmute microphone");
    await ada.press("Turn camera off");
    await ada.see("button", "Turn camera on");
    await grace.tileSays("Ada", "Muted");
    await grace.tileSays("Ada", "Camera off");
    await ada.press("Turn camera on");
    await grace.lookAfresh();
    await grace.seesMovingVideoOf("Ada");
  } finally {
    await browser.close();
  }
});
