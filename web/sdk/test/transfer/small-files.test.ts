import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { SmallFiles } from "../../src/transfer/small-files.js";
import { content } from "./world.js";

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "peerline-small-"));
});
afterAll(() => rm(directory, { recursive: true }));

async function fileOf(name: string, bytes: Uint8Array): Promise<File> {
  const path = join(directory, name);
  await writeFile(path, bytes);
  return (await openAsBlob(path)) as File;
}

it("reads many files in few goes, each as it is", async () => {
  const reading = vi.spyOn(Blob.prototype, "arrayBuffer");
  const contents = Array.from({ length: 300 }, (_, index) => content(index, index % 70));
  const small = new SmallFiles();
  const read = await Promise.all(contents.map((bytes) => small.read(new File([bytes], "file"), bytes.length)));
  expect(read.map((bytes) => [...bytes])).toEqual(contents.map((bytes) => [...bytes]));
  expect(reading.mock.calls.length).toBeLessThan(10);
  reading.mockRestore();
});

it("reads no more in one go than 128 KiB", async () => {
  const sizes: number[] = [];
  const reading = vi.spyOn(Blob.prototype, "arrayBuffer").mockImplementation(async function (this: Blob) {
    sizes.push(this.size);
    return new ArrayBuffer(this.size);
  });
  const small = new SmallFiles();
  await Promise.all(Array.from({ length: 20 }, () => small.read(new File([new Uint8Array(50 << 10)], "file"), 50 << 10)));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(128 << 10);
  reading.mockRestore();
});

it("one file that can't be read leaves the others unharmed", async () => {
  const names = ["one", "two", "three", "four", "five"];
  const files = await Promise.all(names.map((name, index) => fileOf(name, content(index, 100))));
  // It isn't any more what was chosen.
  await writeFile(join(directory, "four"), "changed");
  const small = new SmallFiles();
  const read = await Promise.allSettled(files.map((file) => small.read(file, 100)));
  expect(read.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(read.flatMap((result) => (result.status === "fulfilled" ? [[...result.value]] : []))).toEqual(
    [0, 1, 2, 4].map((index) => [...content(index, 100)]),
  );
});

it("asks files for their size no more than a blob of them does: each time makes a page wait for the disk", async () => {
  let asked = 0;
  const files = Array.from({ length: 40 }, (_, index) => new File([content(index, 100)], "file"));
  for (const file of files) Object.defineProperty(file, "size", { get: () => (asked += 1) && 100 });
  void new Blob(files);
  const byBlob = asked;
  const small = new SmallFiles();
  await Promise.all(files.map((file) => small.read(file, 100)));
  expect(asked - byBlob).toBeLessThanOrEqual(byBlob);
});
