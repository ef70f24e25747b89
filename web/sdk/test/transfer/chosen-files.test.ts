import { expect, it, vi } from "vitest";
import { ChosenFiles } from "../../src/transfer/chosen-files.js";
import { CHUNK } from "../../src/transfer/limits.js";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import { content, digestsIn, digestsOf, World } from "./world.js";

/** Small files of which as many as are read in one go fill a buffer as long as a chunk, and a large one. */
const contents = [...Array.from({ length: 40 }, (_, index) => content(index, 4096)), content(40, 30 * CHUNK + 7)];
const chosenOf = () => new ChosenFiles(contents.map((bytes, index) => new File([bytes], `file ${index}`)));

it("keeps what it read of a small file as it is while those that were read with it are recycled", async () => {
  const chosen = chosenOf();
  const small = await Promise.all(contents.slice(0, 40).map(({ length }, index) => chosen.read(index, 0, length)));
  for (const [index, bytes] of small.entries()) {
    expect(Buffer.compare(bytes, contents[index] as Uint8Array)).toBe(0);
    chosen.recycle(bytes);
    expect(await chosen.read(40, (index % 30) * CHUNK, CHUNK)).toHaveLength(CHUNK);
  }
});

it("sends small files that are read in one go, and a large one with them, each as it is", async () => {
  const chosen = chosenOf();
  let asked!: () => void;
  const allAreAsked = new Promise<void>((resolve) => (asked = resolve));
  const read = Blob.prototype.arrayBuffer;
  const reading = vi.spyOn(Blob.prototype, "arrayBuffer").mockImplementation(async function (this: Blob) {
    await allAreAsked;
    return read.call(this);
  });
  const source = {
    read: (...given: Parameters<ChosenFiles["read"]>) => {
      if (given[0] === 40) asked();
      return chosen.read(...given);
    },
    recycle: (bytes: Uint8Array<ArrayBuffer>) => chosen.recycle(bytes),
  };
  const store = new MemoryStore();
  const world = new World(contents, store, source, CHUNK);
  const ends = await world.ends();
  reading.mockRestore();
  expect(ends).toEqual([{ kind: "completed" }, { kind: "completed" }]);
  expect(world.senderHeard.unreadable).toEqual([]);
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
});
