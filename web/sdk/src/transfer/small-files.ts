import type { Bytes } from "./digest.js";
import { TOGETHER } from "./limits.js";

/** Readings at a time: one is on its way while what another brought is sent. */
const READINGS = 2;

interface Request {
  file: File;
  /** Bytes that it had when it was chosen. To ask the file again makes the page wait for the disk, each time. */
  length: number;
  resolve(bytes: Bytes): void;
  reject(error: unknown): void;
}

/** Reads small files as a whole, several in one go: each reading is a round trip to another process. */
export class SmallFiles {
  readonly #requests: Request[] = [];
  #readings = 0;

  /** What is asked for during a reading waits for it, and is read together. Rejects where this file can't be read. */
  read(file: File, length: number): Promise<Bytes> {
    return new Promise((resolve, reject) => {
      this.#requests.push({ file, length, resolve, reject });
      if (this.#readings < READINGS) void this.#readAll();
    });
  }

  async #readAll(): Promise<void> {
    this.#readings += 1;
    while (this.#requests.length > 0) await readTogether(this.#take());
    this.#readings -= 1;
  }

  #take(): Request[] {
    let bytes = 0;
    const more = this.#requests.findIndex(({ length }) => (bytes += length) > TOGETHER);
    return this.#requests.splice(0, more < 0 ? this.#requests.length : Math.max(more, 1));
  }
}

async function readTogether(requests: Request[]): Promise<void> {
  try {
    const bytes = await new Blob(requests.map(({ file }) => file)).arrayBuffer();
    const expected = requests.reduce((sum, { length }) => sum + length, 0);
    if (bytes.byteLength !== expected) throw new RangeError("A file has another length than it had.");
    let start = 0;
    for (const { length, resolve } of requests) {
      resolve(new Uint8Array(bytes, start, length));
      start += length;
    }
  } catch {
    // One of them can't be read: which one, and what is the matter with it?
    await Promise.all(requests.map(({ file, resolve, reject }) => file.arrayBuffer().then((bytes) => resolve(new Uint8Array(bytes)), reject)));
  }
}
