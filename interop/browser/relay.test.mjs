// With "Relay only" the same call goes through our TURN server: over UDP, over TCP, over TLS on the one port.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

const calls = ["udp", "tcp", "tls"].flatMap((protocol) => [
  { protocol, caller: chromium, called: chromium },
  { protocol, caller: chromium, called: firefox },
]);

for (const { protocol, caller, called } of calls) {
  test(`a relayed call over ${protocol.toUpperCase()}, ${caller.name} and ${called.name}`, async () => {
    const browsers = await Promise.all([caller(), called()]);
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
      // Each side's own end is relayed. (A check may come in before the candidate that it comes from: then the other
      // end goes by the name "prflx".)
      for (const page of [ada, grace]) {
        const ends = (await page.paths()).map(({ local, protocol }) => ({ local, protocol }));
        assert.deepEqual(ends, [{ local: "relay", protocol }]);
      }
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  });
}
