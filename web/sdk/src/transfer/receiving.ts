import { type Claim, claimsOf, type Known } from "./claim.js";
import { Condition } from "./condition.js";
import { type Bytes, equal, parseDigest, sha256 } from "./digest.js";
import { IncomingFile } from "./incoming-file.js";
import { inParallel } from "./in-parallel.js";
import { CHUNKS_AHEAD, FILES_AHEAD, TOGETHER, WINDOW } from "./limits.js";
import type { Offer } from "./offer.js";
import { badMessage, TransferError } from "./outcome.js";
import { parsePiece } from "./piece.js";
import { parseState, stateHeader, stateRecord } from "./part-state.js";
import type { PartStore } from "./store.js";

/** What follows from what has come. */
export interface ReceivingActions {
  get(file: number, have: Claim[]): void;
  written(bytes: number): void;
  /** `progress` changed. */
  progress(): void;
  complete(): void;
  fail(error: TransferError): void;
}

/** A chunk that comes in pieces. */
interface Arriving {
  index: number;
  filled: number;
  bytes: Bytes;
}

/** The files that were accepted: which are open, asked for, coming, written. */
export class Receiving {
  /** Files that are done, bytes that are there, and those of them that were there before. */
  readonly progress = { files: 0, bytes: 0, kept: 0 };
  readonly #offer: Offer;
  readonly #store: PartStore;
  readonly #actions: ReceivingActions;
  readonly #condition = new Condition();
  /** Files in the order in which they are asked for and come. */
  readonly #files: IncomingFile[] = [];
  /** Files whose state has no beginning yet. */
  readonly #headless = new Set<number>();
  readonly #writes = new Set<Promise<void>>();
  /** Files that are not done. */
  #left: number;
  #arriving: Arriving | undefined;
  /** Bytes of chunks that have begun to come and are not written. */
  #held = 0;
  #written = 0;
  /** Of these, those that the sender knows of. */
  #told = 0;
  /** Chunks that have come and are not written. */
  #writing = 0;
  #stopped = false;

  constructor(offer: Offer, store: PartStore, actions: ReceivingActions) {
    this.#offer = offer;
    this.#store = store;
    this.#actions = actions;
    this.#left = offer.files.length;
    void this.#ask();
  }

