// What a person does with files in the call app, by accessible names; and what a test can't see from outside.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CallPage } from "./call-page.mjs";

/** How long a transfer may take on a machine that has other things to do, in milliseconds; one of so many `BYTES` a while more: it goes at 10 MB/s at least. */
export const PATIENCE = 120_000 + Number(process.env.BYTES ?? 0) / 10_000;
/** Bytes that a fixture writes at once: no buffer holds 2 GiB. */
const BLOCK = 1 << 20;

/** Runs before the page's own scripts: keeps what is downloaded, so that no test leaves files behind; and counts what is sent.
 * There is no camera: pictures would take time that is nobody's here. */
function keepFiles() {
  // A blank page has no devices at all.
  if (!navigator.mediaDevices) return;
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("There is none.", "NotFoundError");
  };
  const click = HTMLAnchorElement.prototype.click;
  HTMLAnchorElement.prototype.click = function () {
    if (!this.download || window.downloadsForTest) click.call(this);
  };
  const saved = (window.savedForTest = []);
  const create = URL.createObjectURL;
  URL.createObjectURL = (content) => {
    saved.push(content);
    return create.call(URL, content);
  };
  window.sentForTest = 0;
  const send = RTCDataChannel.prototype.send;
  RTCDataChannel.prototype.send = function (message) {
    if (typeof message !== "string") window.sentForTest += message.byteLength;
    send.call(this, message);
  };
}

/** Files with random bytes in a directory of their own; what is left of it is removed by `remove`. */
export class Fixture {
  constructor(directory, digests) {
    this.directory = directory;
    this.digests = digests;
  }

  /** @param sizes - bytes by path */
  static async create(sizes) {
    const directory = await mkdtemp(join(tmpdir(), "peerline-files-"));
    const digests = {};
    for (const [path, size] of Object.entries(sizes)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      const file = await open(join(directory, path), "w");
      const hash = createHash("sha256");
      for (let written = 0; written < size; written += BLOCK) {
        const content = randomBytes(Math.min(BLOCK, size - written));
        hash.update(content);
        await file.writeFile(content);
      }
      await file.close();
      digests[path] = hash.digest("hex");
    }
    return new Fixture(directory, digests);
  }

  path(name) {
    return join(this.directory, name);
  }

  remove() {
    return rm(this.directory, { recursive: true, force: true });
  }
}

export class FilesPage extends CallPage {
  /** How long anything may take, in milliseconds; whoever sends much sets it. */
  static patience = PATIENCE;

  static async open(browser, url, name, context) {
    const page = await (context ?? (await browser.createBrowserContext())).newPage();
    await page.evaluateOnNewDocument(keepFiles);
    const call = new FilesPage(page, name);
    await page.goto(url);
    return call;
  }

  /** Two in a call: `[ada, grace]`. */
  static async two(one, other, url) {
    const ada = await FilesPage.open(one, url, "Ada");
    const link = await ada.newCall();
    const grace = await FilesPage.open(other, link, "Grace");
    await grace.join();
    await ada.connectedTo("Grace");
    await grace.connectedTo("Ada");
    return [ada, grace];
  }

