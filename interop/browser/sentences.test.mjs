// Whatever can go wrong has its sentence, in every language: what happened, and what to do.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { chromium } from "./browsers.mjs";
import { adaMeetsGrace, CallPage } from "./call-page.mjs";
import { closeNetwork, fill, spoilServers, takeDevices } from "./troubles.mjs";
import { Server } from "../peerline.mjs";

const LANGUAGES = ["en", "zh", "vi"];
const catalogues = Object.fromEntries(
  await Promise.all(LANGUAGES.map(async (language) => [language, JSON.parse(await readFile(new URL(`../../web/app/src/text/${language}.json`, import.meta.url), "utf8"))])),
);
/** Members that a channel holds (docs/signaling.md §11). */
const MEMBERS = 8;
/** A link that was not copied to its end. */
const TORN_LINK = "/c/#v1.7m9XkQ2p";

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

function sentence(language, key, values) {
  return catalogues[language][key].replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name];
    return Array.isArray(value) ? new Intl.ListFormat(language === "zh" ? "zh-Hans" : language).format(value) : value;
  });
}

/** `call` shows the sentence `key` in each language, chosen on the page, and prints it. */
async function tells(call, key, values = {}) {
  // In a call the languages stand in the settings.
  if ((await call.page.$(".language-choice")) === null) await call.press("Settings");
  for (const language of LANGUAGES) {
    await call.page.select(".language-choice select", language);
    const wanted = sentence(language, key, values);
    await call.page.waitForFunction((text) => document.body.innerText.includes(text), { timeout: 90_000, polling: 100 }, wanted);
    assert.doesNotMatch(wanted, /[{}]/);
    console.log(`${language}  ${wanted}`);
  }
}

/** A test of one failure: `provoke` brings a page to it, in a browser with `flags`, and returns what `tells` takes. */
function failure(trouble, provoke, flags = []) {
  test(`told in each language: ${trouble}`, async () => {
    const browser = await chromium(flags);
    try {
      await tells(...(await provoke(browser)));
    } finally {
      await browser.close();
    }
  });
}

/** In the lobby of a new call; `prepare` has the page before its scripts run. */
async function lobby(browser, prepare = async () => undefined) {
  const ada = await CallPage.open(browser, "about:blank", "Ada");
  await prepare(ada.page);
  await ada.page.goto(server.url);
  await ada.press("New call");
  await ada.see("button", "Join");
  return ada;
}

failure("a server that can't be reached", async (browser) => {
  const gone = await Server.start();
  const ada = await CallPage.open(browser, gone.url, "Ada");
  // The other languages are the server's to send, before it goes.
  for (const language of LANGUAGES) await ada.page.select(".language-choice select", language);
  await ada.page.waitForNetworkIdle();
  await gone.stop();
  return [ada, "error.unreachable"];
});

failure("a link that leads nowhere", async (browser) => {
  return [await CallPage.open(browser, server.url + TORN_LINK, "Ada"), "error.invalid-link"];
});

failure("a call that is full", async (browser) => {
  const ada = await lobby(browser);
  const letGo = await fill(server, ada.page.url(), MEMBERS);
  try {
    await ada.write("Your name", "Ada");
    await ada.press("Join");
    await ada.page.waitForSelector("[role=alert]", { timeout: 60_000 });
  } finally {
    letGo();
  }
  return [ada, "error.channel-full"];
});

failure("a camera and a microphone that aren't allowed", async (browser) => [await lobby(browser), "media.both-denied"], ["--use-fake-ui-for-media-stream=deny"]);

failure("a machine without a camera", async (browser) => [await lobby(browser), "media.camera-missing"], ["--use-fake-device-for-media-stream=device-count=0"]);

failure("a camera and a microphone that another program has", async (browser) => {
  return [await lobby(browser, (page) => page.evaluateOnNewDocument(takeDevices)), "media.both-busy"];
});

for (const { trouble, how, protocol, key, values } of [
  { trouble: "a relay that doesn't answer", how: "wrong port", protocol: "auto", key: "diagnosis.relay-unreachable", values: { protocols: ["UDP", "TCP", "TLS"] } },
  { trouble: "a network without UDP", how: "wrong port", protocol: "udp", key: "diagnosis.udp-blocked" },
  { trouble: "a credential that has run out", how: "wrong credential", protocol: "auto", key: "diagnosis.credential-expired", values: { code: "401" } },
]) {
  failure(trouble, async (browser) => {
    const grace = await CallPage.open(browser, server.url, "Grace");
    const link = await grace.newCall();
    const storage = { "peerline.relayOnly": "true", "peerline.relayProtocol": JSON.stringify(protocol) };
    const ada = await CallPage.open(browser, link, "Ada", storage);
    await ada.page.evaluate(spoilServers, how);
    await ada.join();
    const english = sentence("en", key, values);
    await ada.tileSays("Grace", english);
    await ada.press("Connection");
    await ada.panelSays(/Not connected at the moment/, new RegExp(english.slice(0, 25)));
    assert.ok(JSON.parse(await ada.copyReport()).diagnosis.kind);
    await ada.page.keyboard.press("Escape");
    return [ada, key, values];
  });
}

failure("two networks that let nothing in, without a relay", async (browser) => {
  const grace = await lobby(browser, (page) => page.evaluateOnNewDocument(closeNetwork));
  grace.name = "Grace";
  await grace.join();
  const ada = await CallPage.open(browser, "about:blank", "Ada");
  await ada.page.evaluateOnNewDocument(closeNetwork);
  await ada.page.goto(grace.page.url());
  await ada.join();
  const english = sentence("en", "diagnosis.symmetric-nats", {});
  await Promise.all([ada.tileSays("Grace", english), grace.tileSays("Ada", english)]);
  return [ada, "diagnosis.symmetric-nats"];
});

failure("somebody whose browser is gone", async (browser) => {
  const lost = await chromium();
  const { ada } = await adaMeetsGrace([browser, lost], server.url);
  lost.process().kill("SIGKILL");
  return [ada, "diagnosis.peer-gone", { name: "Grace" }];
});
