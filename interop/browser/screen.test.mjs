// A screen is shared beside the camera: it arrives, starts and stops ten times, and leaves nothing behind.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { adaMeetsGrace, CallPage } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

/** The browser answers its own question by the screen that it makes up. */
const SHARING = ["--auto-select-desktop-capture-source=Entire screen", "--auto-accept-this-tab-capture"];
const PATIENCE = { timeout: 60_000, polling: 50 };

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** What the page's one peer connection holds. */
function held(page) {
  return page.page.evaluate(() => {
    const [connection] = window.peerConnectionsForTest();
    const transceivers = connection.getTransceivers();
    return {
      transceivers: transceivers.length,
      sections: connection.localDescription.sdp.match(/^m=/gm).length,
      sent: transceivers.filter(({ sender }) => sender.track !== null).length,
      live: transceivers.filter(({ sender }) => sender.track?.readyState === "live").length,
    };
  });
}

/** Keeps the page's captured screens, so that a test can see that they are let go. */
async function keepScreens(page) {
  await page.page.evaluate(() => {
    window.screensForTest = [];
    const ask = navigator.mediaDevices.getDisplayMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getDisplayMedia = async (options) => {
      const stream = await ask(options);
      window.screensForTest.push(...stream.getTracks());
      return stream;
    };
  });
}

const gone = (page, label) => page.page.waitForFunction((name) => !document.querySelector(`video[aria-label="${name}"]`), PATIENCE, label);

for (const [other, name] of [
  [() => chromium(), "Chromium"],
  [firefox, "Firefox"],
]) {
  test(`a screen from Chromium to ${name}, ten times`, async () => {
    const browsers = await Promise.all([chromium(SHARING), other()]);
    try {
      const { ada, grace } = await adaMeetsGrace(browsers, server.url);
      await keepScreens(ada);

      const after = [];
      for (let time = 0; time < 10; time++) {
        await grace.lookAfresh();
        await ada.press("Share screen");
        await grace.seesMovingVideoOf("Ada: screen");
        await ada.says("Your screen is shared");
        await ada.press("Stop sharing");
        await gone(grace, "Ada: screen");
        await ada.see("button", "Share screen");
        after.push([await held(ada), await held(grace)]);
      }
      for (const [here, there] of after) {
        assert.deepEqual(here, after[0][0], "the sharer holds what it held after the first time");
        assert.deepEqual(there, after[0][1], "the other side holds what it held after the first time");
        assert.deepEqual([here.sent, here.live], [2, 2], "microphone and camera, and nothing else");
      }
      const states = await ada.page.evaluate(() => window.screensForTest.map(({ readyState }) => readyState));
      assert.ok(states.length >= 10);
      assert.ok(states.every((state) => state === "ended"), "every captured track was let go");
      await grace.lookAfresh();
      await grace.seesMovingVideoOf("Ada");
      ada.hadNoProblems();
      grace.hadNoProblems();
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  });
}

test("who joins later sees the screens of both, and the browser's own control ends one", async () => {
  const browsers = await Promise.all([chromium(SHARING), chromium(SHARING), chromium()]);
  try {
    const { ada, grace, link } = await adaMeetsGrace(browsers, server.url);
    await keepScreens(ada);
    await Promise.all([ada.press("Share screen"), grace.press("Share screen")]);
    await Promise.all([grace.seesMovingVideoOf("Ada: screen"), ada.seesMovingVideoOf("Grace: screen")]);

    const linus = await CallPage.open(browsers[2], link, "Linus");
    await linus.join();
    await Promise.all(["Ada", "Grace", "Ada: screen", "Grace: screen"].map((label) => linus.seesMovingVideoOf(label)));

    // What the browser does when its own "Stop sharing" is pressed: the track ends, and says so.
    await ada.page.evaluate(() => {
      for (const track of window.screensForTest) {
        track.stop();
        track.dispatchEvent(new Event("ended"));
      }
    });
    await Promise.all([gone(grace, "Ada: screen"), gone(linus, "Ada: screen"), ada.see("button", "Share screen")]);
    await linus.lookAfresh();
    await linus.seesMovingVideoOf("Grace: screen");
    for (const page of [ada, grace, linus]) page.hadNoProblems();
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("refusing the browser's question is explained, and no error", async () => {
  const browser = await chromium();
  try {
    const ada = await CallPage.open(browser, server.url, "Ada");
    await ada.newCall();
    await ada.page.evaluate(() => {
      navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException("Permission denied", "NotAllowedError"));
    });
    await ada.press("Share screen");
    await ada.says("Nothing is shared.");
    await ada.see("button", "Share screen");
    ada.hadNoProblems();
  } finally {
    await browser.close();
  }
});
