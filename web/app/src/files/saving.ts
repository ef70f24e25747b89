import type { IncomingTransfer } from "peerline";
import { freeNames } from "./free-name";
import { zip } from "./zip";

/**
 * How files were saved.
 *
 * - `downloaded`: by the browser's downloads, which still read from where the files are
 * - `written`: into a folder that the user chose
 * - `dismissed`: the user chose none
 */
export type Saved = "downloaded" | "written" | "dismissed";

/** The File System Access API, which not every browser has. */
declare global {
  var showDirectoryPicker: ((options: { id: string; mode: "readwrite"; startIn: "downloads" }) => Promise<FileSystemDirectoryHandle>) | undefined;
}

/**
 * Saves what has been received: one file by the browser's downloads; several into a folder where the browser has
 * a way to choose one, else as an archive.
 *
 * @param name - what they are called together
 * @param progress - told the part that is done, from 0 to 1
 * @throws what the disk has against it
 */
export async function save(transfer: IncomingTransfer, name: string, progress: (part: number) => void): Promise<Saved> {
  const { files, bytes, unreadable } = transfer;
  const indices = files.map((_, index) => index).filter((index) => !unreadable.has(index));
  const told = (done: number) => progress(bytes === 0 ? 1 : done / bytes);
  if (files.length === 1) {
    download(await transfer.content(0), name);
    return "downloaded";
  }
  if (globalThis.showDirectoryPicker === undefined) {
    const entries = [];
    for (const index of indices) entries.push({ ...fileAt(transfer, index), content: await transfer.content(index) });
    download(await zip(entries, told), `${name}.zip`);
    return "downloaded";
  }
  const folder = await chosenFolder();
  if (folder === null) return "dismissed";
  await writeInto(folder, transfer, indices, told);
  return "written";
}

async function chosenFolder(): Promise<FileSystemDirectoryHandle | null> {
  try {
    return (await globalThis.showDirectoryPicker?.({ id: "received", mode: "readwrite", startIn: "downloads" })) ?? null;
  } catch (error) {
    if ((error as DOMException).name === "AbortError") return null;
    throw error;
  }
}

/** What is in a folder, by name: folders, and files by their place in the list. */
type Tree = Map<string, Tree | number>;

/** Copies the files one after the other. What is there already stays: what has its name gets another one. */
async function writeInto(folder: FileSystemDirectoryHandle, transfer: IncomingTransfer, indices: readonly number[], told: (bytes: number) => void): Promise<void> {
  let done = 0;
  const writeTree = async (tree: Tree, directory: FileSystemDirectoryHandle): Promise<void> => {
    const names = await freeNames(directory, [...tree.keys()]);
    for (const [name, entry] of tree) {
      const free = names.get(name) ?? name;
      if (typeof entry !== "number") {
        await writeTree(entry, await directory.getDirectoryHandle(free, { create: true }));
        continue;
      }
      const content = await transfer.content(entry);
      const handle = await directory.getFileHandle(free, { create: true });
      await content.stream().pipeTo(await handle.createWritable());
      done += content.size;
      told(done);
    }
  };
  await writeTree(treeOf(transfer, indices), folder);
}

/** Folders as the paths have them. */
function treeOf(transfer: IncomingTransfer, indices: readonly number[]): Tree {
  const root: Tree = new Map();
  for (const index of indices) {
    const segments = fileAt(transfer, index).path.split("/");
    const name = segments.pop() ?? "";
    let folder = root;
    for (const segment of segments) {
      const known = folder.get(segment);
      const next: Tree = known instanceof Map ? known : new Map();
      folder.set(segment, next);
      folder = next;
    }
    folder.set(name, index);
  }
  return root;
}

function fileAt({ files }: IncomingTransfer, index: number): { path: string; modified: number } {
  const { path, modified = Date.now() } = files[index] ?? { path: String(index) };
  return { path, modified };
}

/** Hands a file to the browser's downloads. */
export function download(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  // The download begins in a while; the address is needed until then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
