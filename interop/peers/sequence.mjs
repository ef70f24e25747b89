/** The bytes that are streamed in tests: the highest byte of each member of a linear congruential sequence. */
export class Sequence {
  #x = 1;

  take(length) {
    const bytes = new Uint8Array(length);
    for (let index = 0; index < length; index += 1) {
      this.#x = (Math.imul(this.#x, 1664525) + 1013904223) >>> 0;
      bytes[index] = this.#x >>> 24;
    }
    return bytes;
  }
}
