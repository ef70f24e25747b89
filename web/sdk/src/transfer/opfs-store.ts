import type { Bytes } from "./digest.js";
import type { OpfsFolder } from "./opfs-folder.js";
import { ACCEPTED, FOLDER, type Part, partName } from "./opfs-names.js";
import type { FolderAnswer, FolderMethod, FolderRequest } from "./opfs-worker.js";
import type { PartStore } from "./store.js";

/** Days after which what was broken off, or never saved, is removed. */
const KEPT = 7;
/** Tabs that may receive the same list of files at the same time. */
const TABS = 8;

interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** Keeps the files in the browser's own file system (OPFS), in a folder that no other page uses meanwhile. */
export class OpfsStore implements PartStore<Part> {
  readonly #folder: string;
  readonly #unlock: () => void;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #directory: Promise<FileSystemDirectoryHandle> | undefined;
  #last = 0;

  private constructor(folder: string, unlock: () => void) {
    this.#folder = folder;
    this.#unlock = unlock;
    this.#worker = new Worker(new URL("./opfs-worker.ts", import.meta.url), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<FolderAnswer>) => this.#answered(data);
    this.#worker.onerror = () => this.#abandon();
  }

  /** Rejects where the browser has no such file system, or this page may not have the worker. */
  static async open(name: string): Promise<OpfsStore> {
    await navigator.storage.getDirectory();
    const { folder, unlock } = await lockOne(name);
    try {
      const store = new OpfsStore(folder, unlock);
      await store.#request({ folder }).catch((error: unknown) => {
        store.#worker.terminate();
        throw error;
      });
      return store;
    } catch (error) {
      unlock();
      throw error;
    }
  }

  /** What {@link OpfsStore.accept} noted of a list of files, on this page or an earlier one. */
  static async accepted(name: string): Promise<string | undefined> {
    try {
      const folder = await (await transfers()).getDirectoryHandle(name);
      return await (await (await folder.getFileHandle(ACCEPTED)).getFile()).text();
    } catch {
      return undefined;
    }
  }

  /** Removes what nobody came back for. */
  static async removeOld(): Promise<void> {
    const all = await transfers();
    for await (const [name, handle] of all.entries()) {
      const folder = handle as FileSystemDirectoryHandle;
      // Only what is old is locked: somebody may be about to go on with the others.
      const unlock = (await isOld(folder)) && (await lockIfFree(name));
      if (!unlock) continue;
      if (await isOld(folder)) await all.removeEntry(name, { recursive: true });
      unlock();
    }
  }

  async room(): Promise<number> {
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    return quota - usage;
  }

  open(part: Part): Promise<{ length: number; state: Uint8Array }> {
    return this.#call("open", [part]);
  }

  digest(part: Part, offset: number, length: number): Promise<Bytes> {
    return this.#call("digest", [part, offset, length]);
  }

  write(part: Part, offset: number, bytes: Bytes, state: Uint8Array): Promise<void> {
    return this.#call("write", [part, offset, bytes, state], [bytes.buffer]);
  }

  finish(part: Part, size: number): Promise<void> {
    return this.#call("finish", [part, size]);
  }

  clear(part: Part): Promise<void> {
    return this.#call("clear", [part]);
  }

  async content(part: Part): Promise<Blob> {
    this.#directory ??= transfers().then((all) => all.getDirectoryHandle(this.#folder));
    return (await (await this.#directory).getFileHandle(partName(part))).getFile();
  }

  accept(acceptance: string): Promise<void> {
    return this.#call("accept", [acceptance]);
  }

  async close(): Promise<void> {
    await this.#end();
    this.#unlock();
  }

  async remove(): Promise<void> {
    await this.#end();
    await (await transfers()).removeEntry(this.#folder, { recursive: true });
    this.#unlock();
  }

  async #end(): Promise<void> {
    await this.#call("close", []);
    this.#worker.terminate();
    this.#abandon();
  }

  #call<Method extends FolderMethod>(
    method: Method,
    given: Parameters<OpfsFolder[Method]>,
    transfer: Transferable[] = [],
  ): ReturnType<OpfsFolder[Method]> {
    return this.#request({ method, given }, transfer) as ReturnType<OpfsFolder[Method]>;
  }

  #request(request: { folder: string } | { method: FolderMethod; given: unknown[] }, transfer: Transferable[] = []): Promise<unknown> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, ...request } satisfies FolderRequest, transfer);
    });
  }

  #answered(answer: FolderAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting?.reject(new DOMException(answer.error.message, answer.error.name));
    else waiting?.resolve(answer.result);
  }

  #abandon(): void {
    for (const { reject } of this.#waiting.values()) reject(new DOMException("The worker has ended.", "AbortError"));
    this.#waiting.clear();
  }
}

async function transfers(): Promise<FileSystemDirectoryHandle> {
  const root = await navigator.storage.getDirectory();
  return root.getDirectoryHandle(FOLDER, { create: true });
}

/** A folder for a list of files. Another page that receives the same list has another one. */
async function lockOne(name: string): Promise<{ folder: string; unlock: () => void }> {
  for (let tab = 1; tab <= TABS; tab++) {
    const folder = tab === 1 ? name : `${name}.${tab}`;
    const unlock = await lockIfFree(folder);
    if (unlock) return { folder, unlock };
  }
  throw new DOMException("Too many pages receive the same files.", "InvalidStateError");
}

/** Takes a folder for this page; the browser gives it back when the page ends. Undefined: another page has it. */
function lockIfFree(folder: string): Promise<(() => void) | undefined> {
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`${FOLDER}/${folder}`, { ifAvailable: true }, (lock) => {
        if (!lock) return resolve(undefined);
        return new Promise<void>((unlock) => resolve(unlock));
      })
      .catch(reject);
  });
}

async function isOld(folder: FileSystemDirectoryHandle): Promise<boolean> {
  try {
    const { lastModified } = await (await folder.getFileHandle(ACCEPTED)).getFile();
    return Date.now() - lastModified > KEPT * 86_400_000;
  } catch {
    // It was never accepted: nothing of it is worth keeping.
    return true;
  }
}
