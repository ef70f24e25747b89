// A whole call made by keyboard alone: every step by Tab, Enter, Escape and typing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
let browser;
before(async () => {
  server = await Server.start();
  browser = await chromium();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

/** More stops than any view has. */
const STOPS = 60;
const PATIENCE = { timeout: 60_000, polling: 100 };

/** What assistive technology calls the element that has the focus. */
async function focused(page) {
  const element = await page.evaluateHandle(() => document.activeElement);
  const snapshot = await page.accessibility.snapshot({ root: element, interestingOnly: false });
  await element.dispose();
  return snapshot?.name ?? "";
}

/** Resolves when the element of that name has the focus. */
async function hasFocus({ page }, name, why = `"${name}" has the focus`) {
  const deadline = Date.now() + PATIENCE.timeout;
  while ((await focused(page)) !== name) assert.ok(Date.now() < deadline, why);
}

/** Presses Tab until the element of that name has the focus, which has to be seen. */
async function tabTo({ page }, name) {
  const passed = [];
  for (let stop = 0; stop < STOPS; stop += 1) {
    await page.keyboard.press("Tab");
    const reached = await focused(page);
    passed.push(reached);
    if (reached !== name) continue;
    const shown = await page.evaluate(() => document.activeElement.matches(":focus-visible"));
    assert.ok(shown, `the focus on "${name}" is seen`);
    return;
  }
  assert.fail(`Tab doesn't lead to "${name}": ${passed.join(", ")}`);
}

const press = async (call, name) => {
  await tabTo(call, name);
  await call.page.keyboard.press("Enter");
};

const opens = async (call, name) => {
  await press(call, name);
  await call.page.waitForFunction(() => document.querySelector("dialog")?.contains(document.activeElement), PATIENCE);
};

test("a call from its beginning to its end", async () => {
  const ada = await CallPage.open(browser, server.url, "Ada");
  const { page } = ada;
  await page.waitForSelector("h1");
  await tabTo(ada, "Your name");
  await page.keyboard.type("Ada");
  await press(ada, "New call");
  await ada.see("button", "Join");
  await hasFocus(ada, "Ready to join?", "the focus is where the new view begins");
  await press(ada, "Join");
  await ada.see("button", "Leave");

  const grace = await CallPage.open(browser, page.url(), "Grace");
  await grace.join();
  await everybodyMeets(ada, grace);
  await page.bringToFront();

  await press(ada, "Mute microphone");
  await hasFocus(ada, "Unmute microphone");
  await page.keyboard.press("Space");
  await hasFocus(ada, "Mute microphone");

  await press(ada, "Chat");
  await hasFocus(ada, "Message");
  await page.keyboard.type("by keyboard");
  await page.keyboard.press("Enter");
  await grace.openChat();
  await grace.reads("by keyboard");
  await page.bringToFront();
  await page.keyboard.press("Escape");
  await hasFocus(ada, "Chat");

  await opens(ada, "2 people");
  await press(ada, "Verify Grace");
  await page.waitForFunction(() => document.querySelectorAll(".verify-words li").length === 4, PATIENCE);
  await press(ada, "They match");
  await ada.tileSays("Grace", "Verified");
  await hasFocus(ada, "People in this call");
  await page.keyboard.press("Escape");
  await hasFocus(ada, "2 people", "the focus is back where the dialog was opened");

  await opens(ada, "Settings");
  await tabTo(ada, "Language");
  await page.keyboard.press("Escape");
  await hasFocus(ada, "Settings");

  await press(ada, "Leave");
  await ada.see("button", "Join again");
  await hasFocus(ada, "You left");
  ada.hadNoProblems();
});
