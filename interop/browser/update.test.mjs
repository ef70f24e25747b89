// The server is updated while a page is open: what the page would load later is gone, and it goes on as a page of the new version.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
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

/** Stands before `server` as if there were several versions of the app: in each, the names of its files have other hashes. */
class Versions {
  /** The version that there is. */
  now = 1;
  /** Whether a cache on the way keeps what was asked for already, and gives it to whoever opens the page again. */
  keeps = false;
  #kept = new Set();
  #http = createServer((request, response) => void this.#answer(request, response));

  async start() {
    this.#http.on("upgrade", (request, socket, head) => {
      const upstream = connect(server.port, "localhost");
      const headers = Array.from({ length: request.rawHeaders.length / 2 }, (_, index) => `${request.rawHeaders[index * 2]}: ${request.rawHeaders[index * 2 + 1]}\r\n`);
      upstream.write(`${request.method} ${request.url} HTTP/1.1\r\n${headers.join("")}\r\n`);
      upstream.write(head);
      for (const [from, to] of [[socket, upstream], [upstream, socket]]) from.on("error", () => to.destroy()).pipe(to);
    });
    this.#http.listen(0, "localhost");
    await once(this.#http, "listening");
    this.url = `http://localhost:${this.#http.address().port}`;
  }

  async #answer({ url, method, headers }, response) {
    const isOld = headers["sec-fetch-mode"] === "navigate" && this.keeps;
    const version = isOld ? 1 : Number(/\.v(\d+)\.\w+$/.exec(url)?.[1] ?? this.now);
    if (version === this.now) this.#kept.add(url);
    const isGone = version !== this.now && !isOld && !(this.keeps && this.#kept.has(url));
    // A service worker would keep some of what is to be gone.
    if (isGone || url === "/service-worker.js") return response.writeHead(404).end();
    const answer = await fetch(`${server.url}${url.replace(/\.v\d+(?=\.\w+$)/, "")}`, { method });
    const type = answer.headers.get("content-type") ?? "";
    const body = Buffer.from(await answer.arrayBuffer());
    const names = (text) => text.replace(/-[\w-]{8}(?=\.(js|css)\b)/g, (hash) => `${hash}.v${version}`);
    const isText = /html|javascript/.test(type);
    response.writeHead(answer.status, { "content-type": type, "cache-control": "no-cache" });
    response.end(isText ? names(body.toString()) : body);
  }

  end() {
    this.#http.closeAllConnections();
    this.#http.close();
  }
}

/** Counts how often the page begins. */
const beginnings = async ({ page }) => {
  let count = 0;
  await page.exposeFunction("beginForTest", () => (count += 1));
  await page.evaluateOnNewDocument(() => window.beginForTest());
  return () => count;
};

test("who opened the page before an update joins a call after it", async () => {
  const versions = new Versions();
  await versions.start();
  try {
    const ada = await CallPage.open(browser, versions.url, "Ada");
    await ada.see("button", "New call");
    const count = await beginnings(ada);
    versions.now = 2;
    await ada.newCall();
    assert.equal(count(), 1);
    const scripts = await ada.page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name).filter((name) => name.endsWith(".js")));
    assert.ok(scripts.length > 0 && scripts.every((name) => name.includes(".v2.")), scripts.join(" "));
  } finally {
    versions.end();
  }
});

test("who is given the old page again is told what to do, and the page is not loaded for ever", async () => {
  const versions = new Versions();
  await versions.start();
  try {
    const ada = await CallPage.open(browser, versions.url, "Ada");
    await ada.see("button", "New call");
    const count = await beginnings(ada);
    versions.now = 2;
    versions.keeps = true;
    await ada.press("New call");
    await ada.says("The server has a newer version of this page");
    assert.equal(count(), 1);

    // An installed app has no other way to load a page again.
    versions.keeps = false;
    await ada.press("Load again");
    await ada.see("button", "Join");
    assert.equal(count(), 2);
  } finally {
    versions.end();
  }
});

test("the place of the check that is not there any more has the way to load the page again", async () => {
  const versions = new Versions();
  await versions.start();
  try {
    const ada = await CallPage.open(browser, versions.url, "Ada");
    await ada.see("button", "New call");
    versions.now = 2;
    versions.keeps = true;
    const link = await ada.page.waitForSelector('a[href="/check"]');
    await link.evaluate((element) => element.click());
    await ada.see("button", "Load again");
    versions.keeps = false;
    await ada.press("Load again");
    await ada.says("The server is on this device");
  } finally {
    versions.end();
  }
});

test("who is called after an update hears it ring, and both meet", async () => {
  const versions = new Versions();
  await versions.start();
  try {
    const [ada, grace] = await Promise.all(["Ada", "Grace"].map((name) => CallPage.open(browser, versions.url, name)));
    for (const call of [ada, grace]) {
      await call.write("Your name", call.name);
      await call.check("Let others find me", true);
    }
    await ada.see("button", "Call Grace");
    const [ofAda, ofGrace] = [await beginnings(ada), await beginnings(grace)];
    const gone = grace.page.waitForResponse((response) => response.url().endsWith(".js") && response.status() === 404, { timeout: 60_000 });
    versions.now = 2;
    await ada.press("Call Grace");
    await grace.see("button", "Accept");
    // What would tell it outside the page is gone, and the page has seen that.
    await gone;
    assert.deepEqual([ofAda(), ofGrace()], [0, 0]);
    await grace.press("Accept");
    for (const call of [ada, grace]) {
      await call.page.waitForFunction(() => [...document.scripts].some(({ src }) => src.includes(".v2.")), { timeout: 60_000 });
      await call.join();
    }
    await everybodyMeets(ada, grace);
  } finally {
    versions.end();
  }
});
