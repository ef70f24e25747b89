// How much memory the pages of a Chromium have, and the most that one had.
import { readdir, readFile } from "node:fs/promises";

const MIB = 1 << 20;
const INTERVAL = 250;

/** Samples the memory of all pages of a browser until it is asked for the most. */
export class Memory {
  #browser;
  #peak = 0;
  #timer;
  /** One look at a time: on a busy machine one takes longer than the interval. */
  #looking;

  constructor(browser) {
    this.#browser = browser.process().pid;
    this.#look();
  }

  #look() {
    this.#looking = footprint(this.#browser).then((bytes) => {
      this.#peak = Math.max(this.#peak, bytes);
      this.#timer = setTimeout(() => this.#look(), INTERVAL).unref();
    });
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
  let largest = 0;
  const parents = new Map();
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const read = (file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "");
    const status = await read("status");
    const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
    parents.set(pid, String(field("PPid")));
    if (!(await read("cmdline")).includes("--type=renderer")) continue;
    let ancestor = pid;
    while (ancestor !== undefined && ancestor !== String(browser)) ancestor = parents.get(ancestor);
    if (ancestor !== undefined) largest = Math.max(largest, 1024 * (field("RssAnon") + field("VmSwap")));
  }
  return largest;
}
