import { crc32 } from "./crc32";

/** A file as it is to stand in the archive. */
export interface ZipEntry {
  /** With `/` between folders. */
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly modified: number;
}

/** What the archive says of a file's content. */
interface Content {
  readonly size: number;
  readonly crc: number;
}

/** Bytes that are read at once. */
const PART = 4 << 20;
/** From here on a number stands in a field of its own (APPNOTE 4.5.3). */
const LARGE = 0xffff_ffff;
const MANY = 0xffff;
/** Names are UTF-8 (APPNOTE 4.4.4, bit 11). */
const UTF8 = 1 << 11;
const PLAIN_VERSION = 20;
const ZIP64_VERSION = 45;

const encoder = new TextEncoder();

/**
 * Packs files into one archive, as they are: nothing is compressed, and nothing is held in memory. The archive refers to the
 * files, which must stay until it has been saved.
 *
 * @param read - told the bytes that have been read so far
 */
export async function zip(entries: readonly (ZipEntry & { content: Blob })[], read: (bytes: number) => void): Promise<Blob> {
  let done = 0;
  const described: (ZipEntry & Content)[] = [];
  for (const { path, modified, content } of entries) {
    const crc = await crcOf(content, (bytes) => read((done += bytes)));
    described.push({ path, modified, size: content.size, crc });
  }
  const { headers, directory } = layOut(described);
  const parts = entries.flatMap(({ content }, index) => [headers[index] ?? "", content]);
  return new Blob([...parts, directory], { type: "application/zip" });
}

/** What stands before each file, and what stands behind all of them. */
export function layOut(entries: readonly (ZipEntry & Content)[]): { headers: Uint8Array<ArrayBuffer>[]; directory: Uint8Array<ArrayBuffer> } {
  let offset = 0;
  const headers: Uint8Array<ArrayBuffer>[] = [];
  const directory: Uint8Array[] = [];
  for (const entry of entries) {
    const header = localHeader(entry);
    headers.push(header);
    directory.push(directoryEntry(entry, offset));
    offset += header.length + entry.size;
  }
  const size = directory.reduce((sum, { length }) => sum + length, 0);
  return { headers, directory: joined([...directory, directoryEnd(entries.length, size, offset)]) };
}

async function crcOf(content: Blob, read: (bytes: number) => void): Promise<number> {
  let crc = 0;
  for (let offset = 0; offset < content.size; offset += PART) {
    // A slice is a round trip to another process; many small files feel it.
    const part = content.size <= PART ? content : content.slice(offset, offset + PART);
    crc = crc32(new Uint8Array(await part.arrayBuffer()), crc);
    read(part.size);
  }
  return crc;
}

/** What both headers of a file say (APPNOTE 4.3.7, 4.3.12). */
function common({ path, modified, size: whole, crc }: ZipEntry & Content, extra: Uint8Array): Uint8Array<ArrayBuffer> {
  const name = encoder.encode(path);
  const size = Math.min(whole, LARGE);
  const { date, time } = dosTime(modified);
  const version = extra.length > 0 ? ZIP64_VERSION : PLAIN_VERSION;
  return fields([2, version], [2, UTF8], [2, 0], [2, time], [2, date], [4, crc], [4, size], [4, size], [2, name.length], [2, extra.length]);
}

function localHeader(entry: ZipEntry & Content): Uint8Array<ArrayBuffer> {
  const { size } = entry;
  const extra = size >= LARGE ? fields([2, 1], [2, 16], [8, size], [8, size]) : new Uint8Array();
  return joined([fields([4, 0x0403_4b50]), common(entry, extra), encoder.encode(entry.path), extra]);
}

function directoryEntry(entry: ZipEntry & Content, offset: number): Uint8Array<ArrayBuffer> {
  const { size } = entry;
  const large: Field[] = [];
  if (size >= LARGE) large.push([8, size], [8, size]);
  if (offset >= LARGE) large.push([8, offset]);
  const extra = large.length > 0 ? fields([2, 1], [2, large.length * 8], ...large) : new Uint8Array();
  const version = extra.length > 0 ? ZIP64_VERSION : PLAIN_VERSION;
  const rest = fields([2, 0], [2, 0], [2, 0], [4, 0], [4, Math.min(offset, LARGE)]);
  return joined([fields([4, 0x0201_4b50], [2, version]), common(entry, extra), rest, encoder.encode(entry.path), extra]);
}

function directoryEnd(count: number, size: number, offset: number): Uint8Array<ArrayBuffer> {
  const counts = fields([4, 0x0605_4b50], [2, 0], [2, 0], [2, Math.min(count, MANY)], [2, Math.min(count, MANY)]);
  const end = joined([counts, fields([4, Math.min(size, LARGE)], [4, Math.min(offset, LARGE)], [2, 0])]);
  if (count < MANY && size < LARGE && offset < LARGE) return end;
  const head = fields([4, 0x0606_4b50], [8, 44], [2, ZIP64_VERSION], [2, ZIP64_VERSION], [4, 0], [4, 0]);
  const large = fields([8, count], [8, count], [8, size], [8, offset]);
  const locator = fields([4, 0x0706_4b50], [4, 0], [8, offset + size], [4, 1]);
  return joined([head, large, locator, end]);
}

/** In the local time, by two seconds, from 1980 to 2107. */
function dosTime(modified: number): { date: number; time: number } {
  const when = new Date(modified);
  const year = when.getFullYear() - 1980;
  if (!(year >= 0 && year < 128)) return { date: (1 << 5) | 1, time: 0 };
  return {
    date: (year << 9) | ((when.getMonth() + 1) << 5) | when.getDate(),
    time: (when.getHours() << 11) | (when.getMinutes() << 5) | (when.getSeconds() >> 1),
  };
}

/** Bytes, and a number. */
type Field = [2 | 4 | 8, number];

/** Numbers in little-endian order. */
function fields(...all: Field[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(all.reduce((sum, [length]) => sum + length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const [length, value] of all) {
    if (length === 2) view.setUint16(at, value, true);
    else if (length === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += length;
  }
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
