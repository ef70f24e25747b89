// How much memory the pages of a Chromium have, and the most that one had.
import { readdir, readFile } from "node:fs/promises";

const MIB = 1 << 20;
const INTERVAL = 250;
/** After so many looks at the pages, others are looked for: to read of every process of the machine takes time that the pages should have. */
const LOOKS = 20;

/** Samples the memory of all pages of a browser until it is asked for the most. */
export class Memory {
  #browser;
  #peak = 0;
  #timer;
  #pages = [];
  #looks = 0;
  /** One look at a time: on a busy machine one takes longer than the interval. */
  #looking;

  constructor(browser) {
    this.#browser = browser.process().pid;
    this.#look();
  }

  #look() {
    this.#looking = this.#largest().then((bytes) => {
      this.#peak = Math.max(this.#peak, bytes);
      this.#timer = setTimeout(() => this.#look(), INTERVAL).unref();
    });
  }

  async #largest() {
    if (this.#looks++ % LOOKS === 0) this.#pages = await pagesOf(this.#browser);
    return await largestOf(this.#pages);
  }

  /** MiB that the largest page had at most. */
  async most() {
    await this.#looking;
    clearTimeout(this.#timer);
    return Math.max(this.#peak, await footprint(this.#browser)) / MIB;
  }
}

/** Bytes that the largest page of a Chromium has for itself: anonymous and swapped memory, which is what its own task manager calls the footprint. */
export async function footprint(browser) {
  return await largestOf(await pagesOf(browser));
}

async function largestOf(pages) {
  const sizes = await Promise.all(
    pages.map(async (pid) => {
      const status = await read(pid, "status");
      return 1024 * (field(status, "RssAnon") + field(status, "VmSwap"));
    }),
  );
  return Math.max(0, ...sizes);
}

/** The processes of a Chromium's pages. */
async function pagesOf(browser) {
  const parents = new Map();
  const renderers = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    parents.set(pid, String(field(await read(pid, "status"), "PPid")));
    if ((await read(pid, "cmdline")).includes("--type=renderer")) renderers.push(pid);
  }
  return renderers.filter((pid) => {
    let ancestor = pid;
    while (ancestor !== undefined && ancestor !== String(browser)) ancestor = parents.get(ancestor);
    return ancestor !== undefined;
  });
}

function read(pid, file) {
  return readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
}

function field(status, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
}
