// What the app's page `/check` says of networks whose nature is known.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium } from "../browser/browsers.mjs";
import { CallPage } from "../browser/call-page.mjs";
import { Laboratory } from "./laboratory.mjs";
import { DELAY } from "./matrix.mjs";
import { serverFor } from "./programs.mjs";

const PATIENCE = { timeout: 90_000, polling: 100 };

/** What is said of a site of each type: of the whole, of the NAT, and of the relay. */
const VERDICTS = {
  none: [/^Calls from here can be direct/, /^Whoever is sent to sees the same address|^There is no NAT/, /^The relay is reached over UDP, TCP, and TLS/],
  "port-restricted": [/^Calls from here can be direct/, /^Whoever is sent to sees the same address/, /^The relay is reached over UDP, TCP, and TLS/],
  symmetric: [/direct with some people and relayed with others/, /^Each destination sees another address/, /^The relay is reached over UDP, TCP, and TLS/],
  "udp-blocked": [/^UDP doesn't get through here/, /not known/, /^The relay is reached over TCP and TLS only/],
  tls443: [/^UDP doesn't get through here/, /not known/, /^The relay is reached over TLS only/],
};

let laboratory;
before(async () => {
  laboratory = await Laboratory.create();
  await laboratory.serve();
});
after(() => laboratory?.end());

for (const [type, wanted] of Object.entries(VERDICTS)) {
  test(`a site of type ${type} is told what it is`, async () => {
    const site = await laboratory.site(type, type, { delay: DELAY });
    const browser = await chromium([], undefined, site.namespace.enter());
    try {
      const { page } = await CallPage.open(browser, `${serverFor(site)}/check`, "Ada");
      await page.waitForSelector(".check-verdicts", PATIENCE);
      const said = await page.evaluate(() => {
        const of = (title) => [...document.querySelectorAll(".check-verdicts > li")].find((row) => row.querySelector("h3").textContent === title);
        const texts = [document.querySelector(".check-whole [role=status]"), of("NAT").querySelector("p"), of("Relay").querySelector("p")];
        return { texts: texts.map(({ textContent }) => textContent), page: document.querySelector("main").innerText };
      });
      for (const [index, sentence] of wanted.entries()) assert.match(said.texts[index], sentence, said.page);
    } finally {
      await browser.close();
    }
  });
}
