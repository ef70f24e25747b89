// Somebody who is findable is called by name; the call is accepted, and they meet.
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

test("a person who is findable is rung, accepts, and both meet", async () => {
  const browser = await chromium();
  try {
    const ada = await CallPage.open(browser, server.url, "Ada");
    await ada.write("Your name", "Ada");
    await ada.check("Let others find me", true);
    const grace = await CallPage.open(browser, server.url, "Grace");
    await grace.write("Your name", "Grace");
    await grace.press("Call Ada");
    await ada.press("Accept");
    // Both go through the lobby, where they see themselves first.
    await Promise.all([ada.press("Join"), grace.press("Join")]);
    await everybodyMeets(ada, grace);
  } finally {
    await browser.close();
  }
});
