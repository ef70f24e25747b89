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

/** A file as browsers have it: after a change it can't be opened any more, and what is open is read on. */
function changingFile(bytes: Uint8Array<ArrayBuffer>): { file: File; change(): void } {
  const file = new File([bytes], "file");
  const closed = { arrayBuffer: () => Promise.reject(new DOMException("It was changed.", "NotReadableError")) };
  return { file, change: () => void Object.assign(file, { slice: () => closed }) };
}

it.each([
  { there: "nothing", lacking: 40 },
  { there: "the second half", lacking: 20 },
])("does not send a file that is changed meanwhile, though it is as long as it was: $there of it is there", async ({ lacking }) => {
  const bytes = content(1, 40 * CHUNK);
  const store = new MemoryStore();
  await new World([bytes], store, undefined, CHUNK).ends();
  for (let index = 0; index < lacking; index++) await store.write(0, index * CHUNK, new Uint8Array(CHUNK), new Uint8Array());
  const { file, change } = changingFile(bytes);
  const chosen = new ChosenFiles([file]);
  const world = new World(
    [bytes],
    store,
    {
      read: (index, offset, length) => {
        if (offset === 10 * CHUNK) change();
        return chosen.read(index, offset, length);
      },
      confirm: (index) => chosen.confirm(index),
    },
    CHUNK,
  );
  expect(await world.ends()).toEqual([{ kind: "completed" }, { kind: "completed" }]);
  expect(world.senderHeard.unreadable).toEqual([0]);
  expect(world.senderChannel.sent).toContain(JSON.stringify({ type: "failed", file: 0, reason: "changed" }));
});
