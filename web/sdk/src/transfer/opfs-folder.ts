/** The files of one offer in the browser's own file system, as a worker sees them (`docs/transfer.md` §9). */
import type { Bytes } from "./digest.js";
import { ACCEPTED, partName, stateName } from "./opfs-names.js";

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

interface OpenFile {
  part: SyncAccess;
  /** None before something is noted. It is opened once, whoever else wants to write meanwhile. */
  state: Promise<SyncAccess> | undefined;
}

/** Files are open from the first write to the end: then nobody else can write them. */
export class OpfsFolder {
  readonly #directory: FileSystemDirectoryHandle;
  /** What is there. */
  readonly #names: Set<string>;
  readonly #open = new Map<number, Promise<OpenFile>>();

  private constructor(directory: FileSystemDirectoryHandle, names: Set<string>) {
    this.#directory = directory;
    this.#names = names;
  }

  static async at(directory: FileSystemDirectoryHandle): Promise<OpfsFolder> {
    const names = new Set<string>();
    for await (const name of directory.keys()) names.add(name);
    return new OpfsFolder(directory, names);
  }

  async open(file: number): Promise<{ length: number; state: Uint8Array }> {
    if (!this.#names.has(partName(file))) return { length: 0, state: new Uint8Array() };
    const { part, state: opening } = await this.#file(file);
    const state = await opening;
    const noted = new Uint8Array(state?.getSize() ?? 0);
    state?.read(noted, { at: 0 });
    return { length: part.getSize(), state: noted };
  }

  async read(file: number, offset: number, length: number): Promise<Bytes> {
    const { part } = await this.#file(file);
    const bytes = new Uint8Array(length);
    return bytes.subarray(0, part.read(bytes, { at: offset }));
  }

  async write(file: number, offset: number, bytes: Bytes, noted: Uint8Array): Promise<void> {
    const open = await this.#file(file);
    writeAll(open.part, bytes, offset);
    if (noted.length === 0) return;
    const state = await (open.state ??= this.#access(stateName(file)));
    writeAll(state, noted, state.getSize());
  }

  async finish(file: number, size: number): Promise<void> {
    const { part } = await this.#file(file);
    if (part.getSize() !== size) part.truncate(size);
    await this.#close(file);
  }

  async clear(file: number): Promise<void> {
    const { part, state } = await this.#file(file);
    part.truncate(0);
    (await state)?.truncate(0);
  }

  async accept(transfer: string): Promise<void> {
    const accepted = await this.#access(ACCEPTED);
    accepted.truncate(0);
    writeAll(accepted, new TextEncoder().encode(transfer), 0);
    accepted.close();
  }

  async close(): Promise<void> {
    await Promise.allSettled([...this.#open.keys()].map((file) => this.#close(file)));
  }

  async #close(file: number): Promise<void> {
    const open = await this.#open.get(file);
    this.#open.delete(file);
    open?.part.close();
    (await open?.state)?.close();
  }

  #file(file: number): Promise<OpenFile> {
    const known = this.#open.get(file);
    if (known) return known;
    const opening = (async () => {
      const part = await this.#access(partName(file));
      const state = this.#names.has(stateName(file)) ? this.#access(stateName(file)) : undefined;
      await state;
      return { part, state };
    })();
    this.#open.set(file, opening);
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
