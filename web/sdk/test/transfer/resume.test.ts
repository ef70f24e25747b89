import { expect, it, vi } from "vitest";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import { CHUNK, content, digestsIn, digestsOf, WAIT, World } from "./world.js";

const completed = { kind: "completed" };
const interrupted = { kind: "interrupted" };

/** Runs until about `chunks` chunks have arrived, and breaks the channel. Returns when nothing writes any more. */
async function breakAfter(chunks: number, contents: Uint8Array<ArrayBuffer>[], store: MemoryStore): Promise<void> {
  const world = new World(contents, store);
  world.senderChannel.breaksAfter = chunks * CHUNK;
  expect(await world.ends()).toEqual([interrupted, interrupted]);
  await world.receiver.release();
}

it("goes on from the last good chunk, over and over", async () => {
  const contents = [content(1, 5000), content(2, 40 * CHUNK + 100), content(3, 0), content(4, 20 * CHUNK)];
  const store = new MemoryStore();
  for (const chunks of [12, 22, 12]) await breakAfter(chunks, contents, store);
  const world = new World(contents, store);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(await digestsIn(store, 4)).toEqual(digestsOf(contents));
  const total = contents.reduce((sum, { length }) => sum + length, 0);
  expect(world.payload).toBeLessThan(total - 30 * CHUNK);
  const progress = { files: 4, bytes: total, kept: total - world.payload };
  expect([world.sender.progress, world.receiver.progress]).toEqual([progress, progress]);
});

it("sends nothing again of what is there as a whole", async () => {
  const contents = [content(1, 5000), content(2, 8 * CHUNK)];
  const store = new MemoryStore();
  await new World(contents, store).ends();
  const world = new World(contents, store);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(world.payload).toBe(0);
});

it("fetches a chunk again that has changed on the disk", async () => {
  const contents = [content(1, 10 * CHUNK)];
  const store = new MemoryStore();
  await new World(contents, store).ends();
  await store.write(0, 4 * CHUNK, content(9, CHUNK), new Uint8Array());
  const world = new World(contents, store);
  await world.ends();
  expect(world.payload).toBe(CHUNK);
  expect(await digestsIn(store, 1)).toEqual(digestsOf(contents));
});

it("sends a file anew that is another one under the same name, size and time", async () => {
  const store = new MemoryStore();
  await new World([content(1, 10 * CHUNK), content(2, 100)], store).ends();
  const others = [content(3, 10 * CHUNK), content(4, 100)];
  const world = new World(others, store);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(await digestsIn(store, 2)).toEqual(digestsOf(others));
  expect(world.receiver.progress).toEqual({ files: 2, bytes: 10 * CHUNK + 100, kept: 0 });
});

it("§9 leaves out a record that was cut off, and begins anew with the state of another file", async () => {
  const contents = [content(1, 10 * CHUNK)];
  const store = new MemoryStore();
  await new World(contents, store).ends();
  const { state } = await store.open(0);
  expect(state).toHaveLength(24 + 10 * 40);
  const cut = new MemoryStore();
  for (let index = 0; index < 10; index++) await cut.write(0, index * CHUNK, contents[0]!.slice(index * CHUNK, (index + 1) * CHUNK), new Uint8Array());
  await cut.write(0, 0, contents[0]!.slice(0, CHUNK), state.slice(0, -1));
  const world = new World(contents, cut);
  await world.ends();
  expect(world.payload).toBe(CHUNK);

  const other = [content(1, 10 * CHUNK - 1)];
  const again = new World(other, store);
  expect(await again.ends()).toEqual([completed, completed]);
  expect(again.payload).toBe(10 * CHUNK - 1);
});

it("claims at most 64 ranges, and fetches again what it could not claim", async () => {
  const contents = [content(1, 200 * CHUNK)];
  const whole = new MemoryStore();
  await new World(contents, whole).ends();
  const { state } = await whole.open(0);
  const store = new MemoryStore();
  // Every second chunk is there.
  for (let index = 0; index < 200; index += 2) {
    const record = state.slice(24 + index * 40, 24 + (index + 1) * 40);
    const noted = index === 0 ? state.slice(0, 64) : record;
    await store.write(0, index * CHUNK, contents[0]!.slice(index * CHUNK, (index + 1) * CHUNK), noted);
  }
  const world = new World(contents, store);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(world.payload).toBe((200 - 64) * CHUNK);
  expect(await digestsIn(store, 1)).toEqual(digestsOf(contents));
});

it("can be broken off by a receiver that is still writing, which then lets go of the store", async () => {
  let release!: () => void;
  const held = new Promise<void>((resolve) => (release = resolve));
  let writing = 0;
  const store = Object.assign(new MemoryStore(), { write: () => (writing++, held) });
  const world = new World([content(1, 4 * CHUNK)], store);
  await vi.waitFor(() => expect(writing).toBeGreaterThan(0), WAIT);
  const released = vi.fn();
  const done = world.receiver.release().then(released);
  await new Promise((resolve) => setImmediate(resolve));
  expect(released).not.toHaveBeenCalled();
  release();
  await done;
});
