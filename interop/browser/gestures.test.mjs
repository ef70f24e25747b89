// Hands, reactions, pinned tiles and keys, between two Chromium.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const PATIENCE = { timeout: 60_000, polling: 50 };

let server;
let browsers;
let ada;
let grace;

before(async () => {
  server = await Server.start();
  browsers = await Promise.all([chromium(), chromium()]);
  ({ ada, grace } = await adaMeetsGrace(browsers, server.url));
});

after(async () => {
  await Promise.all((browsers ?? []).map((browser) => browser.close()));
  await server?.stop();
});

const tile = (page, name) => page.page.waitForSelector(`::-p-xpath(//video[@aria-label="${name}"]/ancestor::li)`, { timeout: 60_000 });
const widthOf = async (page, name) => (await (await tile(page, name)).boundingBox()).width;
const wider = (page, name, than) =>
  page.page.waitForFunction(
    (label, other) => {
      const width = (wanted) => document.querySelector(`video[aria-label="${wanted}"]`).closest("li").getBoundingClientRect().width;
      return width(label) > 2 * width(other);
    },
    PATIENCE,
    name,
    than,
  );
/** Nothing has the focus that would take a key for itself. */
const lookAway = (page) => page.page.evaluate(() => document.activeElement?.blur());

test("a raised hand is told once, and stands in the order in which the hands were raised", async () => {
  await ada.press("Raise hand");
  await grace.says("Ada raised a hand");
  await grace.tileSays("Ada", "Hand raised");
  await grace.press("Raise hand");
  await ada.tileSays("Grace", "Hand raised, number 2");
  await ada.press("2 people");
  const order = await ada.page.waitForSelector("dialog ol", { timeout: 60_000 });
  assert.deepEqual(await order.$$eval("li", (people) => people.map(({ textContent }) => textContent)), ["You", "Grace"]);
  await ada.press("Close");

  await ada.press("Lower hand");
  await grace.page.waitForFunction(
    () => !document.querySelector('video[aria-label="Ada"]').closest("li").textContent.includes("Hand raised"),
    PATIENCE,
  );
  await grace.press("Lower hand");
  await ada.see("button", "Raise hand");
});

test("a reaction is shown over its sender's tile on both sides, told in words, and goes by itself", async () => {
  const shown = (page, name) =>
    page.page.waitForFunction((label) => document.querySelector(`video[aria-label="${label}"]`).closest("li").querySelector(".tile-reaction"), PATIENCE, name);
  await ada.press("React");
  // It is there for a few seconds only: all look for it at once.
  await Promise.all([shown(grace, "Ada"), shown(ada, "You"), grace.says("Ada: Applause"), ada.press("Applause")]);
  await grace.page.waitForFunction(() => !document.querySelector(".tile-reaction"), PATIENCE);
  assert.equal(await grace.page.$("[role=log]"), null, "no chat was opened by it");
});

test("a pinned tile becomes the large one, without a break of its sound, and no more when it is unpinned", async () => {
  const before = await widthOf(ada, "Grace");
  const video = await ada.page.$('video[aria-label="You"]');
  await ada.press("Pin yourself");
  await wider(ada, "You", "Grace");
  assert.ok(await video.evaluate((element) => element.isConnected), "the same element shows it");
  await ada.press("Pin Grace");
  await wider(ada, "Grace", "You");
  await ada.press("Unpin Grace");
  await ada.see("button", "Pin Grace");
  await ada.page.waitForFunction(
    (width) => Math.abs(document.querySelector('video[aria-label="Grace"]').closest("li").getBoundingClientRect().width - width) < 2,
    PATIENCE,
    before,
  );
});

test("M mutes, V turns the camera off, and the space bar lets one speak while it is held", async () => {
  await lookAway(ada);
  await ada.page.keyboard.press("m");
  await grace.tileSays("Ada", "Muted");
  await ada.see("button", "Unmute microphone");

  await ada.page.keyboard.down("Space");
  await ada.see("button", "Mute microphone");
  await grace.page.waitForFunction(() => !document.querySelector('video[aria-label="Ada"]').closest("li").textContent.includes("Muted"), PATIENCE);
  await ada.page.keyboard.up("Space");
  await grace.tileSays("Ada", "Muted");

  await ada.page.keyboard.press("v");
  await grace.tileSays("Ada", "Camera off");
  await ada.page.keyboard.press("v");
  await ada.page.keyboard.press("m");
  await ada.see("button", "Mute microphone");
});

test("keys are letters where one writes, and nothing when they are switched off", async () => {
  await ada.openChat();
  await ada.say("my view");
  await grace.says("1 unread message");
  await ada.see("button", "Mute microphone");
  await ada.see("button", "Turn camera off");
  await ada.press("Chat");

  const muteKeys = () => ada.page.$eval('[aria-label="Mute microphone"]', (button) => button.getAttribute("aria-keyshortcuts"));
  assert.equal(await muteKeys(), "M Space");
  await ada.press("Settings");
  await ada.check("Keyboard shortcuts", false);
  await ada.press("Done");
  await lookAway(ada);
  assert.equal(await muteKeys(), null);
  await ada.page.keyboard.press("m");
  // Had the key done something, it would have been before this.
  await ada.press("Raise hand");
  await ada.see("button", "Lower hand");
  await ada.see("button", "Mute microphone");
});

/** A real press: browsers give the screen and windows of their own only to one. */
async function pressInMore(page, name) {
  await page.press("More");
  await (await page.page.waitForSelector(`::-p-aria([role="button"][name="${name}"])`, { visible: true, timeout: 60_000 })).click();
}

test("the other one's picture gets a window of its own, and comes back", async () => {
  await pressInMore(grace, "Picture in picture");
  await grace.page.waitForFunction(() => document.pictureInPictureElement?.getAttribute("aria-label") === "Ada", PATIENCE);
  await pressInMore(grace, "Leave picture in picture");
  await grace.page.waitForFunction(() => document.pictureInPictureElement === null, PATIENCE);
});

test("the call has the whole screen, and gives it back", async () => {
  await pressInMore(grace, "Full screen");
  await grace.page.waitForFunction(() => document.fullscreenElement !== null, PATIENCE);
  await lookAway(grace);
  await grace.page.keyboard.press("f");
  await grace.page.waitForFunction(() => document.fullscreenElement === null, PATIENCE);
  for (const page of [ada, grace]) page.hadNoProblems();
});
