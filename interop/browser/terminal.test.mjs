// A terminal and a browser chat, whoever is first.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { CallPage } from "./call-page.mjs";
import { Server } from "../peerline.mjs";
import { Terminal } from "../terminal.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Both write directly, and the terminal hears of the browser's leaving. */
async function chat(page, terminal) {
  await terminal.notes.find("Ada is connected directly.");
  await page.openChat();
  terminal.write("Grüße vom Terminal");
  await page.reads("Grüße vom Terminal");
  await page.say("and from the browser");
  assert.equal(await terminal.output.find("and from"), "Ada: and from the browser");
  const paths = await page.paths();
  assert.ok(paths.length > 0 && paths.every(({ local, remote }) => local !== "relay" && remote !== "relay"));
  await page.press("Leave");
  await terminal.notes.find("Ada left.");
  page.hadNoProblems();
  assert.equal(await terminal.end(), 0);
}

for (const [name, start] of Object.entries({ Chromium: chromium, Firefox: firefox })) {
  test(`${name} is first, a terminal comes by its link`, async () => {
    const browser = await start();
    try {
      const page = await CallPage.open(browser, server.url, "Ada");
      const terminal = new Terminal(server, "Grace", ["chat", await page.newCall()]);
      await chat(page, terminal);
    } finally {
      await browser.close();
    }
  });

  test(`a terminal is first, ${name} comes by the link of its code`, async () => {
    const browser = await start();
    try {
      const terminal = new Terminal(server, "Grace", ["chat", "--new"]);
      const link = (await terminal.notes.find("In a browser: ")).split("In a browser: ")[1];
      const page = await CallPage.open(browser, link, "Ada");
      await page.join();
      await chat(page, terminal);
    } finally {
      await browser.close();
    }
  });
}
