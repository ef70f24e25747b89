// The app speaks the user's language, and changes it in the middle of a call.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

const languageOf = (call) => call.page.$eval("html", (html) => html.lang);
const catalogues = (call) =>
  call.page.evaluate(() =>
    performance.getEntriesByType("resource").flatMap(({ name }) => /\/assets\/(zh|vi)-[^/]*\.js$/.exec(name)?.[1] ?? []),
  );

test("a browser that asks for Chinese gets it, and loads no other catalogue", async () => {
  const browser = await chromium();
  try {
    const ada = await CallPage.open(browser, "about:blank", "Ada");
    const session = await ada.page.createCDPSession();
    const userAgent = await browser.userAgent();
    await session.send("Emulation.setUserAgentOverride", { userAgent, acceptLanguage: "fr,zh-CN,en" });
    await ada.page.goto(server.url);
    await ada.write("你的名字", "Ada");
    assert.equal(await languageOf(ada), "zh-Hans");
    assert.deepEqual(await catalogues(ada), ["zh"]);
    await ada.press("新建通话");
    await ada.press("加入");
    await ada.see("button", "离开");
    ada.hadNoProblems();
  } finally {
    await browser.close();
  }
});

test("a browser that asks for English loads English only", async () => {
  const browser = await chromium();
  try {
    const ada = await CallPage.open(browser, server.url, "Ada");
    await ada.see("button", "New call");
    assert.equal(await languageOf(ada), "en-US");
    assert.deepEqual(await catalogues(ada), []);
  } finally {
    await browser.close();
  }
});

test("the language changes in the call, the call goes on, and the device remembers it", async () => {
  const browser = await chromium();
  try {
    const ada = await CallPage.open(browser, server.url, "Ada");
    const grace = await CallPage.open(browser, await ada.newCall(), "Grace");
    await grace.join();
    await everybodyMeets(ada, grace);
    await ada.page.evaluate(() => (window.connectionsForTest = window.peerConnectionsForTest()));
    await ada.press("Settings");
    await ada.choose("Language", "vi");
    await ada.press("Xong");
    await ada.see("button", "Rời đi");
    await ada.see("button", "Tắt micrô");
    assert.equal(await languageOf(ada), "vi");
    await ada.lookAfresh();
    await ada.seesMovingVideoOf("Grace");
    const same = await ada.page.evaluate(() => {
      const now = window.peerConnectionsForTest();
      return now.length === 1 && now[0] === window.connectionsForTest[0];
    });
    assert.ok(same, "the connection is the one from before");
    await ada.page.reload();
    await ada.see("button", "Tham gia");
    ada.hadNoProblems();
  } finally {
    await browser.close();
  }
});
