// The server dies or restarts during a call: media never stops, chat arrives once, newcomers can join afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace, CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

for (const signal of ["SIGKILL", "SIGTERM"]) {
  test(`a call goes on through ${signal} and a new start of the server`, async () => {
    const server = await Server.start();
    const browsers = await Promise.all([chromium(), chromium()]);
    try {
      const { ada, grace, link } = await adaMeetsGrace(browsers, server.url);
      await Promise.all([ada.openChat(), grace.openChat()]);

      await server.kill(signal);
      await ada.say("while it was down");
      for (let second = 0; second < 4; second += 1) {
        const before = await Promise.all([ada.framesReceived(), grace.framesReceived()]);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        const now = await Promise.all([ada.framesReceived(), grace.framesReceived()]);
        assert.ok(now[0] > before[0] && now[1] > before[1], `media stopped in second ${second}: ${before} ${now}`);
      }
      await server.start();

      const linus = await CallPage.open(browsers[0], link, "Linus");
      await linus.join();
      await everybodyMeets(ada, grace, linus);
      await grace.say("after it came back");
      await ada.reads("after it came back");
      assert.equal(await grace.timesRead("while it was down"), 1);
      assert.deepEqual((await ada.participants()).sort(), ["Grace", "Linus"]);
      assert.equal((await ada.paths()).length, 2, "no connection was made anew");
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
      await server.stop();
    }
  });
}
