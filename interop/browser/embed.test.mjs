// A call within another site's page: <peerline-call>, where the operator allows it, and a sentence where not.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const PATIENCE = 60_000;

let site;
let origin;
let server;
let browser;
before(async () => {
  // Another site, on this machine: 127.0.0.1 is another origin than localhost, and secure as well.
  site = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    response.end(`<!doctype html><html lang="en"><title>Shop</title><h1>Ask us</h1>
      <script>window.heard = []; for (const name of ["join", "change", "leave", "error"])
        addEventListener("peerline-" + name, (event) => heard.push([name, event.detail]), { capture: true });</script></html>`);
  }).listen(0, "127.0.0.1");
  await once(site, "listening");
  origin = `http://127.0.0.1:${site.address().port}`;
  [server, browser] = await Promise.all([Server.start(["--embed-origin", origin]), chromium()]);
});
after(async () => {
  site?.close();
  site?.closeAllConnections();
  await Promise.all([server?.stop(), browser?.close()]);
});

/** Opens the site's page with the element in it. */
async function shop(server, link, name) {
  const page = await (await browser.createBrowserContext()).newPage();
  await page.goto(origin);
  await page.addScriptTag({ type: "module", url: `${server.url}/sdk/peerline-call.js` });
  await page.evaluate(
    async (given) => {
      await customElements.whenDefined("peerline-call");
      document.body.append(Object.assign(document.createElement("peerline-call"), { id: "call" }));
      for (const [key, value] of Object.entries(given)) document.querySelector("#call").setAttribute(key, value);
    },
    { link, name },
  );
  return page;
}

/** Resolves with what the page heard of the element. */
async function heard(page, name, others) {
  const found = (wanted, count) => window.heard.find(([what, state]) => what === wanted && (count === null || state.others === count));
  return await (await page.waitForFunction(found, { timeout: PATIENCE, polling: 50 }, name, others ?? null)).jsonValue();
}

test("a page of a site that is allowed shows a call, hears of it, and ends it", async () => {
  const ada = await CallPage.open(browser, server.url, "Ada");
  const link = await ada.newCall();
  const page = await shop(server, link, "Visitor");
  const frame = await page.waitForFrame((frame) => frame.url().startsWith(server.url), { timeout: PATIENCE });
  const visitor = new CallPage(frame, "Visitor");
  // The page has proposed the name.
  await frame.waitForFunction(() => [...document.querySelectorAll("input")].some(({ value }) => value === "Visitor"), { timeout: PATIENCE });
  await visitor.press("Join");
  await heard(page, "join");
  await heard(page, "change", 1);
  await Promise.all([ada.seesMovingVideoOf("Visitor"), visitor.seesMovingVideoOf("Ada"), ada.hears(1)]);
  await page.evaluate(() => document.querySelector("#call").leave());
  assert.deepEqual((await heard(page, "leave"))[1].phase, "left");
  await ada.page.waitForFunction(() => document.querySelectorAll("video[aria-label]").length === 1, { timeout: PATIENCE });
  await Promise.all([ada.page.close(), page.close()]);
});

test("where the operator doesn't allow the site, and where the link is none, the page is told what to do", async () => {
  const closed = await Server.start();
  try {
    const ada = await CallPage.open(browser, closed.url, "Ada");
    const link = await ada.newCall();
    const page = await shop(closed, link, "Visitor");
    const [, problem] = await heard(page, "error");
    assert.match(problem, new RegExp(`peerline serve --embed-origin ${origin}`));
    await page.evaluate(() => document.querySelector("#call").setAttribute("link", "https://example.org/"));
    await page.waitForFunction(() => window.heard.at(-1)[1].includes("not a call's link"), { timeout: PATIENCE });
    await Promise.all([ada.page.close(), page.close()]);
  } finally {
    await closed.stop();
  }
});
