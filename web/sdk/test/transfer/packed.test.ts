import { expect, it } from "vitest";
import { OpfsFolder } from "../../src/transfer/opfs-folder.js";
import type { Part } from "../../src/transfer/opfs-names.js";
import { PackedStore } from "../../src/transfer/packed-store.js";
import { UnreadableFile } from "../../src/transfer/pipeline.js";
import type { PartStore } from "../../src/transfer/store.js";
import { FakeDirectory } from "../fakes/opfs.js";
import { CHUNK, content, digestsIn, digestsOf, sourceOf, World } from "./world.js";

const SMALL = 128 << 10;
const COMPLETED = [{ kind: "completed" }, { kind: "completed" }];

/** A directory of a browser's own file system, which notes how often something is written to it. */
class Disk {
  readonly directory = new FakeDirectory();
  writes = 0;

  /** As a page finds it that is loaded now. */
  async open(contents: readonly Uint8Array[]): Promise<PackedStore> {
    const folder = (await OpfsFolder.at(this.directory as unknown as FileSystemDirectoryHandle)) as OpfsFolder & PartStore<Part>;
    const write = folder.write.bind(folder);
    folder.write = (...given) => {
      this.writes += 1;
      return write(...given);
    };
    folder.content = async (part) => new Blob([this.#bytes(part)]);
    return PackedStore.open(folder, contents.map(({ length }) => ({ size: length })));
  }

  #bytes(part: Part): Uint8Array<ArrayBuffer> {
    const file = this.directory.files.get(`${part}.part`);
    if (!file || file.open) throw new Error("It is not there, or somebody writes it.");
    return file.bytes;
  }
}

it("keeps small files together, and larger ones by themselves", async () => {
  const contents = [content(1, 5000), content(2, 40 * CHUNK), content(3, 0), content(4, SMALL), content(5, SMALL + 1)];
  const disk = new Disk();
  const store = await disk.open(contents);
  expect(await new World(contents, store, sourceOf(contents), 1 << 20).ends()).toEqual(COMPLETED);
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
  expect([...disk.directory.files.keys()].sort()).toEqual(["1.part", "4.part", "small.part", "small.state"]);
  expect([...disk.directory.files.values()].filter((file) => file.open)).toEqual([]);
});

it("writes small files that come together in one go", async () => {
  const contents = Array.from({ length: 500 }, (_, index) => content(index, 1 + (index % 40)));
  const disk = new Disk();
  const store = await disk.open(contents);
  // One is left out: what is behind it is not written over it.
  await Promise.all(contents.map((bytes, index) => (index === 250 ? undefined : store.write(index, 0, bytes.slice(), new Uint8Array()))));
  await store.write(250, 0, (contents[250] as Uint8Array<ArrayBuffer>).slice(), new Uint8Array());
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
  expect(disk.writes).toBeLessThan(6);
});

it.each(["page", "page that was loaded again"])("asks only for the small files that are not there, in the same %s", async (page) => {
  const contents = Array.from({ length: 300 }, (_, index) => content(index, 1000));
  const disk = new Disk();
  const store = await disk.open(contents);
  const before = new World(contents, store);
  before.senderChannel.breaksAfter = 200_000;
  await before.ends();
  await before.receiver.release();
  if (page !== "page") await store.close();
  const again = page === "page" ? store : await disk.open(contents);
  const world = new World(contents, again);
  expect(await world.ends()).toEqual(COMPLETED);
  expect(await digestsIn(again, contents.length)).toEqual(digestsOf(contents));
  expect(world.receiver.progress.kept).toBeGreaterThan(50_000);
  expect(world.payload).toBe(300_000 - world.receiver.progress.kept);
});

it("fetches again what is on the disk otherwise than it was written", async () => {
  const contents = [content(1, 1000), content(2, 1000), content(3, 1000)];
  const disk = new Disk();
  const first = await disk.open(contents);
  await new World(contents, first).ends();
  await first.close();
  const [small] = [...disk.directory.files].filter(([name]) => name === "small.part").map(([, file]) => file);
  (small as { bytes: Uint8Array }).bytes[1500] = ((small as { bytes: Uint8Array }).bytes[1500] as number) ^ 1;
  const store = await disk.open(contents);
  const world = new World(contents, store);
  expect(await world.ends()).toEqual(COMPLETED);
  expect(world.payload).toBe(1000);
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
});

it("takes a small file in several chunks, where the sender's are smaller", async () => {
  const contents = [content(1, 7), content(2, 3 * CHUNK + 5), content(3, 9)];
  const disk = new Disk();
  const store = await disk.open(contents);
  expect(await new World(contents, store).ends()).toEqual(COMPLETED);
  expect(await digestsIn(store, contents.length)).toEqual(digestsOf(contents));
  await store.close();
  const again = await disk.open(contents);
  expect(await new World(contents, again).ends()).toEqual(COMPLETED);
  expect(await digestsIn(again, contents.length)).toEqual(digestsOf(contents));
});

it("leaves its place empty where a small file can't be sent", async () => {
  const contents = [content(1, 100), content(2, 200), content(3, 300)];
  const source = {
    read: async (...given: [file: number, offset: number, length: number]) => {
      if (given[0] === 1) throw new UnreadableFile("unreadable");
      return sourceOf(contents).read(...given);
    },
  };
  const store = await new Disk().open(contents);
  const world = new World(contents, store, source);
  expect(await world.ends()).toEqual(COMPLETED);
  expect(world.receiverHeard.unreadable).toEqual([1]);
  const [one, , three] = await digestsIn(store, 3);
  expect([one, three]).toEqual(digestsOf([contents[0] as Uint8Array, contents[2] as Uint8Array]));
});

it("a disk that is full ends the transfer", async () => {
  const contents = [content(1, 100), content(2, 200)];
  const folder = (await OpfsFolder.at(new FakeDirectory() as unknown as FileSystemDirectoryHandle)) as OpfsFolder & PartStore<Part>;
  folder.write = async () => {
    throw new DOMException("There is no room left.", "QuotaExceededError");
  };
  const [, outcome] = await new World(contents, await PackedStore.open(folder, contents.map(({ length }) => ({ size: length })))).ends();
  expect(outcome).toMatchObject({ kind: "failed", code: "no_space" });
});
