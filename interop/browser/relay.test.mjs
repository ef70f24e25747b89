// With "Relay only" the same call goes through our TURN server: over UDP, over TCP, over TLS on the one port.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { meetByRelay } from "./call-page.mjs";
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
      const pages = await meetByRelay(browsers, server.url, protocol);
      // Each side's own end is relayed. (A check may come in before the candidate that it comes from: then the other
      // end goes by the name "prflx".)
      for (const page of pages) {
        const ends = (await page.paths()).map(({ local, protocol }) => ({ local, protocol }));
        assert.deepEqual(ends, [{ local: "relay", protocol }]);
      }
    } finally {
      await Promise.all(browsers.map((browser) => browser.close()));
    }
  });
}
