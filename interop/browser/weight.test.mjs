// What the start page weighs, as the server sends it.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Bytes of compressed script that the start page may load. */
const SCRIPT = 60_000;

test("the start page loads less than 60 KB of compressed script", async () => {
  const browser = await chromium();
  try {
    const { page } = await CallPage.open(browser, server.url, "Ada");
    await page.waitForNetworkIdle();
    const scripts = await page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => new URL(name).pathname.endsWith(".js"))
        .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]),
    );
    const sum = scripts.reduce((bytes, [, size]) => bytes + size, 0);
    console.log(`compressed script of the start page: ${sum} bytes`, scripts);
    assert.ok(scripts.every(([, size]) => size > 0), "each has a size");
    assert.ok(sum > 0 && sum < SCRIPT, `${sum} bytes`);
  } finally {
    await browser.close();
  }
});
