import { crc32 as reference } from "node:zlib";
import { describe, expect, it } from "vitest";
import { crc32 } from "./crc32";
import { layOut, zip } from "./zip";

const TIME = new Date(2026, 10, 21, 13, 14, 16).getTime();

interface Read {
  path: string;
  crc: number;
  size: number;
  offset: number;
}

/** Reads what stands behind the files, as programs do (APPNOTE 4.3.12, 4.3.14, 4.3.16). `begin`: its place in the archive. */
function read(directory: Uint8Array<ArrayBuffer>, begin: number): Read[] {
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  const end = view.byteLength - 22;
  expect(view.getUint32(end, true)).toBe(0x06054b50);
  let [count, offset] = [view.getUint16(end + 10, true), view.getUint32(end + 16, true)];
  if (count === 0xffff || offset === 0xffffffff) {
    expect(view.getUint32(end - 20, true)).toBe(0x07064b50);
    const large = Number(view.getBigUint64(end - 12, true)) - begin;
    expect(view.getUint32(large, true)).toBe(0x06064b50);
    [count, offset] = [Number(view.getBigUint64(large + 32, true)), Number(view.getBigUint64(large + 48, true))];
  }
  expect(offset).toBe(begin);
  let at = 0;
  return Array.from({ length: count }, () => {
    if (view.getUint32(at, true) !== 0x02014b50) throw new Error("There is no entry.");
    const [name, extra] = [view.getUint16(at + 28, true), view.getUint16(at + 30, true)];
    const path = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + name));
    const entry = { path, crc: view.getUint32(at + 16, true), size: view.getUint32(at + 24, true), offset: view.getUint32(at + 42, true) };
    let field = at + 46 + name + 4;
    if (entry.size === 0xffffffff) {
      entry.size = Number(view.getBigUint64(field, true));
      field += 16;
    }
    if (entry.offset === 0xffffffff) entry.offset = Number(view.getBigUint64(field, true));
    at += 46 + name + extra;
    return entry;
  });
}

describe("an archive", () => {
  it("has each file at its place, with its sum", async () => {
    const contents = { "Fotos/été.txt": "hello", empty: "", "a/b/c.bin": "x".repeat(70_000) };
    const files = Object.entries(contents).map(([path, content]) => ({ path, content: new Blob([content]), modified: TIME }));
    let told = 0;
    const archive = new Uint8Array(await (await zip(files, (bytes) => (told = bytes))).arrayBuffer());
    expect(told).toBe(70_005);
    const begin = new DataView(archive.buffer).getUint32(archive.length - 6, true);
    for (const { path, crc, size, offset } of read(archive.slice(begin), begin)) {
      const content = contents[path as keyof typeof contents];
      const header = new DataView(archive.buffer, offset);
      expect([crc, size, header.getUint32(0, true), header.getUint32(14, true)]).toEqual([reference(content), content.length, 0x04034b50, crc]);
      const start = offset + 30 + header.getUint16(26, true) + header.getUint16(28, true);
      expect(new TextDecoder().decode(archive.subarray(start, start + size)) === content, path).toBe(true);
    }
  });

  it("says when its files were changed", () => {
    const [header] = layOut([{ path: "a", modified: TIME, size: 0, crc: 0 }]).headers;
    const view = new DataView((header as Uint8Array<ArrayBuffer>).buffer);
    expect([view.getUint16(10, true), view.getUint16(12, true)]).toEqual([(13 << 11) | (14 << 5) | 8, (46 << 9) | (11 << 5) | 21]);
  });

  it("holds more and larger files than an old one could", () => {
    const large = { path: "large", modified: TIME, size: 5_000_000_000, crc: 7 };
    const small = Array.from({ length: 65_535 }, (_, index) => ({ path: String(index), modified: TIME, size: 0, crc: 0 }));
    const { headers, directory } = layOut([large, ...small]);
    const begin = headers.reduce((sum, { length }) => sum + length, large.size);
    const entries = read(directory, begin);
    expect(entries[0]).toEqual({ path: "large", crc: 7, size: 5_000_000_000, offset: 0 });
    expect(entries[1]).toEqual({ path: "0", crc: 0, size: 0, offset: 5_000_000_000 + (headers[0]?.length ?? 0) });
    expect([entries.length, entries.at(-1)?.path]).toEqual([65_536, "65534"]);
  });
});

describe("a CRC-32", () => {
  it("is the same for content that comes in parts", () => {
    const bytes = Uint8Array.from({ length: 1000 }, (_, index) => index * 7);
    expect(crc32(bytes.subarray(300), crc32(bytes.subarray(0, 300)))).toBe(reference(bytes));
  });
});
