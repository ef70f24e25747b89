/** The files of one offer in the browser's own file system, as a worker sees them (`docs/transfer.md` §9). */
import { type Bytes, sha256 } from "./digest.js";
import { ACCEPTED, type Part, partName, stateName } from "./opfs-names.js";

/** `FileSystemSyncAccessHandle`, which TypeScript has in its library for workers only. */
interface SyncAccess {
  read(buffer: Uint8Array, options: { at: number }): number;
  write(buffer: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

/** A page that was loaded again may find a file still open in the worker that it had before: how often, and after how many milliseconds it looks again. */
const ATTEMPTS = 20;
const PATIENCE = 100;

interface OpenPart {
  content: SyncAccess;
  /** None before something is noted. Several writes may wait for it: a second handle the browser would refuse. */
  state: Promise<SyncAccess> | undefined;
}

/** Files are open from the first write to the end: then nobody else can write them. */
export class OpfsFolder {
  readonly #directory: FileSystemDirectoryHandle;
  /** What is there. */
  readonly #names: Set<string>;
  readonly #open = new Map<Part, Promise<OpenPart>>();
  /** For what is read: a page that reads back gigabytes would have more on the heap than is collected. */
  #buffer = new Uint8Array();

  private constructor(directory: FileSystemDirectoryHandle, names: Set<string>) {
    this.#directory = directory;
    this.#names = names;
  }

  static async at(directory: FileSystemDirectoryHandle): Promise<OpfsFolder> {
    const names = new Set<string>();
    for await (const name of directory.keys()) names.add(name);
    return new OpfsFolder(directory, names);
  }

  async open(part: Part): Promise<{ length: number; state: Uint8Array }> {
    if (!this.#names.has(partName(part))) return { length: 0, state: new Uint8Array() };
    const { content, state: opening } = await this.#part(part);
    const state = await opening;
    const noted = new Uint8Array(state?.getSize() ?? 0);
    state?.read(noted, { at: 0 });
    return { length: content.getSize(), state: noted };
  }

  async digest(part: Part, offset: number, length: number): Promise<Bytes> {
    const { content } = await this.#part(part);
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
    // What is hashed is copied before anybody else can read into the buffer.
    return sha256(this.#buffer.subarray(0, content.read(this.#buffer.subarray(0, length), { at: offset })));
  }

  async write(part: Part, offset: number, bytes: Bytes, noted: Uint8Array): Promise<void> {
    const open = await this.#part(part);
    writeAll(open.content, bytes, offset);
    if (noted.length === 0) return;
    const state = await (open.state ??= this.#access(stateName(part)));
    writeAll(state, noted, state.getSize());
  }

  async finish(part: Part, size: number): Promise<void> {
    const { content } = await this.#part(part);
    if (content.getSize() !== size) content.truncate(size);
    await this.#close(part);
  }

  async clear(part: Part): Promise<void> {
    const { content, state } = await this.#part(part);
    content.truncate(0);
    (await state)?.truncate(0);
  }

  async accept(acceptance: string): Promise<void> {
    const accepted = await this.#access(ACCEPTED);
    accepted.truncate(0);
    writeAll(accepted, new TextEncoder().encode(acceptance), 0);
    accepted.close();
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open.keys()].map((part) => this.#close(part)));
  }

  async #close(part: Part): Promise<void> {
    const open = await this.#open.get(part);
    this.#open.delete(part);
    open?.content.close();
    (await open?.state)?.close();
  }

  #part(part: Part): Promise<OpenPart> {
    const known = this.#open.get(part);
    if (known) return known;
    const opening = (async () => {
      const content = await this.#access(partName(part));
      const state = this.#names.has(stateName(part)) ? this.#access(stateName(part)) : undefined;
      await state;
      return { content, state };
    })();
    this.#open.set(part, opening);
    return opening;
  }

  async #access(name: string): Promise<SyncAccess> {
    const handle = await this.#directory.getFileHandle(name, { create: true });
    this.#names.add(name);
    const opening = handle as unknown as { createSyncAccessHandle(): Promise<SyncAccess> };
    for (let attempt = 1; ; attempt++) {
      try {
        return await opening.createSyncAccessHandle();
      } catch (error) {
        if ((error as DOMException).name !== "NoModificationAllowedError" || attempt === ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, PATIENCE));
      }
    }
  }
}

/** A full disk shows in that less is written than was asked for, or in an exception, as the browser likes. */
function writeAll(access: SyncAccess, bytes: Uint8Array, at: number): void {
  if (access.write(bytes, { at }) < bytes.length) throw new DOMException("There is no room left.", "QuotaExceededError");
}
