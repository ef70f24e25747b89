// The app as two people use it: one sends files to the other and writes in the chat meanwhile.
import { FilesPage } from "../../interop/browser/files-page.mjs";

/** One message in so many milliseconds. */
const EACH = 200;

/** Runs in the reader's page: notes when each message stands in the chat, by the machine's clock. */
function listen() {
  const log = document.querySelector("[role=log]");
  window.read = new Map();
  const look = () => {
    for (const line of log.querySelectorAll(".line-text")) {
      if (!window.read.has(line.textContent)) window.read.set(line.textContent, Date.now());
    }
  };
  new MutationObserver(look).observe(log, { childList: true, subtree: true });
}

/** Runs in the writer's page: says one thing after the other until `window.silent` is set. */
function talk(each) {
  window.silent = false;
  window.said = new Map();
  window.saying = (async () => {
    const input = document.querySelector('[aria-label="Message"]');
    for (let count = 0; !window.silent; count += 1) {
      const text = `${performance.now()} ${count}`;
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
      // The button is there for it when the page has drawn it.
      await new Promise((resolve) => setTimeout(resolve));
      window.said.set(text, Date.now());
      input.form.requestSubmit();
      await new Promise((resolve) => setTimeout(resolve, each));
    }
  })();
}

/** Two people in a call, with the chat open. */
export class Two {
  static async meet(browsers, url) {
    const two = new Two();
    // The browser's own profile, which is on the disk: another context keeps files in memory.
    const open = (browser, place, name) => FilesPage.open(browser, place, name, browser.defaultBrowserContext());
    two.ada = await open(browsers[0], url, "Ada");
    two.grace = await open(browsers[1], await two.ada.newCall(), "Grace");
    await two.grace.join();
    await Promise.all([two.ada.connectedTo("Grace"), two.grace.connectedTo("Ada")]);
    await Promise.all([two.ada.openChat(), two.grace.openChat()]);
    await two.grace.page.evaluate(listen);
    return two;
  }

  /** Sends a file or a folder; returns MB a second from the receiver's "Accept" to "has it". */
  async send(path, bytes, label) {
    await this.ada.sendFiles([path], label);
    await this.grace.filesSay("wants to send");
    const began = performance.now();
    await this.grace.press("Accept");
    await this.ada.filesSay("Grace has it.");
    return bytes / 1e6 / ((performance.now() - began) / 1000);
  }

  /**
   * Sends a file or a folder of this name while the receiver's page is loaded again, then the sender's, where the same has to be chosen again.
   * Returns the bytes that were left for that second page to send.
   *
   * @param afterwards - done when no page is loaded any more
   */
  async sendBrokenOff(path, name, label, afterwards = async () => undefined) {
    await this.ada.sendFiles([path], label);
    await this.grace.filesSay("wants to send");
    await this.grace.press("Accept");
    await this.grace.progressOf(name, 0);
    await this.grace.reloadAt(name, 30);
    // It is accepted already, and goes on by itself.
    await this.ada.progressOf(name, 50);
    await this.ada.reloadAt(name, 60);
    await this.grace.connectedTo("Ada");
    await this.grace.filesSay("broke");
    await afterwards();
    await this.ada.sendFiles([path], label);
    await this.grace.press("Accept");
    await this.ada.filesSay("Grace has it.");
    return await this.ada.sent();
  }

  /** Lets Ada write while `work` is done; returns its result, and how many milliseconds each message took from key to screen. */
  async chatting(work) {
    await this.ada.page.evaluate(talk, EACH);
    const result = await work();
    const said = await this.ada.page.evaluate(async () => {
      window.silent = true;
      await window.saying;
      return [...window.said];
    });
    await this.grace.reads(said.at(-1)[0]);
    const read = new Map(await this.grace.page.evaluate(() => [...window.read]));
    return { result, waits: said.map(([text, time]) => read.get(text) - time) };
  }

  async leave() {
    for (const { page, problems } of [this.ada, this.grace]) {
      if (problems.length > 0) throw new Error(problems.join("\n"));
      await page.close();
    }
  }
}
