import { afterEach, expect, it, vi } from "vitest";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import { openStore } from "../../src/transfer/open-store.js";
import { OpfsStore } from "../../src/transfer/opfs-store.js";
import { PackedStore } from "../../src/transfer/packed-store.js";

const SMALL = { path: "small", size: 5 };
const LARGE = { path: "large", size: 5 << 20 };

/** A browser's own file system in which small files can't be read. */
function broken() {
  const store = {
    open: vi.fn(async () => {
      throw new DOMException("Somebody has it open.", "NoModificationAllowedError");
    }),
    close: vi.fn(async () => undefined),
  };
  vi.spyOn(OpfsStore, "open").mockResolvedValue(store as unknown as OpfsStore);
  vi.spyOn(OpfsStore, "removeOld").mockResolvedValue();
  return store;
}

afterEach(() => void vi.restoreAllMocks());

it("is memory where the browser has no file system", async () => {
  vi.spyOn(OpfsStore, "open").mockRejectedValue(new DOMException("There is none.", "SecurityError"));
  expect(await openStore("digest", [SMALL])).toBeInstanceOf(MemoryStore);
});

it("doesn't begin again in memory where what has come can't be read now", async () => {
  const store = broken();
  await expect(openStore("digest", [SMALL])).rejects.toThrow("Somebody has it open.");
  expect(store.close).toHaveBeenCalledOnce();
});

it("doesn't look for small files where there are none", async () => {
  const store = broken();
  expect(await openStore("digest", [LARGE])).toBeInstanceOf(PackedStore);
  expect(store.open).not.toHaveBeenCalled();
});
