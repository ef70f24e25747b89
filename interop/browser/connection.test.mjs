// The app explains its connections: the way they take, how they do, and what is wrong with them.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { Server } from "../peerline.mjs";

const PATIENCE = { timeout: 90_000, polling: 100 };

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

/** Resolves with the panel's text once it matches every one of `patterns`. */
async function panelSays(call, ...patterns) {
  const handle = await call.page.waitForFunction(
    (sources) => {
      const text = document.querySelector("dialog")?.innerText.replace(/\s+/g, " ") ?? "";
      return sources.every((source) => new RegExp(source, "i").test(text)) && text;
    },
    PATIENCE,
    patterns.map(({ source }) => source),
  );
  return handle.jsonValue();
}

/** What "Copy report" puts into the clipboard. */
async function report(call) {
  await call.page.evaluate(() => {
    navigator.clipboard.writeText = (text) => {
      window.reportForTest = text;
      return Promise.resolve();
    };
  });
  // Firefox's remote control finds nothing by role while a modal dialog is open.
  await call.page.evaluate(() => [...document.querySelectorAll("dialog button")].find((button) => button.textContent === "Copy report").click());
  await call.says("Report copied");
  return call.page.evaluate(() => window.reportForTest);
}

/** Two browsers in a call, each set up by `prepare` in its lobby. */
async function meet(browsers, prepare = async () => undefined) {
  const ada = await CallPage.open(browsers[0], server.url, "Ada");
  await ada.write("Your name", "Ada");
  await ada.press("New call");
  await ada.page.waitForFunction(() => location.hash.startsWith("#v1."));
  const grace = await CallPage.open(browsers[1], ada.page.url(), "Grace");
  for (const page of [ada, grace]) {
    await prepare(page);
    await page.join();
  }
  await everybodyMeets(ada, grace);
  return [ada, grace];
}