  get window(): number {
    return Math.max(WINDOW, 2 * this.#offer.chunk);
  }

  handlePiece(message: ArrayBuffer): void {
    const piece = parsePiece(message);
    if (!piece) throw badMessage("That is no piece of a chunk.");
    const { chunk } = this.#offer;
    const file = this.#coming(piece.file);
    if (!this.#arriving) {
      const index = Math.floor(piece.offset / chunk);
      if (piece.offset % chunk !== 0 || !file.mayCome(index)) throw badMessage("A chunk that was not asked for.");
      const length = file.lengthOf(index);
      if (this.#held + length > this.window) throw new TransferError("window_exceeded", "More comes than was allowed.");
      this.#held += length;
      this.#arriving = { index, filled: 0, bytes: new Uint8Array(length) };
    }
    const { index, filled, bytes } = this.#arriving;
    if (piece.offset !== index * chunk + filled) throw badMessage("A piece at a wrong place.");
    const end = filled + piece.bytes.length;
    if (end > bytes.length || (end === bytes.length) !== (piece.digest !== undefined)) throw badMessage("A piece of a wrong length.");
    bytes.set(piece.bytes, filled);
    this.#arriving.filled = end;
    if (!piece.digest) return;
    this.#arriving = undefined;
    // The sender's is another one.
    if (file.came(index, piece.digest)) this.#keep(-bytes.length);
    this.#track(this.#write(file, index, bytes, piece.digest));
    this.#condition.changed();
  }

  handleEnd(file: number, hash: string): void {
    if (this.#arriving) throw badMessage("An end within a chunk.");
    const coming = this.#coming(file);
    coming.end(parseDigest(hash) as Bytes);
    if (coming.complete) this.#track(this.#finish(coming));
    this.#condition.changed();
  }

  /** The sender can't send this file. */
  handleFailed(file: number): void {
    if (this.#arriving) throw badMessage("A failure within a chunk.");
    this.#remove(this.#coming(file));
  }

  /** Nothing new is begun. Resolves when nothing is being written any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#condition.changed();
    await Promise.allSettled(this.#writes);
  }

  /** Opens the files, a few ahead of what comes, and asks for them in order. */
  async #ask(): Promise<void> {
    let asked: Promise<void> = Promise.resolve();
    for (const [index, { size }] of this.#offer.files.entries()) {
      await this.#condition.until(() => this.#stopped || (this.#files.length < FILES_AHEAD && this.#remaining() < this.window));
      if (this.#stopped) return;
      const file = new IncomingFile(index, size, this.#offer.chunk);
      this.#files.push(file);
      const opening = this.#open(file);
      const before = asked;
      asked = (async () => {
        const [known] = await Promise.all([opening, before]);
        const have = await claimsOf(known);
        if (this.#stopped) return;
        this.#keep(file.asked(known));
        this.#actions.get(index, have);
        this.#actions.progress();
      })();
      this.#track(asked);
    }
  }

  /** What is there of a file already, compared with what was noted of it. */
  async #open(file: IncomingFile): Promise<Known> {
    const { length, state } = await this.#store.open(file.file);
    if (file.count <= 1) return this.#openSmall(file, length);
    const known = parseState(state, file.size, file.chunk);
    if (!known) {
      this.#headless.add(file.file);
      if (length > 0 || state.length > 0) await this.#store.clear(file.file);
      return new Map();
    }
    const atOnce = Math.min(CHUNKS_AHEAD, Math.floor(this.window / file.chunk));
    await inParallel(known.entries(), atOnce, async ([index, digest]) => {
      if (this.#stopped) return;
      const there = await this.#store.digest(file.file, index * file.chunk, file.lengthOf(index));
      if (!equal(there, digest)) known.delete(index);
    });
    return known;
  }

  /** A file of one chunk has no state: the sender sees whether what is there is the file. */
  async #openSmall(file: IncomingFile, length: number): Promise<Known> {
    if (length !== file.size || length === 0) return new Map();
    return new Map([[0, await this.#store.digest(file.file, 0, length)]]);
  }

  async #write(file: IncomingFile, index: number, bytes: Bytes, digest: Bytes): Promise<void> {
    const { length } = bytes;
    this.#writing += 1;
    if (!equal(await sha256(bytes), digest)) throw new TransferError("damaged", `Chunk ${index} of file ${file.file} arrived damaged.`);
    await this.#store.write(file.file, index * file.chunk, bytes, this.#stateOf(file, index, digest));
    this.#held -= length;
    this.#written += length;
    this.#writing -= 1;
    this.progress.bytes += length;
    file.writing -= 1;
    if (this.#stopped) return;
    this.#tellWritten();
    this.#actions.progress();
    if (file.complete) await this.#finish(file);
  }

  /** Of many small files one message tells. */
  #tellWritten(): void {
    if (this.#writing > 0 && this.#written - this.#told < TOGETHER) return;
    this.#told = this.#written;
    this.#actions.written(this.#written);
  }

  #stateOf(file: IncomingFile, index: number, digest: Bytes): Uint8Array {
    if (file.count <= 1) return new Uint8Array();
    const record = stateRecord(index, digest);
    if (!this.#headless.delete(file.file)) return record;
    return Uint8Array.of(...stateHeader(file.size, file.chunk), ...record);
  }

  /** All has come and is written. */
  async #finish(file: IncomingFile): Promise<void> {
    try {
      await file.verify();
    } catch (error) {
      await this.#store.clear(file.file);
      throw error;
    }
    await this.#store.finish(file.file, file.size);
    if (this.#stopped) return;
    this.progress.files += 1;
    this.#actions.progress();
    this.#remove(file);
  }

  #keep(bytes: number): void {
    this.progress.bytes += bytes;
    this.progress.kept += bytes;
  }

  #remove(file: IncomingFile): void {
    this.#files.splice(this.#files.indexOf(file), 1);
    this.#left -= 1;
    if (this.#left === 0) this.#actions.complete();
    else this.#condition.changed();
  }

  /** The file whose chunks come now, which has to be `file`. */
  #coming(file: number): IncomingFile {
    const coming = this.#files.find(({ stage }) => stage !== "come");
    if (coming?.stage !== "asked" || coming.file !== file) throw badMessage("A file that was not asked for now.");
    return coming;
  }

  #remaining(): number {
    return this.#files.reduce((sum, file) => sum + file.remaining, 0);
  }

  /** What fails makes the transfer fail. */
  #track(work: Promise<void>): void {
    const settled = work.catch((error: unknown) => {
      if (!this.#stopped) this.#actions.fail(failure(error));
    });
    this.#writes.add(settled);
    void settled.then(() => this.#writes.delete(settled));
  }
}

function failure(error: unknown): TransferError {
  if (error instanceof TransferError) return error;
  const full = (error as { name?: unknown } | undefined)?.name === "QuotaExceededError";
  return full ? new TransferError("no_space", "There is no room left for the files.") : new TransferError("write_failed", "A file can't be written.");
}
