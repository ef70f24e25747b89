import type { FileWithPath } from "peerline";

/** Milliseconds for which the page may be kept waiting. */
const AT_ONCE = 10;

/** What files say of themselves. Chromium asks the disk for each of it, and the page waits: of many files, a while for all that goes on besides. */
export async function lookedUp(files: readonly (File | FileWithPath)[]): Promise<FileWithPath[]> {
  const known: FileWithPath[] = [];
  let began = performance.now();
  for (const item of files) {
    const { file, path } = item instanceof File ? { file: item, path: item.webkitRelativePath || item.name } : item;
    known.push({ file, path, size: file.size, modified: file.lastModified });
    if (performance.now() - began < AT_ONCE) continue;
    await new Promise((resolve) => setTimeout(resolve));
    began = performance.now();
  }
  return known;
}
