// What a person does and sees in the call app, by accessible names only.
import assert from "node:assert/strict";

/** How long a person waits at most for something that should be there soon, in milliseconds. */
const PATIENCE = 60_000;

/** What the driver says of an element that has gone since it was found. */
const REPLACED = /does not belong to the document|is detached/;

/** Runs before the page's own scripts: keeps its peer connections, so that a test can read their statistics. */
function keepConnections() {
  const connections = [];
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Native {
    constructor(...args) {
      super(...args);
      connections.push(this);
    }
  };
  window.peerConnectionsForTest = () => connections.filter((c) => c.connectionState !== "closed");
}

export class CallPage {
  constructor(page, name) {
    this.page = page;
    this.name = name;
    this.problems = [];
    page.on("pageerror", (error) => this.problems.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error") this.problems.push(message.text());
    });
  }

  /** Opens `url` in a new context of `browser`; `storage` is what the app finds remembered on the device, `before` runs in the page before its scripts. */
  static async open(browser, url, name, storage = {}, before = () => undefined) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await page.evaluateOnNewDocument(keepConnections);
    await page.evaluateOnNewDocument(before);
    await page.evaluateOnNewDocument((entries) => {
      for (const [key, value] of Object.entries(entries)) localStorage.setItem(key, value);
    }, storage);
    const call = new CallPage(page, name);
    await page.goto(url);
    return call;
  }

  #element(role, name) {
    return `::-p-aria([role="${role}"][name="${name}"])`;
  }

  async press(name) {
    await this.#on(this.#element("button", name), (button) =>
      button.evaluate((element) => element.isConnected && (element.click(), true)),
    );
  }

  async write(label, text) {
    await this.#on(this.#element("textbox", label), async (box) => {
      await box.evaluate((element) => {
        element.focus();
        element.select();
      });
      await box.type(text);
      return true;
    });
  }

  /** Does something to an element that can be seen; again when the page has put another one in its place meanwhile. */
  async #on(selector, act) {
    for (const deadline = Date.now() + PATIENCE; ; ) {
      try {
        const element = await this.page.waitForSelector(selector, { visible: true, timeout: PATIENCE });
        if (await act(element)) return;
      } catch (error) {
        if (!REPLACED.test(error.message) || Date.now() > deadline) throw error;
      }
    }
  }

  /** Sets a checkbox. */
  async check(label, checked) {
    const box = await this.page.waitForSelector(`::-p-aria([name="${label}"])`, { timeout: PATIENCE });
    const differs = await box.evaluate((element, wanted) => element.checked !== wanted, checked);
    if (differs) await box.evaluate((element) => element.click());
  }

  /** Chooses an option of a list, by its value. */
  async choose(label, value) {
    const list = await this.page.waitForSelector(this.#element("combobox", label), { timeout: PATIENCE });
    await list.select(value);
  }

  /** Resolves when the tile of `participant` says `words`. */
  async tileSays(participant, words) {
    await this.page.waitForFunction(
      (name, wanted) => {
        const video = document.querySelector(`video[aria-label="${name}"]`);
        return video?.closest("li")?.textContent.includes(wanted);
      },
      { timeout: PATIENCE, polling: 50 },
      participant,
      words,
    );
  }

  /** Resolves when the page says `words` in a place that is read out. */
  async says(words) {
    await this.page.waitForFunction(
      (wanted) => [...document.querySelectorAll("[role=status]")].some((place) => place.textContent.includes(wanted)),
      { timeout: PATIENCE, polling: 50 },
      words,
    );
  }

  /** Resolves with the text of the panel that is open once it matches every one of `patterns`. */
  async panelSays(...patterns) {
    const handle = await this.page.waitForFunction(
      (sources) => {
        const text = document.querySelector("dialog")?.innerText.replace(/\s+/g, " ") ?? "";
        return sources.every((source) => new RegExp(source, "i").test(text)) && text;
      },
      { timeout: PATIENCE * 2, polling: 100 },
      patterns.map(({ source }) => source),
    );
    return handle.jsonValue();
  }

  /** What "Copy report" in the panel puts into the clipboard. */
  copyReport() {
    return this.#copy("Copy report", "Report copied");
  }

  /** What "Copy event log" does. */
  copyEventLog() {
    return this.#copy("Copy event log", "Event log copied");
  }

  async #copy(button, done) {
    await this.page.evaluate(() => {
      navigator.clipboard.writeText = (text) => {
        window.reportForTest = text;
        return Promise.resolve();
      };
    });
    // Firefox's remote control finds nothing by role while a modal dialog is open.
    await this.page.evaluate((wanted) => [...document.querySelectorAll("dialog button")].find(({ textContent }) => textContent === wanted).click(), button);
    await this.says(done);
    return this.page.evaluate(() => window.reportForTest);
  }

  async see(role, name) {
    await this.page.waitForSelector(this.#element(role, name), { visible: true, timeout: PATIENCE });
  }

  async join() {
    await this.write("Your name", this.name);
    await this.press("Join");
    await this.see("button", "Leave");
    this.joinedAt = Date.now();
  }

  /** Makes a new call from the start page, joins it, and returns its link. */
  async newCall() {
    await this.write("Your name", this.name);
    await this.press("New call");
    await this.page.waitForFunction(() => location.hash.startsWith("#v1."), { timeout: PATIENCE });
    await this.join();
    return this.page.url();
  }

  /** Resolves when `participant`'s picture moves; returns the time it was first seen moving. */
  async seesMovingVideoOf(participant) {
    await this.page.waitForFunction(
      (name) => {
        const video = [...document.querySelectorAll("video")].find((v) => v.getAttribute("aria-label") === name);
        if (!video || video.videoWidth === 0) return false;
        const canvas = (window.canvasForTest ??= document.createElement("canvas"));
        [canvas.width, canvas.height] = [64, 48];
        const context = canvas.getContext("2d", { willReadFrequently: true });
        context.drawImage(video, 0, 0, 64, 48);
        const picture = context.getImageData(0, 0, 64, 48).data.join();
        const seen = ((window.picturesForTest ??= {})[name] ??= new Set());
        seen.add(picture);
        return seen.size >= 3;
      },
      { timeout: PATIENCE, polling: 100 },
      participant,
    );
    return Date.now();
  }

  /** Forgets the pictures seen so far, so that `seesMovingVideoOf` asks about now. */
  async lookAfresh() {
    await this.page.evaluate(() => {
      window.picturesForTest = {};
    });
  }

  /** Resolves when sound with energy in it has been received over `count` connections. */
  async hears(count) {
    await this.page.waitForFunction(
      async (wanted) => {
        let heard = 0;
        for (const connection of window.peerConnectionsForTest()) {
          for (const report of (await connection.getStats()).values()) {
            if (report.type === "inbound-rtp" && report.kind === "audio" && report.totalAudioEnergy > 0) heard += 1;
          }
        }
        return heard >= wanted;
      },
      { timeout: PATIENCE, polling: 100 },
      count,
    );
    return Date.now();
  }

  /** The paths that carry the call: `{ local, remote, protocol }` for each connection. */
  async paths() {
    return await this.page.evaluate(async () => {
      const paths = [];
      for (const connection of window.peerConnectionsForTest()) {
        const stats = await connection.getStats();
        const reports = [...stats.values()];
        const transport = reports.find((report) => report.type === "transport");
        const pair =
          stats.get(transport?.selectedCandidatePairId) ??
          reports.find((report) => report.type === "candidate-pair" && report.selected);
        if (!pair) continue;
        const [local, remote] = [stats.get(pair.localCandidateId), stats.get(pair.remoteCandidateId)];
        paths.push({ local: local.candidateType, remote: remote.candidateType, protocol: local.relayProtocol ?? local.protocol });
      }
      return paths;
    });
  }

  async framesReceived() {
    return await this.page.evaluate(async () => {
      let frames = 0;
      for (const connection of window.peerConnectionsForTest()) {
        for (const report of (await connection.getStats()).values()) {
          if (report.type === "inbound-rtp" && report.kind === "video") frames += report.framesDecoded ?? 0;
        }
      }
      return frames;
    });
  }

  async openChat() {
    await this.press("Chat");
    await this.page.waitForSelector(this.#element("textbox", "Message"), { visible: true, timeout: PATIENCE });
  }

  async say(text) {
    await this.write("Message", text);
    await this.page.keyboard.press("Enter");
  }

  async reads(text) {
    await this.page.waitForFunction(
      (wanted) => document.querySelector("[role=log]")?.textContent.includes(wanted),
      { timeout: PATIENCE * 2, polling: 50 },
      text,
    );
  }

  /** How often `text` stands in the chat. */
  async timesRead(text) {
    const log = await this.page.$eval("[role=log]", (element) => element.textContent);
    return log.split(text).length - 1;
  }

  async participants() {
    return await this.page.$$eval("video[aria-label]", (videos) =>
      videos.map((video) => video.getAttribute("aria-label")).filter((name) => name !== "You"),
    );
  }

  hadNoProblems() {
    assert.deepEqual(this.problems, [], `${this.name}'s console has errors`);
  }
}

/** Everybody sees everybody's moving picture and hears sound; returns the moment when the last one did. */
export async function everybodyMeets(...pages) {
  const moment = (promise, what) =>
    promise.catch((error) => {
      throw new Error(`not seen in time: ${what}`, { cause: error });
    });
  const moments = pages.flatMap((page) => [
    ...pages
      .filter((other) => other !== page)
      .map((other) => moment(page.seesMovingVideoOf(other.name), `${page.name} sees ${other.name}`)),
    moment(page.hears(pages.length - 1), `${page.name} hears everybody`),
  ]);
  return Math.max(...(await Promise.all(moments)));
}

/** Ada in one browser, Grace in the other, in a new call at `url`; both have met. Returns `{ ada, grace, link }`. */
export async function adaMeetsGrace([one, other], url) {
  const ada = await CallPage.open(one, url, "Ada");
  const link = await ada.newCall();
  const grace = await CallPage.open(other, link, "Grace");
  await grace.join();
  await everybodyMeets(ada, grace);
  return { ada, grace, link };
}

/** The same, by the relay only, which both reach over `protocol`; `before` runs in their pages before the scripts. Returns `[ada, grace]`. */
export async function meetByRelay([one, other], url, protocol, before = undefined) {
  const ada = await CallPage.open(one, `${url}/`, "Ada", {}, before);
  await ada.write("Your name", "Ada");
  await ada.press("New call");
  await ada.page.waitForFunction(() => location.hash.startsWith("#v1."));
  const grace = await CallPage.open(other, ada.page.url(), "Grace", {}, before);
  for (const page of [ada, grace]) {
    await page.check("Relay only", true);
    await page.choose("Relay protocol", protocol);
    await page.join();
  }
  await everybodyMeets(ada, grace);
  return [ada, grace];
}
