import type { Bytes } from "./digest.js";
import { SMALL, TOGETHER } from "./limits.js";
import type { Part } from "./opfs-names.js";
import type { PartStore } from "./store.js";

/** Bytes of a record: a file's number. */
const RECORD = 4;

/** Small files that wait to be written in one go: one behind the other, without a gap. */
interface Row {
  start: number;
  end: number;
  parts: Bytes[];
  files: number[];
  written: Promise<void>;
}

/**
 * Keeps small files one behind the other in one part, in the order of the list (`docs/transfer.md` §9):
 * for each of them a browser takes longer to open a file than to write what is in it.
 */
export class PackedStore implements PartStore {
  readonly #inner: PartStore<Part>;
  readonly #files: readonly { size: number }[];
  /** Where each small file begins. */
  readonly #places = new Map<number, number>();
  /** Bytes of all small files. */
  readonly #length: number;
  /** Small files that are there. */
  readonly #there = new Set<number>();
  #row: Row | undefined;
  /** What is being written. */
  #writing: Promise<void> = Promise.resolve();
  #whole: Promise<Blob> | undefined;

  private constructor(inner: PartStore<Part>, files: readonly { size: number }[]) {
    this.#inner = inner;
    this.#files = files;
    let length = 0;
    for (const [file, { size }] of files.entries()) {
      if (size > SMALL) continue;
      this.#places.set(file, length);
      length += size;
    }
    this.#length = length;
  }

  /** @param files - of the list that `inner` was opened for */
  static async open(inner: PartStore<Part>, files: readonly { size: number }[]): Promise<PackedStore> {
    const store = new PackedStore(inner, files);
    if (store.#places.size === 0) return store;
    const { state } = await inner.open("small");
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    for (let at = 0; at + RECORD <= state.length; at += RECORD) store.#there.add(view.getUint32(at));
    return store;
  }

  room(): Promise<number> {
    return this.#inner.room();
  }

  async open(file: number): Promise<{ length: number; state: Uint8Array }> {
    if (!this.#places.has(file)) return this.#inner.open(file);
    return { length: this.#there.has(file) ? this.#sizeOf(file) : 0, state: new Uint8Array() };
  }

  digest(file: number, offset: number, length: number): Promise<Bytes> {
    const place = this.#places.get(file);
    return place === undefined ? this.#inner.digest(file, offset, length) : this.#inner.digest("small", place + offset, length);
  }

  write(file: number, offset: number, bytes: Bytes, state: Uint8Array): Promise<void> {
    const place = this.#places.get(file);
    if (place === undefined) return this.#inner.write(file, offset, bytes, state);
    // A sender may have smaller chunks than we: those of a small file are not noted one by one.
    if (bytes.length < this.#sizeOf(file)) return this.#inner.write("small", place + offset, bytes, new Uint8Array());
    return this.#enqueue(file, place, bytes);
  }

  async finish(file: number, size: number): Promise<void> {
    if (!this.#places.has(file)) await this.#inner.finish(file, size);
  }

  async clear(file: number): Promise<void> {
    if (this.#places.has(file)) this.#there.delete(file);
    else await this.#inner.clear(file);
  }

  async content(file: number): Promise<Blob> {
    const place = this.#places.get(file);
    if (place === undefined) return this.#inner.content(file);
    this.#whole ??= this.#inner.finish("small", this.#length).then(() => this.#inner.content("small"));
    return (await this.#whole).slice(place, place + this.#sizeOf(file));
  }

  accept(acceptance: string): Promise<void> {
    return this.#inner.accept(acceptance);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  remove(): Promise<void> {
    return this.#inner.remove();
  }

  /** What comes while others are being written waits for them, and is written in one go. */
  #enqueue(file: number, place: number, bytes: Bytes): Promise<void> {
    const last = this.#row;
    if (last?.end === place && last.end - last.start + bytes.length <= TOGETHER) {
      last.parts.push(bytes);
      last.files.push(file);
      last.end += bytes.length;
      return last.written;
    }
    const row: Row = { start: place, end: place + bytes.length, parts: [bytes], files: [file], written: Promise.resolve() };
    row.written = this.#writing.then(() => this.#write(row));
    this.#writing = row.written.catch(() => undefined);
    this.#row = row;
    return row.written;
  }

  async #write(row: Row): Promise<void> {
    if (this.#row === row) this.#row = undefined;
    const bytes = new Uint8Array(row.end - row.start);
    let filled = 0;
    for (const part of row.parts) {
      bytes.set(part, filled);
      filled += part.length;
    }
    const state = new DataView(new ArrayBuffer(RECORD * row.files.length));
    row.files.forEach((file, index) => state.setUint32(RECORD * index, file));
    await this.#inner.write("small", row.start, bytes, new Uint8Array(state.buffer));
    for (const file of row.files) this.#there.add(file);
  }

  #sizeOf(file: number): number {
    return this.#files[file]?.size ?? 0;
  }
}
