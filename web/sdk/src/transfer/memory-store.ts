import { type Bytes, sha256 } from "./digest.js";
import type { PartStore } from "./store.js";

/** Bytes that are taken at most (`docs/transfer.md` §9). */
const ROOM = 512 << 20;

interface Part {
  /** By their offset; a browser may keep blobs on disk. */
  chunks: Map<number, Blob>;
  state: Uint8Array[];
}

/** Keeps the files as long as the page lives, for browsers without a file system of their own. */
export class MemoryStore implements PartStore {
  readonly #parts = new Map<number, Part>();

  async room(): Promise<number> {
    return ROOM;
  }

  async open(file: number): Promise<{ length: number; state: Uint8Array }> {
    const { chunks, state } = this.#part(file);
    const length = [...chunks.values()].reduce((sum, { size }) => sum + size, 0);
    return { length, state: Uint8Array.from(state.flatMap((record) => [...record])) };
  }

  async digest(file: number, offset: number): Promise<Bytes> {
    const chunk = this.#part(file).chunks.get(offset);
    return sha256(chunk ? await chunk.arrayBuffer() : new Uint8Array());
  }

  async write(file: number, offset: number, bytes: Bytes, state: Uint8Array): Promise<void> {
    const part = this.#part(file);
    part.chunks.set(offset, new Blob([bytes]));
    part.state.push(state);
  }

  async finish(): Promise<void> {
    // Nothing is open.
  }

  async clear(file: number): Promise<void> {
    this.#parts.delete(file);
  }

  async content(file: number): Promise<Blob> {
    const chunks = [...this.#part(file).chunks].sort(([one], [other]) => one - other);
    return new Blob(chunks.map(([, chunk]) => chunk));
  }

  async accept(): Promise<void> {
    // No later page finds it.
  }

  async close(): Promise<void> {
    // What is there stays as long as this object.
  }

  async remove(): Promise<void> {
    this.#parts.clear();
  }

  #part(file: number): Part {
    const known = this.#parts.get(file);
    if (known) return known;
    const part: Part = { chunks: new Map(), state: [] };
    this.#parts.set(file, part);
    return part;
  }
}