  async connectedTo(name) {
    await this.#until((wanted) => {
      const tile = document.querySelector(`video[aria-label="${wanted}"]`)?.closest("li");
      return tile && !tile.querySelector(".tile-note");
    }, name);
  }

  /** @param label - of the input: "Choose files" or "Choose a folder" */
  async sendFiles(paths, label = "Choose files") {
    await this.press("Send files");
    // Puppeteer finds no file inputs by their accessible names.
    const named = (wanted) => [...document.querySelectorAll("input[type=file]")].find(({ labels }) => labels[0]?.textContent === wanted);
    const input = await this.page.waitForFunction(named, { timeout: FilesPage.patience }, label);
    await input.uploadFile(...paths);
  }

  /** Resolves when the page shows these words beside the files. */
  async filesSay(words) {
    await this.#until((wanted) => document.querySelector("[aria-label=Files]")?.textContent.includes(wanted), words);
  }

  /** Resolves when the transfer of this name is as far as that. */
  async progressOf(name, percent) {
    await this.#until(
      (wanted, least) => Number(document.querySelector(`[role=progressbar][aria-label="${wanted}"]`)?.getAttribute("aria-valuenow") ?? -1) >= least,
      name,
      percent,
    );
  }

  /** Loads the page again as soon as a transfer is as far as that, and comes back into the call. */
  async reloadAt(name, percent) {
    const loaded = this.page.waitForNavigation({ timeout: FilesPage.patience });
    await this.page.evaluate(
      (wanted, least) => {
        const bar = document.querySelector(`[role=progressbar][aria-label="${wanted}"]`);
        const look = () => Number(bar.getAttribute("aria-valuenow")) >= least && location.reload();
        new MutationObserver(look).observe(bar, { attributes: true });
        look();
      },
      name,
      percent,
    );
    await loaded;
    await this.join();
  }

  /** Lets the page wait before it makes that SHA-256, of all that it will make: nothing that comes after it is sent. */
  async holdAtDigest(number) {
    await this.page.evaluate((wanted) => {
      const digest = SubtleCrypto.prototype.digest;
      let count = 0;
      SubtleCrypto.prototype.digest = async function (...given) {
        if (++count === wanted) await new Promise((resolve) => (window.goOnForTest = resolve));
        return await digest.apply(this, given);
      };
    }, number);
  }

  /** Resolves when it waits, with a function that lets it go on. */
  async held() {
    await this.#until(() => window.goOnForTest);
    return () => this.page.evaluate(() => window.goOnForTest());
  }

  /** Bytes of files that the page has sent since it was loaded. */
  async sent() {
    return await this.page.evaluate(() => window.sentForTest);
  }

  /** The SHA-256 of what was saved last by a download. */
  async savedDigest() {
    await this.#until(() => window.savedForTest.length > 0);
    return await this.page.evaluate(async () => {
      const digest = await crypto.subtle.digest("SHA-256", await window.savedForTest.at(-1).arrayBuffer());
      return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    });
  }

  /** Lets Chromium download into a directory. Returns a function that waits for the next download. */
  async downloadInto(directory) {
    const session = await this.page.createCDPSession();
    await session.send("Browser.setDownloadBehavior", {
      behavior: "allow",
      browserContextId: this.page.browserContext().id,
      downloadPath: directory,
      eventsEnabled: true,
    });
    await this.page.evaluate(() => {
      window.downloadsForTest = true;
    });
    const completed = new Promise((resolve) => session.on("Browser.downloadProgress", ({ state }) => state === "completed" && resolve()));
    return () => completed;
  }

  /** What was saved last by a download. */
  async savedBytes() {
    await this.#until(() => window.savedForTest.length > 0);
    const text = await this.page.evaluate(async () => {
      const bytes = new Uint8Array(await window.savedForTest.at(-1).arrayBuffer());
      let binary = "";
      for (const byte of bytes) binary += String.fromCharCode(byte);
      return btoa(binary);
    });
    return Buffer.from(text, "base64");
  }

  /** Presses "Save", chooses an empty folder, and returns the SHA-256 of all that stands in it afterwards, by path. */
  async saveIntoFolder() {
    await this.page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const folder = await root.getDirectoryHandle("chosen", { create: true });
      // A headless browser has nobody who could choose one.
      window.showDirectoryPicker = async () => folder;
    });
    await this.press("Save");
    await this.filesSay("Saved");
    return await this.page.evaluate(async () => {
      const digests = {};
      const walk = async (directory, path) => {
        for await (const [name, handle] of directory.entries()) {
          if (handle.kind === "directory") await walk(handle, `${path}${name}/`);
          else {
            const digest = await crypto.subtle.digest("SHA-256", await (await handle.getFile()).arrayBuffer());
            digests[path + name] = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
          }
        }
      };
      await walk(await (await navigator.storage.getDirectory()).getDirectoryHandle("chosen"), "");
      return digests;
    });
  }

  #until(condition, ...given) {
    return this.page.waitForFunction(condition, { timeout: FilesPage.patience, polling: 50 }, ...given);
  }
}
