// The app explains its connections: the way they take, how they do, and what is wrong with them.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium, firefox } from "./browsers.mjs";
import { CallPage, everybodyMeets } from "./call-page.mjs";
import { BINARY, Server } from "../peerline.mjs";

const PATIENCE = { timeout: 90_000, polling: 100 };

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

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
      await page.panelSays(/Round trip [\d.]+ ms/, /Receiving \d[\d.]* [km]b\/s/, /Loss, receiving \d/, /Their camera VP8 · \d+ × \d+, \d+ per second/, /\d+ pairs? of addresses tried/, /\d+ events/);
      const text = await page.copyReport();
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
      const without = await page.copyReport();
      assert.ok(snapshot.pairs.every(({ local, remote }) => [local, remote].every(({ address }) => !address || !without.includes(address))));
      await page.page.keyboard.press("Escape");
      await page.page.waitForFunction(() => !document.querySelector("dialog"), PATIENCE);
      page.hadNoProblems();
    }
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
  }
});

test("both sides' event logs are one story to `peerline explain`", async () => {
  const browsers = await Promise.all([chromium(), firefox()]);
  const directory = await mkdtemp(join(tmpdir(), "peerline-logs-"));
  try {
    const pages = await meet(browsers);
    const files = [];
    for (const page of pages) {
      await page.press("Connection");
      await page.panelSays(/\d+ pairs? of addresses tried/);
      files.push(join(directory, `${page.name}.log`));
      const log = await page.copyEventLog();
      for (const secret of [new URL(page.page.url()).hash.slice(4), "Ada", "Grace", "ice-pwd", "credential", "username"]) assert.ok(!log.includes(secret), secret);
      await writeFile(files.at(-1), log);
    }
    const { calls, remarks } = JSON.parse(execFileSync(BINARY, ["explain", "--json", ...files], { encoding: "utf8" }));
    assert.deepEqual([remarks, calls.length], [[], 1]);
    const [{ call, sides, verdict, timeline }] = calls;
    assert.match(call, /^[0-9a-f]{32}$/);
    assert.deepEqual(sides.map(({ log }) => log), files);
    // One machine has one clock.
    assert.ok(Math.abs(sides[1].clock_offset) <= sides[1].clock_offset_within + 1, JSON.stringify(sides[1]));
    assert.match(verdict[0].sentence, /^It connected after .* directly over UDP/);
    assert.ok(timeline.length > 10);
  } finally {
    await Promise.all(browsers.map((browser) => browser.close()));
    await rm(directory, { recursive: true });
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
