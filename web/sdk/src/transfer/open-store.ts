import { MemoryStore } from "./memory-store.js";
import { OpfsStore } from "./opfs-store.js";
import type { PartStore } from "./store.js";

let tidied = false;

/** A place for the files of a list: the browser's own file system, or memory where there is none. */
export async function openStore(digest: string): Promise<PartStore> {
  try {
    const store = await OpfsStore.open(digest);
    if (!tidied) void OpfsStore.removeOld().catch(() => undefined);
    tidied = true;
    return store;
  } catch {
    return new MemoryStore();
  }
}
