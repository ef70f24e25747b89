import type { FileWithPath } from "peerline";

/** Files of a transfer, at most: what is dropped beyond is not even looked at. */
const FILES = 65_536;

/** Whether what is being dragged are files. */
export function hasFiles(transfer: DataTransfer | null): boolean {
  return transfer?.types.includes("Files") === true;
}

/** The files of what was dropped, folders with all that is in them. What can't be read is left out. */
export async function droppedFiles(transfer: DataTransfer): Promise<FileWithPath[]> {
  // The list is empty as soon as the event is over.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files: FileWithPath[] = [];
  for (const entry of entries) await collect(entry, files);
  return files;
}

async function collect(entry: FileSystemEntry, files: FileWithPath[]): Promise<void> {
  if (files.length > FILES) return;
  if (entry instanceof FileSystemFileEntry) {
    const file = await new Promise<File | null>((resolve) => entry.file(resolve, () => resolve(null)));
    if (file !== null) files.push({ file, path: entry.fullPath.slice(1) });
  } else if (entry instanceof FileSystemDirectoryEntry) {
    const reader = entry.createReader();
    for (;;) {
      // It gives about a hundred at a time.
      const some = await new Promise<FileSystemEntry[]>((resolve) => reader.readEntries(resolve, () => resolve([])));
      if (some.length === 0) return;
      for (const child of some) await collect(child, files);
    }
  }
}
