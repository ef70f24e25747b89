/** The state beside a part: which chunks were written, and their digests (`docs/transfer.md` §9). */
import type { Known } from "./claim.js";
import { DIGEST_LENGTH, equal } from "./digest.js";

const MAGIC = new TextEncoder().encode("PEERPART");
const HEADER = 24;
const RECORD = 8 + DIGEST_LENGTH;

/** What a state begins with. */
export function stateHeader(size: number, chunk: number): Uint8Array {
  const header = new Uint8Array(HEADER);
  header.set(MAGIC);
  const view = new DataView(header.buffer);
  view.setBigUint64(8, BigInt(size));
  view.setBigUint64(16, BigInt(chunk));
  return header;
}

/** What is appended when a chunk is written. */
export function stateRecord(index: number, digest: Uint8Array): Uint8Array {
  const record = new Uint8Array(RECORD);
  new DataView(record.buffer).setBigUint64(0, BigInt(index));
  record.set(digest, 8);
  return record;
}

/**
 * Reads a state. A last record that was cut off, and records that can't be, are left out.
 *
 * @returns undefined where part and state are those of another file
 */
export function parseState(state: Uint8Array, size: number, chunk: number): Known | undefined {
  if (!equal(state.subarray(0, HEADER), stateHeader(size, chunk))) return undefined;
  const known: Known = new Map();
  const count = Math.ceil(size / chunk);
  const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
  for (let at = HEADER; at + RECORD <= state.length; at += RECORD) {
    const index = view.getBigUint64(at);
    if (index < count) known.set(Number(index), state.slice(at + 8, at + RECORD) as Uint8Array<ArrayBuffer>);
  }
  return known;
}
