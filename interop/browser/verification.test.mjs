// Two people compare four words: the same with nobody in between, others with somebody in between.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { adaMeetsGrace, CallPage } from "./call-page.mjs";
import { ManInTheMiddle } from "./man-in-the-middle.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

const PATIENCE = { timeout: 120_000, polling: 100 };

/** Opens the words that are to be compared with `name`, and reads them. */
async function wordsWith(call, name) {
  await call.page.waitForSelector(".call-people");
  await call.page.click(".call-people");
  await call.press(`Verify ${name}`);
  await call.page.waitForFunction(() => document.querySelectorAll(".verify-words li").length === 4, PATIENCE);
  return call.page.$$eval(".verify-words li", (words) => words.map((word) => word.textContent));
}

const dialogSays = (call, text) =>
  call.page.waitForFunction((wanted) => document.querySelector("dialog")?.textContent.includes(wanted), PATIENCE, text);

/** A page that was loaded again may be there twice for a while: one tile of the name says it. */
const aTileSays = (call, text) =>
  call.page.waitForFunction((wanted) => [...document.querySelectorAll("video")].some((video) => video.closest("li")?.textContent.includes(wanted)), PATIENCE, text);

test("Chromium and Firefox see the same words; who is verified is known again, and another one of the name is not", async () => {
  const browsers = await Promise.all([chromium(), firefox()]);
  try {
    const { ada, grace, link } = await adaMeetsGrace(browsers, server.url);
    const [adas, graces] = [await wordsWith(ada, "Grace"), await wordsWith(grace, "Ada")];
    assert.deepEqual(adas, graces);
    await ada.press("They match");
    await ada.tileSays("Grace", "Verified");
    await grace.press("They differ");
    await dialogSays(grace, "Somebody may be between you and Ada.");

    await grace.page.reload();
    await ada.page.reload();
    await Promise.all([grace.join(), ada.join()]);
    await aTileSays(ada, "Verified: Grace");

    await grace.press("Leave");
    const other = await CallPage.open(browsers[0], link, "Grace");
    await other.join();
    await aTileSays(ada, "Not the Grace whom you verified: Grace");
    // The list says it in one line, on a phone, too.
    await ada.page.setViewport({ width: 390, height: 844 });
    await ada.page.click(".call-people");
    const warning = await ada.page.waitForSelector(".trust.changed", PATIENCE);
    const rows = await warning.evaluate((element) => element.getBoundingClientRect().height / Number.parseFloat(getComputedStyle(element).lineHeight));
    assert.ok(rows < 1.5, `${rows} lines`);
    ada.hadNoProblems();
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("with somebody in between who speaks for each to the other, the words differ", async () => {
  // A server that lies: it shows Ada and Grace two channels, and each a stranger in the other's place.
  const graces = await Server.start();
  const browsers = await Promise.all([chromium(), chromium(), chromium()]);
  try {
    const ada = await CallPage.open(browsers[0], server.url, "Ada");
    const link = new URL(await ada.newCall());
    const sameSecret = `${graces.url}/c/${link.hash}`;
    const grace = await CallPage.open(browsers[1], sameSecret, "Grace");
    await grace.join();
    const toAda = await CallPage.open(browsers[2], link.href, "Grace");
    const toGrace = await CallPage.open(browsers[2], sameSecret, "Ada");
    await Promise.all([toAda.join(), toGrace.join()]);
    await Promise.all([ada.seesMovingVideoOf("Grace"), grace.seesMovingVideoOf("Ada")]);
    assert.notDeepEqual(await wordsWith(ada, "Grace"), await wordsWith(grace, "Ada"));
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await graces.stop();
  }
});

test("somebody in between who swaps the fingerprints and passes everything on is found out without a word", async () => {
  const browsers = await Promise.all([chromium(), chromium(), chromium()]);
  try {
    const mallory = await ManInTheMiddle.start(browsers[2]);
    const ada = await CallPage.open(browsers[0], server.url, "Ada");
    await mallory.listenTo(ada.page);
    const link = await ada.newCall();
    mallory.link = link;
    const grace = await CallPage.open(browsers[1], "about:blank", "Grace");
    await mallory.listenTo(grace.page);
    await grace.page.goto(link);
    await grace.join();
    await mallory.isBetween();

    // One of the two gets the other one's proof, for another certificate, and says so; the other one waits for an answer.
    const warned = await Promise.any(
      [ada, grace].map(async (call) => {
        const other = call === ada ? "Grace" : "Ada";
        await call.tileSays(other, "Somebody may be in between");
        return call;
      }),
    );
    for (const call of [ada, grace]) {
      await call.page.click(".call-people");
      await call.press(`Verify ${call === ada ? "Grace" : "Ada"}`);
      await dialogSays(call, call === warned ? "the other side didn't keep to its word" : "The words come when you are connected");
      assert.equal(await call.page.$(".verify-words"), null);
    }
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});
