// With "Relay only" the same call goes through our TURN server: over UDP, over TCP, over TLS on the one port.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

for (const protocol of ["udp", "tcp", "tls"]) {
  test(`a relayed call over ${protocol.toUpperCase()}`, async () => {
    const browsers = await Promise.all([chromium(), chromium()]);
    try {
      const ada = await CallPage.open(browsers[0], `${server.url}/`, "Ada");
      await ada.write("Your name", "Ada");
      await ada.press("New call");
      await ada.page.waitForFunction(() => location.hash.startsWith("#v1."));
      const grace = await CallPage.open(browsers[1], ada.page.url(), "Grace");
      for (const page of [ada, grace]) {
        await page.check("Relay only", true);
        await page.choose("Relay protocol", protocol);
        await page.join();
      }
      await everybodyMeets(ada, grace);
      for (const page of [ada, grace]) {
        assert.deepEqual(await page.paths(), [{ local: "relay", remote: "relay", protocol }]);
      }
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  });
}
