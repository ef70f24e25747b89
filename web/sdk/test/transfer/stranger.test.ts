/** What somebody can say who does not keep to the protocol. */
import { expect, it, vi } from "vitest";
import { MemoryStore } from "../../src/transfer/memory-store.js";
import { sha256 } from "../../src/transfer/digest.js";
import { writePiece } from "../../src/transfer/piece.js";
import { Receiver } from "../../src/transfer/receiver.js";
import { Sender } from "../../src/transfer/sender.js";
import { asChannel, FakeTransferChannel } from "../fakes/transfer-channel.js";
import { CHUNK, content, listener, offerOf, sourceOf, WAIT } from "./world.js";

const say = (message: object) => JSON.stringify(message);
const FOUR_CHUNKS = [content(1, 4 * CHUNK)];

/** A receiver that has asked for a file of four chunks; the test is its sender. */
async function receiving(size = 4 * CHUNK) {
  const [channel] = FakeTransferChannel.pair();
  const heard = listener();
  const store = new MemoryStore();
  const receiver = new Receiver(asChannel(channel), { ...heard, offered: () => receiver.accept(store) });
  const offer = offerOf([]);
  channel.receive(say({ type: "offer", transfer: offer.transfer, files: 1, bytes: size, chunk: CHUNK }));
  channel.receive(say({ type: "files", files: [{ path: "a", size }] }));
  await vi.waitFor(() => expect(channel.sent.at(-1)).toBe(say({ type: "get", file: 0 })), WAIT);
  return { channel, heard };
}

async function piece(index: number, { file = 0, bytes = content(1, CHUNK), offset = index * CHUNK, digest = undefined as Uint8Array<ArrayBuffer> | undefined } = {}) {
  return writePiece({ file, offset, bytes, digest: digest ?? (await sha256(bytes)) }, new ArrayBuffer(65_535)).slice();
}

it.each([
  ["a chunk of another file", async () => piece(0, { file: 1 })],
  ["a chunk out of the middle", async () => piece(1)],
  ["a chunk behind the end", async () => piece(4)],
  ["a piece at a wrong place", async () => piece(0, { offset: 5 })],
  ["a piece that reaches into the next chunk", async () => piece(0, { bytes: content(1, CHUNK + 1) })],
  ["a last piece before the end of its chunk", async () => piece(0, { bytes: content(1, 100) })],
  ["an empty piece", async () => new Uint8Array(16).fill(1, 0, 1)],
  ["a piece of a kind that is none", async () => new Uint8Array(100).fill(3)],
  ["an end before all chunks", async () => say({ type: "end", file: 0, hash: "A".repeat(43) })],
  ["an end of another file", async () => say({ type: "end", file: 1, hash: "A".repeat(43) })],
  ["a failure of another file", async () => say({ type: "failed", file: 1, reason: "unreadable" })],
  ["what only a receiver says", async () => say({ type: "written", bytes: 0 })],
])("a receiver gives up at %s", async (_, message) => {
  const { channel, heard } = await receiving();
  channel.receive(await message());
  expect(await heard.end).toMatchObject({ kind: "failed", code: "bad_message" });
  expect(JSON.parse(channel.sent.at(-1) as string)).toMatchObject({ type: "error", code: "bad_message" });
  expect(channel.readyState).not.toBe("open");
});

it("a receiver gives up at a chunk that is not what its digest says", async () => {
  const { channel, heard } = await receiving();
  channel.receive(await piece(0, { digest: await sha256(content(2, 5)) }));
  expect(await heard.end).toMatchObject({ kind: "failed", code: "damaged" });
});

it("a receiver gives up at chunks whose hash is not the file's, and forgets them", async () => {
  const { channel, heard } = await receiving(CHUNK);
  channel.receive(await piece(0));
  channel.receive(say({ type: "end", file: 0, hash: "A".repeat(43) }));
  expect(await heard.end).toMatchObject({ kind: "failed", code: "hash_mismatch" });
});

it("a receiver gives up at a sender that doesn't keep to the window", async () => {
  const { channel, heard } = await receiving(3000 * CHUNK);
  const chunks = (8 << 20) / CHUNK;
  const digest = await sha256(content(1, CHUNK));
  // All at once, before anything can have been written.
  const pieces = await Promise.all(Array.from({ length: chunks + 1 }, (_, index) => piece(index, { digest })));
  for (const message of pieces) channel.receive(message);
  expect(await heard.end).toMatchObject({ kind: "failed", code: "window_exceeded" });
});

it("a receiver takes a sentence of the other side without what could break the line, and not all of it", async () => {
  const { channel, heard } = await receiving();
  channel.receive(say({ type: "error", code: "tomorrow", message: `a\u0000\n${"b".repeat(500)}` }));
  expect(await heard.end).toEqual({ kind: "failed", code: "other", message: `a${"b".repeat(199)}` });
});

it.each([
  ["a binary message", new Uint8Array(20)],
  ["an accept of more files than there are", say({ type: "accept", files: 2, bytes: 1, window: CHUNK })],
  ["an accept of more bytes than there are", say({ type: "accept", files: 1, bytes: 4 * CHUNK + 1, window: CHUNK })],
  ["a window smaller than a chunk", say({ type: "accept", files: 1, bytes: 1, window: CHUNK - 1 })],
  ["a request before the accept", say({ type: "get", file: 0 })],
])("a sender gives up at %s", async (_, message) => {
  const { channel, heard } = await offering();
  channel.receive(message);
  expect(heard.outcome).toMatchObject({ kind: "failed", code: "bad_message" });
});

it.each([
  ["a file that is not there", [say({ type: "get", file: 1 })]],
  ["a file asked for twice", [say({ type: "get", file: 0 }), say({ type: "get", file: 0 })]],
  ["claims beyond the file", [claim([[0, 5]])]],
  ["claims that overlap", [claim([[0, 2], [1, 3]])]],
  ["claims of nothing", [claim([[2, 2]])]],
  ["65 claims", [claim(Array.from({ length: 65 }, (_, index) => [index, index + 1]))]],
  ["more written than was sent", [say({ type: "written", bytes: 100 * CHUNK })]],
  ["complete before all has been sent", [say({ type: "get", file: 0 }), say({ type: "complete" })]],
  ["what only a sender says", [say({ type: "end", file: 0, hash: "A".repeat(43) })]],
])("a sender gives up at %s", async (_, messages) => {
  const { channel, heard } = await offering();
  channel.receive(say({ type: "accept", files: 1, bytes: 4 * CHUNK, window: CHUNK }));
  for (const message of messages) channel.receive(message);
  expect(heard.outcome).toMatchObject({ kind: "failed", code: "bad_message" });
});

/** A sender that has offered a file of four chunks; the test is its receiver. */
async function offering() {
  const [channel] = FakeTransferChannel.pair();
  const heard = listener();
  new Sender(offerOf(FOUR_CHUNKS), sourceOf(FOUR_CHUNKS), asChannel(channel), 65_535, heard);
  await vi.waitFor(() => expect(channel.sent).toHaveLength(2), WAIT);
  return { channel, heard };
}

function claim(ranges: number[][]): string {
  return say({ type: "get", file: 0, have: ranges.map(([first, end]) => ({ first, end, hash: "A".repeat(43) })) });
}
