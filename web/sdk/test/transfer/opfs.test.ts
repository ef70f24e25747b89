import { expect, it } from "vitest";
import { OpfsFolder } from "../../src/transfer/opfs-folder.js";
import type { PartStore } from "../../src/transfer/store.js";
import { FakeDirectory } from "../fakes/opfs.js";
import { CHUNK, content, digestsOf, World } from "./world.js";

const CONTENTS = [content(1, 5000), content(2, 40 * CHUNK + 100), content(3, 0), content(4, CHUNK)];

function open(directory: FakeDirectory): Promise<PartStore & OpfsFolder> {
  return OpfsFolder.at(directory as unknown as FileSystemDirectoryHandle) as Promise<PartStore & OpfsFolder>;
}

/** Lets a transfer into the directory break off in the middle. */
async function breakOff(store: PartStore): Promise<void> {
  const world = new World(CONTENTS, store);
  world.senderChannel.breaksAfter = 20 * CHUNK;
  await world.ends();
  await world.receiver.release();
}

function written(directory: FakeDirectory): (Uint8Array | undefined)[] {
  return CONTENTS.map((_, index) => directory.files.get(`${index}.part`)?.bytes);
}

it("keeps the files with their state, a file of one chunk without", async () => {
  const directory = new FakeDirectory();
  await new World(CONTENTS, await open(directory)).ends();
  expect(digestsOf(written(directory) as Uint8Array[])).toEqual(digestsOf(CONTENTS));
  expect([...directory.files.keys()].sort()).toEqual(["0.part", "1.part", "1.state", "2.part", "3.part"]);
  expect([...directory.files.values()].filter((file) => file.open)).toEqual([]);
});

it.each(["page", "page that was loaded again"])("goes on in the same %s", async (page) => {
  const directory = new FakeDirectory();
  const store = await open(directory);
  await breakOff(store);
  if (page !== "page") await store.close();
  const world = new World(CONTENTS, page === "page" ? store : await open(directory));
  expect(await world.ends()).toEqual([{ kind: "completed" }, { kind: "completed" }]);
  expect(digestsOf(written(directory) as Uint8Array[])).toEqual(digestsOf(CONTENTS));
  expect(world.payload).toBeLessThan(30 * CHUNK);
});

it("begins anew, and leaves nothing behind, where another file had been longer", async () => {
  const directory = new FakeDirectory();
  await new World([content(5, 3 * CHUNK + 50)], await open(directory)).ends();
  const shorter = [content(6, 2 * CHUNK + 7)];
  const world = new World(shorter, await open(directory));
  await world.ends();
  expect(digestsOf([directory.files.get("0.part")?.bytes as Uint8Array])).toEqual(digestsOf(shorter));
  expect(directory.files.get("0.state")?.bytes.length).toBe(24 + 3 * 40);
});

it("notes which transfer was accepted, the last one only", async () => {
  const directory = new FakeDirectory();
  const store = await open(directory);
  await store.accept("the first, whose name is long");
  await store.accept("the second");
  expect(new TextDecoder().decode(directory.files.get("transfer")?.bytes)).toBe("the second");
});

it("opens a file's state once, and notes in order, where several chunks come before it is open", async () => {
  const directory = new FakeDirectory();
  const store = await open(directory);
  await Promise.all([1, 2, 3].map((place) => store.write(0, place, Uint8Array.of(place), Uint8Array.of(place, place))));
  expect(directory.files.get("0.part")?.bytes).toEqual(Uint8Array.of(0, 1, 2, 3));
  expect(directory.files.get("0.state")?.bytes).toEqual(Uint8Array.of(1, 1, 2, 2, 3, 3));
});
