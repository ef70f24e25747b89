import { expect, it, vi } from "vitest";
import { CHUNK, CHUNKS_AHEAD } from "../../src/transfer/limits.js";
import { SequentialReader } from "../../src/transfer/sequential-reader.js";
import { content } from "./world.js";

/** How many buffers of a chunk's length are made meanwhile. */
async function madeDuring(work: () => Promise<unknown>): Promise<number> {
  const made = vi.spyOn(globalThis, "ArrayBuffer");
  await work();
  const count = made.mock.calls.filter((given: unknown[]) => given[0] === CHUNK).length;
  made.mockRestore();
  return count;
}

const fileOf = (bytes: Uint8Array<ArrayBuffer>) => new File([bytes], "file");

it("reads what it is asked for, in order and out of order, of one file and another", async () => {
  const [one, other] = [content(1, 5 * CHUNK + 7), content(2, 3 * CHUNK)];
  const files = [fileOf(one), fileOf(other)];
  const reader = new SequentialReader();
  const readings: [number, number, number][] = [
    [0, 0, CHUNK],
    [0, CHUNK, CHUNK],
    [0, 2 * CHUNK, 10],
    [1, CHUNK, CHUNK],
    [0, 5 * CHUNK, 7],
    [0, 0, CHUNK],
    [1, 0, 0],
  ];
  const read = await Promise.all(readings.map(([file, offset, length]) => reader.read(files[file] as File, offset, length)));
  for (const [index, [file, offset, length]] of readings.entries()) {
    expect(Buffer.compare(read[index] as Uint8Array, ([one, other][file] as Uint8Array).subarray(offset, offset + length))).toBe(0);
  }
});

it("gives what is there where a file ends", async () => {
  const reader = new SequentialReader();
  const file = fileOf(content(1, 100));
  expect((await reader.read(file, 90, CHUNK)).length).toBe(10);
  expect((await reader.read(file, 100, CHUNK)).length).toBe(0);
});

it("opens a file once for what is read in order, and reads into few buffers", async () => {
  const file = fileOf(new Uint8Array(100 * CHUNK));
  const opened = vi.spyOn(File.prototype, "slice");
  const reader = new SequentialReader();
  const made = await madeDuring(async () => {
    for (let index = 0; index < 100; index++) reader.recycle(await reader.read(file, index * CHUNK, CHUNK));
  });
  expect(made).toBe(1);
  expect(opened).toHaveBeenCalledOnce();
  opened.mockRestore();
});

it("keeps no more buffers than are read ahead", async () => {
  const file = fileOf(new Uint8Array(100 * CHUNK));
  const reader = new SequentialReader();
  const forty = () => Promise.all(Array.from({ length: 40 }, (_, index) => reader.read(file, index * CHUNK, CHUNK)));
  for (const bytes of await forty()) reader.recycle(bytes);
  expect(await madeDuring(forty)).toBe(40 - CHUNKS_AHEAD);
});

it("goes on after a file that can't be read", async () => {
  const broken = Object.assign(fileOf(content(1, 100)), { slice: () => ({ stream: () => new ReadableStream({ type: "bytes", pull: (stream) => stream.error(new DOMException("gone", "NotReadableError")) }) }) });
  const reader = new SequentialReader();
  await expect(reader.read(broken, 0, 100)).rejects.toThrow("gone");
  expect((await reader.read(fileOf(content(1, 100)), 0, 100)).length).toBe(100);
});

it("begins no stream of a file where the browser reads into buffers of its own only", async () => {
  const streamed = vi.spyOn(Blob.prototype, "stream").mockImplementation(() => new ReadableStream());
  const reader = new SequentialReader();
  streamed.mockClear();
  const bytes = content(1, 3 * CHUNK);
  const file = fileOf(bytes);
  for (let offset = 0; offset < bytes.length; offset += CHUNK) {
    expect(Buffer.compare(await reader.read(file, offset, CHUNK), bytes.subarray(offset, offset + CHUNK))).toBe(0);
  }
  expect(streamed).not.toHaveBeenCalled();
  streamed.mockRestore();
});