test("a direct connection, from Chromium and from Firefox: the way, the figures, the report", async () => {
  const browsers = await Promise.all([chromium(), firefox()]);
  try {
    const pages = await meet(browsers);
    for (const page of pages) {
      await page.press("Connection");
      await page.says("Direct, UDP, same network");
      await panelSays(page, /Round trip [\d.]+ ms/, /Receiving \d[\d.]* [km]b\/s/, /Loss, receiving \d/, /Their camera VP8 · \d+ × \d+, \d+ per second/, /\d+ pairs? of addresses tried/, /\d+ events/);
      const text = await report(page);
      const { format, version, route, samples, events, snapshot } = JSON.parse(text);
      assert.deepEqual([format, version], ["peerline-connection-report", 1]);
      assert.deepEqual(route, { kind: "direct", protocol: "udp", network: "same" });
      assert.ok(samples.length >= 2 && snapshot.pairs.some(({ selected }) => selected));
      const kinds = new Set(events.map(({ kind }) => kind));
      for (const kind of ["signaling", "ice", "connection", "local-candidate", "remote-candidate"]) assert.ok(kinds.has(kind), kind);
      // Neither the link's secret, nor names, nor credentials.
      const link = new URL(page.page.url());
      for (const secret of [link.hash.slice(4), "Ada", "Grace", "ice-pwd", "credential", "username"]) assert.ok(!text.includes(secret), secret);

      await page.page.evaluate(() => document.querySelector("dialog input[type=checkbox]").click());
      const without = await report(page);
      assert.ok(snapshot.pairs.every(({ local, remote }) => [local, remote].every(({ address }) => !address || !without.includes(address))));
      await page.page.keyboard.press("Escape");
      await page.page.waitForFunction(() => !document.querySelector("dialog"), PATIENCE);
      page.hadNoProblems();
    }
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("a relayed connection says why, and by which port", async () => {
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const [ada] = await meet(browsers, async (page) => {
      await page.check("Relay only", true);
      await page.choose("Relay protocol", "tls");
    });
    await ada.press("Connection");
    await ada.says(`Relayed over TLS ${server.port}, because “Relay only” is on in your settings`);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("who lets nothing but the relay come in is named as the reason", async () => {
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const [ada, grace] = await meet(browsers, async (page) => {
      if (page.name === "Grace") await page.check("Relay only", true);
    });
    await ada.press("Connection");
    await ada.says("because Grace offered relayed addresses only");
    await grace.press("Connection");
    await grace.says("because “Relay only” is on in your settings");
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

/** Runs in the page before it joins: its connections get other servers than it was given. */
function spoilServers(how) {
  const Kept = window.RTCPeerConnection;
  const spoil = (configuration) => ({
    ...configuration,
    iceServers: configuration.iceServers.map((server) =>
      how === "wrong credential" ? { ...server, credential: "wrong" } : { ...server, urls: [server.urls].flat().map((url) => url.replace(/:\d+(?=\?|$)/, ":9")) },
    ),
  });
  window.RTCPeerConnection = class extends Kept {
    constructor(configuration) {
      super(spoil(configuration));
    }
    setConfiguration(configuration) {
      super.setConfiguration(spoil(configuration));
    }
  };
}

for (const { trouble, how, protocol, sentence } of [
  { trouble: "a relay that doesn't answer", how: "wrong port", protocol: "auto", sentence: "The relay didn't answer over UDP, TCP, and TLS." },
  { trouble: "a network without UDP", how: "wrong port", protocol: "udp", sentence: "This network lets no UDP through" },
  { trouble: "a credential that the relay refuses", how: "wrong credential", protocol: "auto", sentence: "The relay refused your pass (401)" },
]) {
  test(`${trouble} is told at the tile and in the panel`, async () => {
    const browser = await chromium();
    try {
      const grace = await CallPage.open(browser, server.url, "Grace");
      const link = await grace.newCall();
      const storage = { "peerline.relayOnly": "true", "peerline.relayProtocol": JSON.stringify(protocol) };
      const ada = await CallPage.open(browser, link, "Ada", storage);
      await ada.page.evaluate(spoilServers, how);
      await ada.join();
      await ada.tileSays("Grace", sentence);
      await ada.press("Connection");
      await panelSays(ada, /Not connected at the moment/, new RegExp(sentence.slice(0, 25)));
      assert.ok(JSON.parse(await report(ada)).diagnosis.kind);
    } finally {
      await browser.close();
    }
  });
}

/** Runs in the page before it joins: a server without a relay, and a NAT that lets nothing in. */
function closeNetwork() {
  const Socket = window.WebSocket;
  const onlyStun = (servers) => servers.map((server) => ({ ...server, urls: [server.urls].flat().filter((url) => url.startsWith("stun:")) })).filter(({ urls }) => urls.length > 0);
  window.WebSocket = class extends Socket {
    set onmessage(take) {
      super.onmessage = take && (({ data }) => take({ data: JSON.stringify(JSON.parse(data, (key, value) => (key === "servers" && Array.isArray(value) ? onlyStun(value) : value))) }));
    }
  };
  const Kept = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Kept {
    // Here STUN sees the address that is there already, which browsers then don't tell twice.
    set onicecandidate(take) {
      super.onicecandidate =
        take &&
        (({ candidate }) => {
          const seen = candidate?.candidate.replace("typ host", "typ srflx raddr 0.0.0.0 rport 0");
          take({ candidate: candidate?.candidate ? new RTCIceCandidate({ ...candidate.toJSON(), candidate: seen }) : candidate });
        });
    }
    setRemoteDescription({ type, sdp }) {
      return super.setRemoteDescription({ type, sdp: sdp.replace(/^a=candidate:.*\r\n/gm, "") });
    }
    addIceCandidate() {
      return Promise.resolve();
    }
  };
}

test("two networks that let nothing in, and no relay, are told at the tile", async () => {
  const browser = await chromium();
  try {
    const grace = await CallPage.open(browser, server.url, "Grace");
    await grace.page.evaluateOnNewDocument(closeNetwork);
    await grace.page.reload();
    const link = await grace.newCall();
    const ada = await CallPage.open(browser, link, "Ada");
    await ada.page.evaluateOnNewDocument(closeNetwork);
    await ada.page.reload();
    await ada.join();
    const sentence = "Both networks keep calls from outside out, and this server has no relay.";
    await Promise.all([ada.tileSays("Grace", sentence), grace.tileSays("Ada", sentence)]);
  } finally {
    await browser.close();
  }
});

test("loss is told at the tile while it lasts", async () => {
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const [ada] = await meet(browsers);
    await ada.page.evaluate(() => {
      const Native = Object.getPrototypeOf(window.RTCPeerConnection);
      const { getStats } = Native.prototype;
      Native.prototype.getStats = async function () {
        const lossy = (entry) => (entry.type === "remote-inbound-rtp" ? { ...entry, fractionLost: window.lossForTest } : entry);
        return new Map([...(await getStats.call(this)).values()].map((entry) => [entry.id, lossy(entry)]));
      };
      window.lossForTest = 0.2;
    });
    await ada.tileSays("Grace", "20% of what you send to Grace gets lost on the way.");
    await ada.page.evaluate(() => (window.lossForTest = 0));
    await ada.page.waitForFunction(() => !document.body.textContent.includes("gets lost on the way"), PATIENCE);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("somebody whose browser is gone is told of at the tile", async () => {
  const browsers = await Promise.all([chromium(), chromium()]);
  try {
    const [ada] = await meet(browsers);
    browsers[1].process().kill("SIGKILL");
    await ada.tileSays("Grace", "Grace has no connection to the server any more.");
  } finally {
    await browsers[0].close();
  }
});
