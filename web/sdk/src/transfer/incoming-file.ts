import type { Known } from "./claim.js";
import { type Bytes, Chain, equal } from "./digest.js";
import { badMessage, TransferError } from "./outcome.js";

/** One file on its way in: which chunks may come, and what they make together. */
export class IncomingFile {
  readonly file: number;
  readonly size: number;
  readonly chunk: number;
  /** Chunks that are out to be written. */
  writing = 0;
  /** Whether it has been asked for, and whether all of it has come. */
  stage: "opening" | "asked" | "come" = "opening";
  #known: Known = new Map();
  #next = 0;
  readonly #chain = new Chain();
  #hash: Bytes | undefined;

  constructor(file: number, size: number, chunk: number) {
    this.file = file;
    this.size = size;
    this.chunk = chunk;
  }

  get count(): number {
    return Math.ceil(this.size / this.chunk);
  }

  /** Whether all has come and is written. */
  get complete(): boolean {
    return this.stage === "come" && this.writing === 0;
  }

  /** Bytes that may still come. */
  get remaining(): number {
    return this.stage === "come" ? 0 : Math.max(this.size - this.#next * this.chunk, 0);
  }

  lengthOf(index: number): number {
    return Math.max(Math.min(this.chunk, this.size - index * this.chunk), 0);
  }

  /** It is being asked for, but for these chunks, which are there. Returns their bytes. */
  asked(known: Known): number {
    this.stage = "asked";
    this.#known = known;
    return [...known.keys()].reduce((sum, index) => sum + this.lengthOf(index), 0);
  }

  /** Whether the chunk may come next: those that are left out must be there. */
  mayCome(index: number): boolean {
    return index >= this.#next && index < this.count && this.#areKnownUpTo(index);
  }

  /** A chunk has come whole. Returns whether it had been there before. */
  came(index: number, digest: Bytes): boolean {
    this.#pass(index);
    this.#chain.push(digest);
    this.#next = index + 1;
    this.writing += 1;
    return this.#known.has(index);
  }

  /** Nothing more comes. */
  end(hash: Bytes): void {
    if (!this.#areKnownUpTo(this.count)) throw badMessage("An end before all chunks.");
    this.#pass(this.count);
    this.stage = "come";
    this.#hash = hash;
  }

  /** Compares what has come with the sender's hash. */
  async verify(): Promise<void> {
    if (!this.#hash || !equal(await this.#chain.hash, this.#hash))
      throw new TransferError("hash_mismatch", `File ${this.file} is not the one that was sent: their hashes differ.`);
  }

  #areKnownUpTo(end: number): boolean {
    for (let index = this.#next; index < end; index++) if (!this.#known.has(index)) return false;
    return true;
  }

  /** Goes on to a chunk; those between were there before. */
  #pass(index: number): void {
    for (; this.#next < index; this.#next++) {
      const digest = this.#known.get(this.#next);
      if (digest) this.#chain.push(digest);
    }
  }
}
