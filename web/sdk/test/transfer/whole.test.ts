import { expect, it, vi } from "vitest";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import { messagesOf } from "../../src/transfer/offer.js";
import { UnreadableFile } from "../../src/transfer/pipeline.js";
import { CHUNK, content, digestsIn, digestsOf, offerOf, sourceOf, WAIT, World } from "./world.js";

const completed = { kind: "completed" };

it("sends files of every size as they are, an empty one among them", async () => {
  const contents = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 10 * CHUNK + 7].map((length, seed) => content(seed, length));
  const store = new MemoryStore();
  const world = new World(contents, store);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
  expect(world.sender.progress).toEqual({ files: 6, bytes: world.payload, kept: 0 });
  expect(world.receiver.progress).toEqual({ files: 6, bytes: world.payload, kept: 0 });
});

it("sends a thousand small files without a round trip each", async () => {
  const contents = Array.from({ length: 1000 }, (_, index) => content(index, index % 50));
  const store = new MemoryStore();
  const world = new World(contents, store);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
});

it("writes offers in messages of at most 16,384 bytes, whose sum is the list", () => {
  const files = Array.from({ length: 500 }, (_, index) => ({ path: `${"é".repeat(100)}/${index}`, size: index, modified: -8.64e15 }));
  const [first, ...rest] = messagesOf({ ...offerOf([]), files });
  expect(first).toMatchObject({ type: "offer", files: 500 });
  for (const message of rest) expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThanOrEqual(16_384);
  expect(rest.flatMap((message) => (message.type === "files" ? message.files : []))).toEqual(files);
});

it("§8 keeps little in the data channel, and no more on the way than the receiver's window", async () => {
  const contents = [new Uint8Array(40 << 20)];
  const store = new MemoryStore();
  let held = 0;
  let most = 0;
  const write = store.write.bind(store);
  const slow = Object.assign(store, {
    write: async (...given: Parameters<typeof write>) => {
      held += given[2].length;
      most = Math.max(most, held);
      await new Promise((resolve) => setTimeout(resolve, 2));
      await write(...given);
      held -= given[2].length;
    },
  });
  const world = new World(contents, slow, sourceOf(contents), 1 << 20);
  expect(await world.ends()).toEqual([completed, completed]);
  expect(world.senderChannel.mostBuffered).toBeLessThanOrEqual((1 << 20) + 65_535);
  expect(most).toBeLessThanOrEqual(8 << 20);
});

it("reads a few chunks ahead, and no more", async () => {
  const contents = [content(1, 64 * CHUNK)];
  let reads = 0;
  const source = { read: (...given: Parameters<ReturnType<typeof sourceOf>["read"]>) => (reads++, sourceOf(contents).read(...given)) };
  const store = new MemoryStore();
  // Nothing is ever written: what the window lets through is sent, and a little is ready behind it.
  const world = new World(contents, Object.assign(store, { write: () => new Promise<void>(() => undefined) }), source);
  world.receiverChannel.send = new Proxy(world.receiverChannel.send, {
    apply: (send, self, [message]: [string]) => send.call(self, message.includes('"accept"') ? message.replace(/"window":\d+/, `"window":${4 * CHUNK}`) : message),
  });
  await vi.waitFor(() => expect(world.payload).toBe(4 * CHUNK), WAIT);
  await vi.waitFor(() => expect(reads).toBe(4 + 1 + 16), WAIT);
});

it("goes on without the files that can't be read", async () => {
  const contents = [content(1, 100), content(2, 20 * CHUNK), content(3, 100)];
  const store = new MemoryStore();
  const whole = sourceOf(contents);
  const world = new World(contents, store, {
    read: async (file, offset, length) => {
      if (file === 1 && offset >= 3 * CHUNK) throw new UnreadableFile("changed");
      return whole.read(file, offset, length);
    },
  });
  expect(await world.ends()).toEqual([completed, completed]);
  expect([world.senderHeard.unreadable, world.receiverHeard.unreadable]).toEqual([[1], [1]]);
  expect([world.sender.progress.files, world.receiver.progress.files]).toEqual([2, 2]);
  const digests = digestsOf(contents);
  expect(await digestsIn(store, 3)).toEqual([digests[0], expect.any(String), digests[2]]);
});

it.each(["sender", "receiver"] as const)("ends on both sides when the %s stops it", async (side) => {
  // A disk that never has written anything.
  const store = Object.assign(new MemoryStore(), { write: () => new Promise<void>(() => undefined) });
  const world = new World([content(1, 200 * CHUNK)], store);
  await vi.waitFor(() => expect(world.payload).toBeGreaterThan(2 * CHUNK), WAIT);
  world[side].cancel();
  const [sender, receiver] = await world.ends();
  const here = { kind: "cancelled", by: "here" };
  const there = { kind: "cancelled", by: "there" };
  expect([sender, receiver]).toEqual(side === "sender" ? [here, there] : [there, here]);
  await vi.waitFor(() => expect([world.senderChannel.readyState, world.receiverChannel.readyState]).toEqual(["closed", "closed"]), WAIT);
});

it("is declined for the reason that the receiver gives", async () => {
  const world = new World([content(1, 100)]);
  world.receiver.listener = { ...world.receiverHeard, offered: () => world.receiver.decline("no_space") };
  expect(await world.ends()).toEqual([
    { kind: "declined", reason: "no_space" },
    { kind: "declined", reason: "no_space" },
  ]);
});

it.each([
  ["QuotaExceededError", "no_space"],
  ["UnknownError", "write_failed"],
])("ends when the store says %s", async (name, code) => {
  const store = Object.assign(new MemoryStore(), { write: () => Promise.reject(new DOMException("No", name)) });
  const world = new World([content(1, 3 * CHUNK)], store);
  expect(await world.ends()).toMatchObject([
    { kind: "failed", code },
    { kind: "failed", code },
  ]);
});
