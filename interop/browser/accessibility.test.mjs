// No view has a fault that axe-core finds, in light and dark, on a desk and on a phone; and nothing moves for those who don't want it.
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const SCREENS = [
  { width: 1280, height: 800 },
  { width: 390, height: 844 },
];

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

/** Every fault that axe finds in what `page` shows, on both screens, in light and in dark. */
async function faults(page, view) {
  const found = [];
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  for (const screen of SCREENS) {
    for (const scheme of ["light", "dark"]) {
      await page.setViewport(screen);
      await page.emulateMediaFeatures([
        { name: "prefers-color-scheme", value: scheme },
        { name: "prefers-reduced-motion", value: "reduce" },
      ]);
      await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
      const violations = await page.evaluate(async () => (await window.axe.run()).violations);
      for (const { id, nodes } of violations) {
        for (const { html, failureSummary } of nodes) found.push(`${view}, ${screen.width} px, ${scheme}: ${id}: ${html}\n${failureSummary}`);
      }
    }
  }
  return found;
}

async function isFaultless(page, view) {
  const found = await faults(page, view);
  assert.deepEqual(found, [], found.join("\n\n"));
}

test("axe finds faults: a picture without a name", async () => {
  const page = await browser.newPage();
  await page.setContent('<!doctype html><html lang="en"><title>A page</title><main><h1>A page</h1><img src="data:,"></main></html>');
  assert.match((await faults(page, "a page")).join(), /image-alt/);
  await page.close();
});

test("start and problem are faultless", async () => {
  const { page } = await CallPage.open(browser, server.url, "Ada");
  await page.waitForSelector("h1");
  await isFaultless(page, "start");
  const problem = await CallPage.open(browser, `${server.url}/c/#v1.short`, "Ada");
  await problem.page.waitForSelector("h1");
  await isFaultless(problem.page, "problem");
});

test("what this network allows is faultless", async () => {
  const ada = await CallPage.open(browser, `${server.url}/check`, "Ada");
  await ada.see("button", "Check again");
  await isFaultless(ada.page, "check, running or done");
  await ada.page.waitForSelector(".check-verdicts", { timeout: 60_000 });
  await isFaultless(ada.page, "check");
});

test("lobby, call, chat, settings, people, verifying, sending, files and the end are faultless", async () => {
  const path = join(tmpdir(), `peerline-test-${process.pid}.txt`);
  await writeFile(path, "a file");
  try {
    const ada = await CallPage.open(browser, server.url, "Ada");
    await ada.write("Your name", "Ada");
    await ada.press("New call");
    await ada.see("button", "Join");
    await isFaultless(ada.page, "lobby");
    await ada.join();
    await isFaultless(ada.page, "call, alone");

    const grace = await CallPage.open(browser, ada.page.url(), "Grace");
    await grace.join();
    await everybodyMeets(ada, grace);
    await isFaultless(ada.page, "call");
    await ada.openChat();
    await grace.openChat();
    await grace.say("Hello");
    await ada.reads("Hello");
    await isFaultless(ada.page, "chat");
    await ada.press("Reply");
    await ada.see("button", "Don't reply");
    await isFaultless(ada.page, "an answer being written");
    await ada.say("Hello yourself");
    await ada.reads("Hello yourself");
    await isFaultless(ada.page, "an answer");
    await grace.page.focus("textarea");
    await grace.page.keyboard.sendCharacter(`${"One line of many\n".repeat(60)}The end`);
    await grace.page.keyboard.press("Enter");
    await ada.reads("The end");
    await ada.page.$eval("[role=log]", (log) => log.scrollTo({ top: 0 }));
    await grace.say("And something new");
    await ada.see("button", "1 new message");
    await isFaultless(ada.page, "what came while one read further up");
    await ada.press("Close");

    const inDialog = async (view, end) => {
      await ada.page.waitForSelector("dialog[open]");
      await isFaultless(ada.page, view);
      await end();
      await ada.page.waitForFunction(() => document.querySelector("dialog") === null);
    };
    await ada.press("Raise hand");
    await ada.press("React");
    await ada.press("Heart");
    await ada.press("React");
    await ada.press("Pin Grace");
    await isFaultless(ada.page, "a hand, a reaction, the choice of reactions, and a pinned tile");
    await ada.press("React");
    await ada.press("Unpin Grace");
    await ada.press("Lower hand");
    // On a phone these are behind "More".
    await ada.press("More");
    await ada.press("Settings");
    await inDialog("settings", () => ada.press("Done"));
    await ada.press("2 people");
    await inDialog("people", () => ada.press("Close"));
    await ada.press("2 people");
    await ada.press("Verify Grace");
    await ada.page.waitForSelector(".verify-words li");
    await isFaultless(ada.page, "verifying");
    await ada.press("They match");
    await inDialog("people, one verified", () => ada.press("Close"));
    await isFaultless(ada.page, "call, verified");
    await ada.press("More");
    await ada.press("Send files");
    await inDialog("sending", () => ada.press("Close"));

    await grace.press("Send files");
    const input = await grace.page.waitForSelector("input[type=file]:not([webkitdirectory])");
    await input.uploadFile(path);
    await ada.see("button", "Accept");
    await isFaultless(ada.page, "an offer");
    await ada.press("Accept");
    await ada.see("button", "Save");
    await isFaultless(ada.page, "files");

    await ada.press("Leave");
    await ada.see("button", "Join again");
    await isFaultless(ada.page, "left");
  } finally {
    await rm(path, { force: true });
  }
});

test("finding people and ringing are faultless", async () => {
  const ada = await CallPage.open(browser, server.url, "Ada");
  const grace = await CallPage.open(browser, server.url, "Grace");
  for (const call of [ada, grace]) {
    await call.write("Your name", call.name);
    await call.check("Let others find me", true);
  }
  await ada.see("button", "Call Grace");
  await isFaultless(ada.page, "people to call");
  await ada.press("Call Grace");
  await grace.see("button", "Accept");
  await isFaultless(ada.page, "calling");
  await isFaultless(grace.page, "being called");
  await grace.press("Decline");
});

test("contacts and missed calls are faultless", async () => {
  const person = { name: "Grace", identity: "her key" };
  const storage = { "peerline.added": JSON.stringify([person]), "peerline.missed": JSON.stringify([{ ...person, time: 1 }]) };
  const ada = await CallPage.open(browser, server.url, "Ada", storage);
  await ada.see("button", "Remove Grace from contacts");
  await ada.see("button", "Remove Grace from missed calls");
  await isFaultless(ada.page, "contacts and missed calls");
});

test("nothing moves for those who want reduced motion", async () => {
  const { page } = await CallPage.open(browser, server.url, "Ada");
  await page.waitForSelector("h1");
  const moving = (value) =>
    page
      .emulateMediaFeatures([{ name: "prefers-reduced-motion", value }])
      .then(() => page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length));
  assert.ok((await moving("no-preference")) > 0, "the picture on the start page moves");
  assert.equal(await moving("reduce"), 0);
});
