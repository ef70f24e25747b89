import type { Claim, Known } from "./claim.js";
import type { Condition } from "./condition.js";
import { type Bytes, Chain, equal, parseDigest, sha256 } from "./digest.js";
import { inParallel } from "./in-parallel.js";
import { CHUNKS_AHEAD } from "./limits.js";
import type { FileEntry } from "./message.js";
import type { Offer } from "./offer.js";
import type { FileFailure } from "./outcome.js";

/** What may be planned ahead besides the bytes of {@link CHUNKS_AHEAD}: small files take time, not memory. */
const STEPS_AHEAD = 256;

/** Where the files' bytes come from. */
export interface Source {
  /** Rejects with an {@link UnreadableFile} where there are not as many. */
  read(file: number, offset: number, length: number): Promise<Bytes>;
  /** Rejects with an {@link UnreadableFile} where the file may have been changed while it was read. */
  confirm?(file: number): Promise<void>;
  /** Takes back what was read, when nobody needs it any more: its buffer may be used again. */
  recycle?(bytes: Bytes): void;
}

/** A file can't be sent as it was offered. */
export class UnreadableFile extends Error {
  readonly reason: FileFailure;
  constructor(reason: FileFailure) {
    super(`The file is ${reason}.`);
    this.reason = reason;
  }
}

/** What is to be sent next. */
export type Step =
  | { kind: "chunk"; file: number; offset: number; bytes: Bytes; digest: Bytes }
  | { kind: "end"; file: number; hash: Bytes }
  | { kind: "failed"; file: number; reason: FileFailure };

interface Planned {
  file: number;
  bytes: number;
  step: Promise<Step>;
}

/**
 * From requests to steps in order: reads and hashes ahead, compares what the receiver says it has, makes the files' hashes.
 * It does not know what of it has been sent.
 */
export class Pipeline {
  readonly #offer: Offer;
  readonly #source: Source;
  readonly #condition: Condition;
  readonly #compared: (bytes: number) => void;
  readonly #requests: { file: number; claims: readonly Claim[] }[] = [];
  /** In the order in which it is sent. */
  readonly #planned: Planned[] = [];
  /** The request whose chunks are being planned. */
  #planning = false;
  /** A step is with whoever asked for it. */
  #taken = false;
  /** The last file that could not be read: nothing more of it is sent. */
  #failed: number | undefined;
  #stopped = false;

  /** @param compared - told the bytes that the receiver turned out to have */
  constructor(offer: Offer, source: Source, condition: Condition, compared: (bytes: number) => void) {
    this.#offer = offer;
    this.#source = source;
    this.#condition = condition;
    this.#compared = compared;
    void this.#plan();
  }

  /** Files that wait. */
  get requests(): number {
    return this.#requests.length;
  }

  /** Whether all that was asked for has been taken and dealt with. */
  get idle(): boolean {
    return this.#requests.length === 0 && !this.#planning && this.#planned.length === 0 && !this.#taken;
  }

  request(file: number, claims: readonly Claim[]): void {
    this.#requests.push({ file, claims });
    this.#condition.changed();
  }

  /** The next step, when the one before has been dealt with; undefined after {@link Pipeline.stop}. */
  async next(): Promise<Step | undefined> {
    for (;;) {
      this.#taken = false;
      await this.#condition.until(() => this.#stopped || this.#planned.length > 0);
      const planned = this.#planned.shift();
      if (this.#stopped || !planned) return undefined;
      this.#taken = true;
      this.#condition.changed();
      if (planned.file === this.#failed) continue;
      try {
        return await planned.step;
      } catch (error) {
        this.#failed = planned.file;
        return { kind: "failed", file: planned.file, reason: error instanceof UnreadableFile ? error.reason : "unreadable" };
      }
    }
  }

  /** The bytes of a step are not needed any more. */
  recycle(bytes: Bytes): void {
    this.#source.recycle?.(bytes);
  }

  stop(): void {
    this.#stopped = true;
    this.#condition.changed();
  }

  async #plan(): Promise<void> {
    for (;;) {
      await this.#condition.until(() => this.#stopped || this.#requests.length > 0);
      const request = this.#requests.shift();
      if (this.#stopped || !request) return;
      this.#planning = true;
      await this.#planFile(request.file, request.claims);
      this.#planning = false;
    }
  }

  async #planFile(file: number, claims: readonly Claim[]): Promise<void> {
    const { chunk } = this.#offer;
    const { size } = this.#offer.files[file] as FileEntry;
    let known: Known;
    try {
      known = await this.#compare(file, claims);
    } catch (error) {
      this.#push({ file, bytes: 0, step: Promise.reject(error) });
      return;
    }
    const chain = new Chain();
    for (let offset = 0; offset < size; offset += chunk) {
      const there = known.get(offset / chunk);
      if (there) {
        chain.push(there);
        continue;
      }
      const bytes = Math.min(chunk, size - offset);
      await this.#condition.until(() => this.#stopped || this.#hasRoomFor(bytes));
      if (this.#stopped || this.#failed === file) return;
      const content = this.#read(file, offset, bytes);
      chain.push(content.then(({ digest }) => digest));
      this.#push({ file, bytes, step: content.then((read) => ({ kind: "chunk", file, offset, ...read })) });
    }
    this.#push({ file, bytes: 0, step: chain.hash.then((hash) => this.#end(file, hash)) });
  }

  /** The hash fits what was read, even if that is half of one version and half of another. */
  async #end(file: number, hash: Bytes): Promise<Step> {
    await this.#source.confirm?.(file);
    return { kind: "end", file, hash };
  }

  /** Reads the chunks that the receiver says it has. Gives those that it really has. */
  async #compare(file: number, claims: readonly Claim[]): Promise<Known> {
    const { chunk } = this.#offer;
    const { size } = this.#offer.files[file] as FileEntry;
    const known: Known = new Map();
    for (const { first, end, hash } of claims) {
      const digests: Bytes[] = [];
      await inParallel(range(first, end), CHUNKS_AHEAD, async (index) => {
        if (this.#stopped) return;
        const length = Math.min(chunk, size - index * chunk);
        const { bytes, digest } = await this.#read(file, index * chunk, length);
        digests[index - first] = digest;
        this.recycle(bytes);
      });
      if (this.#stopped) return known;
      const chain = new Chain();
      for (const digest of digests) chain.push(digest);
      if (!equal(await chain.hash, parseDigest(hash) as Bytes)) continue;
      digests.forEach((digest, index) => known.set(first + index, digest));
      this.#compared(Math.min(end * chunk, size) - first * chunk);
    }
    return known;
  }

  async #read(file: number, offset: number, length: number): Promise<{ bytes: Bytes; digest: Bytes }> {
    const bytes = await this.#source.read(file, offset, length);
    return { bytes, digest: await sha256(bytes) };
  }

  #push(planned: Planned): void {
    // Whoever takes the step hears of a failure; nobody may come to take it.
    planned.step.catch(() => undefined);
    this.#planned.push(planned);
    this.#condition.changed();
  }

  #hasRoomFor(bytes: number): boolean {
    const ahead = this.#planned.reduce((sum, planned) => sum + planned.bytes, bytes);
    return this.#planned.length < STEPS_AHEAD && (ahead <= CHUNKS_AHEAD * this.#offer.chunk || this.#planned.length === 0);
  }
}

function* range(first: number, end: number): Generator<number> {
  for (let index = first; index < end; index++) yield index;
}
