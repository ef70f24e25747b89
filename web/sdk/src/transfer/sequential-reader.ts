import type { Bytes } from "./digest.js";
import { CHUNK, CHUNKS_AHEAD } from "./limits.js";

/**
 * Reads files from beginning to end into buffers that are used again. One made for each chunk would be left to the browser's garbage
 * collection, which lets hundreds of megabytes of a long transfer pile up.
 */
export class SequentialReader {
  readonly #canFill = readsIntoGivenBuffers();
  #file: File | undefined;
  #stream: ReadableStreamBYOBReader | undefined;
  /** Where the stream is in the file. */
  #at = 0;
  #last: Promise<unknown> = Promise.resolve();
  readonly #free: ArrayBuffer[] = [];
  /** Those that are with whoever read into them. What else comes back may be part of a buffer that others read, too. */
  readonly #lent = new WeakSet<ArrayBuffer>();

  /**
   * Reads a chunk's length at most. What is read is shorter where the file ends. Rejects where it can't be read. What is asked for in
   * order is read without opening anything anew.
   */
  read(file: File, offset: number, length: number): Promise<Bytes> {
    const reading = this.#last.then(() => this.#read(file, offset, length));
    this.#last = reading.catch(() => undefined);
    return reading;
  }

  /** Takes back what was read, when nobody needs it any more. */
  recycle({ buffer }: Bytes): void {
    if (this.#lent.delete(buffer) && this.#free.length < CHUNKS_AHEAD) this.#free.push(buffer);
  }

  async #read(file: File, offset: number, length: number): Promise<Bytes> {
    if (!this.#canFill) return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
    const stream = this.#streamAt(file, offset);
    // Until all of it is there, where the stream is is not known.
    this.#file = undefined;
    let buffer = this.#free.pop() ?? new ArrayBuffer(CHUNK);
    let filled = 0;
    while (filled < length) {
      const { value, done } = await stream.read(new Uint8Array(buffer, filled, length - filled));
      if (!value) break;
      buffer = value.buffer;
      filled += value.byteLength;
      if (done) break;
    }
    [this.#file, this.#at] = [file, offset + filled];
    this.#lent.add(buffer);
    return new Uint8Array(buffer, 0, filled);
  }

  #streamAt(file: File, offset: number): ReadableStreamBYOBReader {
    if (this.#stream && this.#file === file && this.#at === offset) return this.#stream;
    this.#stream?.cancel().catch(() => undefined);
    this.#stream = file.slice(offset).stream().getReader({ mode: "byob" });
    return this.#stream;
  }
}

/** Some browsers read files only into buffers of their own. To find that out with a file would make them begin to read it. */
function readsIntoGivenBuffers(): boolean {
  try {
    new Blob().stream().getReader({ mode: "byob" });
    return true;
  } catch {
    return false;
  }
}
