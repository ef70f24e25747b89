// The app is installed, opens without a server and without a network, says so, and goes on when they are back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage } from "./call-page.mjs";
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

const PATIENCE = { timeout: 60_000, polling: 100 };

const says = (page, text) => page.waitForFunction((wanted) => document.body.textContent.includes(wanted), PATIENCE, text);
const isKept = (page) =>
  page.waitForFunction(async () => navigator.serviceWorker.controller !== null && (await caches.keys()).length > 0, PATIENCE);

test("the shell opens without a network, says that it is offline, and goes on when it is back", async () => {
  const { page } = await CallPage.open(browser, server.url, "Ada");
  await isKept(page);
  await server.kill("SIGKILL");
  await page.reload();
  await says(page, "New call");
  await says(page, "The server can't be reached.");
  await page.setOfflineMode(true);
  await says(page, "You're offline.");
  await page.setOfflineMode(false);
  await server.start();
  await page.waitForFunction(() => document.querySelector(".banner") === null, PATIENCE);
  await page.reload();
  await says(page, "New call");
});

test("what is kept are the app's own files: no link, no secret", async () => {
  const ada = await CallPage.open(browser, server.url, "Ada");
  await isKept(ada.page);
  const link = new URL(await ada.newCall());
  await ada.page.reload();
  await ada.see("button", "Join");
  const kept = await ada.page.evaluate(async () => {
    const found = [];
    for (const name of await caches.keys()) {
      const cache = await caches.open(name);
      for (const request of await cache.keys()) found.push({ name, url: request.url, text: await (await cache.match(request)).text() });
    }
    return found;
  });
  const paths = kept.map(({ url }) => url.slice(link.origin.length));
  assert.ok(paths.includes("/"), paths.join(" "));
  for (const path of paths) assert.match(path, /^\/$|^\/assets\/[\w.-]+$/);
  assert.ok(!JSON.stringify(kept).includes(link.hash.slice("#v1.".length)), "the link's secret is in no cache");
  ada.hadNoProblems();
});

test("the page from the cache is under the same policy as the server's", async () => {
  const { page } = await CallPage.open(browser, server.url, "Ada");
  await isKept(page);
  const policies = await page.evaluate(async () => {
    const cache = await caches.open((await caches.keys()).at(-1));
    return [await cache.match("/"), await fetch("/", { cache: "no-store" })].map(({ headers }) => headers.get("content-security-policy"));
  });
  assert.match(policies[0], /default-src 'none'; script-src 'self'/);
  assert.equal(policies[0], policies[1]);
});

test("a browser finds what it needs to install the app", async () => {
  const { page } = await CallPage.open(browser, server.url, "Ada");
  await isKept(page);
  const session = await page.createCDPSession();
  const { errors } = await session.send("Page.getAppManifest");
  assert.deepEqual(errors, []);
  // Where nothing is remembered after the window is closed, nothing can be installed; there is no other obstacle.
  const { installabilityErrors } = await session.send("Page.getInstallabilityErrors");
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== "in-incognito"), []);
});
