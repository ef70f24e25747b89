import type { IncomingTransfer } from "peerline";
import { afterEach, expect, it, vi } from "vitest";
import { save } from "./saving";

/** A folder on a disk for which `a` and `A` are one name. */
class Folder {
  readonly entries = new Map<string, { name: string; entry: Folder | File }>();

  async getDirectoryHandle(name: string): Promise<Folder> {
    const entry = this.#at(name)?.entry ?? new Folder();
    if (!(entry instanceof Folder)) throw new DOMException("It is a file.", "TypeMismatchError");
    this.#put(name, entry);
    return entry;
  }

  async getFileHandle(name: string, { create = false } = {}) {
    const known = this.#at(name);
    if (known?.entry instanceof Folder) throw new DOMException("It is a directory.", "TypeMismatchError");
    if (!known && !create) throw new DOMException("It is not there.", "NotFoundError");
    return {
      createWritable: async () => {
        const parts: Uint8Array<ArrayBuffer>[] = [];
        const close = () => this.#put(name, new File(parts, name));
        return new WritableStream<Uint8Array<ArrayBuffer>>({ write: (part) => void parts.push(part), close });
      },
    };
  }

  /** Paths, and what is in the files. */
  async contents(): Promise<Record<string, string>> {
    const all: Record<string, string> = {};
    for (const { name, entry } of this.entries.values()) {
      if (entry instanceof File) all[name] = await entry.text();
      else for (const [path, text] of Object.entries(await entry.contents())) all[`${name}/${path}`] = text;
    }
    return all;
  }

  #at(name: string) {
    return this.entries.get(name.toLowerCase());
  }

  #put(name: string, entry: Folder | File): void {
    this.entries.set(name.toLowerCase(), { name: this.#at(name)?.name ?? name, entry });
  }
}

/** A transfer of files that have their paths for content. */
function received(paths: readonly string[], unreadable: readonly number[] = []): IncomingTransfer {
  const files = paths.map((path) => ({ path, size: path.length }));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const content = async (index: number) => new Blob([paths[index] as string]);
  return { files, bytes, unreadable: new Set(unreadable), content } as unknown as IncomingTransfer;
}

async function saveInto(folder: Folder, transfer: IncomingTransfer): Promise<number[]> {
  const told: number[] = [];
  vi.stubGlobal("showDirectoryPicker", async () => folder);
  expect(await save(transfer, "Files", (part) => void told.push(part))).toBe("written");
  return told;
}

afterEach(() => vi.unstubAllGlobals());

it("writes files and folders, without those that could not be sent, and tells how far it is", async () => {
  const folder = new Folder();
  const told = await saveInto(folder, received(["one", "in/two", "in/deep/three", "lost/four"], [3]));
  expect(await folder.contents()).toEqual({ one: "one", "in/two": "in/two", "in/deep/three": "in/deep/three" });
  expect(told).toEqual([3 / 31, 9 / 31, 22 / 31]);
});

it("overwrites nothing that was there, and no file by another that came with it", async () => {
  const folder = new Folder();
  await saveInto(folder, received(["a.txt", "in/old"]));
  await saveInto(folder, received(["a.txt", "a (2).txt", "in/new"]));
  expect(await folder.contents()).toEqual({
    "a.txt": "a.txt",
    "in/old": "in/old",
    "a (3).txt": "a.txt",
    "a (2).txt": "a (2).txt",
    "in (2)/new": "in/new",
  });
});

it("keeps files apart whose names differ in case only, in folders too", async () => {
  const folder = new Folder();
  await saveInto(folder, received(["A.txt", "a.txt", "a (2).txt", "In/x", "in/x", "deep/B", "deep/b"]));
  expect(await folder.contents()).toEqual({
    "A.txt": "A.txt",
    "a (3).txt": "a.txt",
    "a (2).txt": "a (2).txt",
    "In/x": "In/x",
    "in (2)/x": "in/x",
    "deep/B": "deep/B",
    "deep/b (2)": "deep/b",
  });
});
