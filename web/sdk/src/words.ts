const BITS_OF_A_WORD = 11;

/**
 * Bits in words that people can say: eleven bits each, from the list of the spoken codes (`docs/signaling.md` §1).
 * The list is loaded when it is needed for the first time.
 */
export async function inWords(bytes: Uint8Array, count: number): Promise<string[]> {
  const { default: text } = await import("../../../crates/signaling/src/code/words.txt?raw");
  const list = text.trim().split(/\s+/);
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, "0")).join("");
  return Array.from({ length: count }, (_, index) => {
    const start = index * BITS_OF_A_WORD;
    return list[Number.parseInt(bits.slice(start, start + BITS_OF_A_WORD), 2)] ?? "";
  });
}
