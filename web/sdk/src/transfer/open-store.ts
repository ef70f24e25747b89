import { MemoryStore } from "./memory-store.js";
import type { FileEntry } from "./message.js";
import { OpfsStore } from "./opfs-store.js";
import { PackedStore } from "./packed-store.js";
import type { PartStore } from "./store.js";

let tidied = false;

/** A place for the files of a list, which is known by its digest: the browser's own file system, or memory where there is none. */
export async function openStore(digest: string, files: readonly FileEntry[]): Promise<PartStore> {
  const opened = await OpfsStore.open(digest).catch(() => undefined);
  if (!opened) return new MemoryStore();
  // There is one, and perhaps a part of the files in it: to begin again in memory would lose that.
  const store = await PackedStore.open(opened, files).catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });
  if (!tidied) void OpfsStore.removeOld().catch(() => undefined);
  tidied = true;
  return store;
}
