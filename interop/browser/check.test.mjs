// The app says what a network allows, with what it rests on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { CallPage } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** What the page says of each question: `[sentence, …what was seen]`, by the question. */
const verdicts = (page) =>
  page.$$eval(".check-verdicts > li", (rows) =>
    Object.fromEntries(rows.map((row) => [row.querySelector("h3").textContent, [...row.querySelectorAll("p, .check-seen li")].map(({ textContent }) => textContent)])),
  );

for (const [name, launch] of Object.entries({ chromium, firefox })) {
  test(`${name} finds out what there is to know of a server on this machine`, async () => {
    const browser = await launch();
    try {
      const ada = await CallPage.open(browser, `${server.url}/check`, "Ada");
      await ada.says("The server is on this device");
      const said = await verdicts(ada.page);
      assert.match(said.Server.join(), /^The server is reached.*http:\/\/localhost:\d+ answered in .*a channel was entered/);
      assert.match(said.UDP.join(), /^UDP gets through/);
      assert.match(said.Relay[0], /^The relay is reached over UDP/);
      assert.match(said["A call through the relay"].join(), /^A call through the relay comes about.*met through the relay over (UDP|TCP|TLS) in.*Mb\/s arrived/);
      assert.match(said.Clock.join(), /^This device's clock is right.*differs by/);
      for (const [question, [sentence, ...seen]] of Object.entries(said)) assert.ok(seen.length > 0 || /not known|couldn't/.test(sentence), question);

      await ada.page.evaluate(() => {
        navigator.clipboard.writeText = async (text) => void (window.copiedForTest = text);
      });
      await ada.press("Copy as JSON");
      await ada.says("Copied");
      const { verdicts: judged, evidence } = JSON.parse(await ada.page.evaluate(() => window.copiedForTest));
      assert.equal(judged[0].kind, "site-here");
      assert.ok(judged.every(({ sentence }) => sentence !== ""));
      assert.equal(evidence.format, "peerline-check");
      assert.ok(evidence.servers.some(({ function: what, protocol, outcome }) => what === "turn" && protocol === "udp" && outcome === "answered"));
      assert.doesNotMatch(JSON.stringify(evidence), /credential|username/);
      ada.hadNoProblems();
    } finally {
      await browser.close();
    }
  });
}

test("the start page leads there, and back; a server that is gone is told", async () => {
  const browser = await chromium();
  try {
    const ada = await CallPage.open(browser, server.url, "Ada");
    const link = await ada.page.waitForSelector('a[href="/check"]');
    await link.evaluate((element) => element.click());
    await ada.says("The server is on this device");
    assert.equal(new URL(ada.page.url()).pathname, "/check");
    await server.kill("SIGKILL");
    await ada.press("Check again");
    await ada.says("The server can't be reached from here");
    assert.deepEqual((await verdicts(ada.page)).Server.slice(1), [`${server.url} didn't answer`, "no channel could be entered"]);
    await ada.page.goBack();
    await ada.see("button", "New call");
  } finally {
    await browser.close();
    await server.start();
  }
});
