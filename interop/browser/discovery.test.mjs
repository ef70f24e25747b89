// People who are findable, or whom one knows, are called by name: accepted, declined, busy, not there; and who missed a call sees it.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace, CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const PATIENCE = { timeout: 60_000, polling: 100 };

let server;
let browser;
// Each test has a server of its own: people of the test before, whose browser didn't say that it went, can be found and called for a minute more.
beforeEach(async () => {
  server = await Server.start();
  browser = await chromium();
});
afterEach(async () => {
  await browser?.close();
  await server?.stop();
});

/** On the start page, findable under a name. */
async function findable(name) {
  const call = await CallPage.open(browser, "about:blank", name);
  await call.page.evaluateOnNewDocument(keepNotifications);
  await call.page.goto(server.url);
  await call.write("Your name", name);
  await call.check("Let others find me", true);
  return call;
}

/** Runs before the page's own scripts: the system may tell something, and what it tells is kept. */
function keepNotifications() {
  window.notificationsForTest = [];
  window.Notification = class {
    static permission = "granted";
    constructor(title) {
      window.notificationsForTest.push(title);
    }
    close() {}
  };
  // Nobody looks at the page.
  Object.defineProperty(document, "visibilityState", { get: () => window.visibilityForTest ?? "visible" });
}

const says = (call, text) => call.page.waitForFunction((wanted) => document.body.innerText.includes(wanted), PATIENCE, text);
const nobodyLooksAt = (call) => call.page.evaluate(() => (window.visibilityForTest = "hidden"));
const notificationsOf = (call) => call.page.evaluate(() => window.notificationsForTest);

test("a person who is findable is rung, accepts, and both meet", async () => {
  const ada = await findable("Ada");
  const grace = await findable("Grace");
  await grace.press("Call Ada");
  await ada.press("Accept");
  // Both go through the lobby, where they see themselves first.
  await Promise.all([ada.press("Join"), grace.press("Join")]);
  await everybodyMeets(ada, grace);
});

test("a person declines; in another call is busy, and sees afterwards who called", async () => {
  const ada = await findable("Ada");
  const grace = await findable("Grace");
  await grace.press("Call Ada");
  await ada.press("Decline");
  await says(grace, "Ada declined the call.");
  assert.equal(await ada.page.evaluate(() => document.body.innerText.includes("Missed calls")), false, "who declines has missed nothing");

  await ada.press("New call");
  await ada.press("Join");
  await ada.see("button", "Leave");
  await grace.press("Call Ada");
  // Both are told at the same time, for a few seconds.
  await Promise.all([says(grace, "Ada is busy."), says(ada, "You missed a call from Grace.")]);
});

test("who doesn't answer is told of the missed call, by the system as well, finds it after a reload, and calls back", async () => {
  const ada = await findable("Ada");
  const grace = await findable("Grace");
  await nobodyLooksAt(ada);
  await grace.press("Call Ada");
  await ada.see("button", "Accept");
  await Promise.all([says(grace, "Ada didn't answer."), says(ada, "You missed a call from Grace.")]);
  await ada.page.waitForFunction(() => window.notificationsForTest.length === 2, PATIENCE);
  assert.deepEqual(await notificationsOf(ada), ["Grace is calling", "You missed a call from Grace."]);

  await ada.page.reload();
  await says(ada, "Missed calls");
  await ada.press("Call Grace");
  await grace.press("Accept");
  await Promise.all([ada.press("Join"), grace.press("Join")]);
  await everybodyMeets(ada, grace);
});

test("somebody whom one has met is added to the contacts, is seen when they can be rung, and is forgotten again", async () => {
  const { ada, grace } = await adaMeetsGrace([browser, browser], server.url);
  await ada.press("2 people");
  await ada.press("Add Grace to contacts");
  await ada.says("In your contacts");
  await ada.page.goto(server.url);
  await says(ada, "Contacts");
  await says(ada, "Can't be found now");
  await grace.page.goto(server.url);
  // Her name is another one now: she is known by her key.
  await grace.write("Your name", "Rear Admiral");
  await grace.check("Let others find me", true);
  await ada.press("Call Grace");
  await grace.press("Accept");
  await Promise.all([ada.press("Join"), grace.press("Join")]);
  await ada.seesMovingVideoOf("Rear Admiral");

  await ada.page.goto(server.url);
  await ada.press("Remove Grace from contacts");
  await ada.page.waitForFunction(() => !document.body.innerText.includes("Contacts"), PATIENCE);
  ada.hadNoProblems();
});
