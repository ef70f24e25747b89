/** Binary messages: pieces of chunks (`docs/transfer.md` §5). */
import { type Bytes, DIGEST_LENGTH } from "./digest.js";

const PIECE = 1;
const LAST = 2;
const HEADER = 16;

/** Bytes that a piece may have besides the file's. */
export const OVERHEAD = HEADER + DIGEST_LENGTH;

export interface Piece {
  file: number;
  /** Where in the file it begins. */
  offset: number;
  /** The chunk's, with its last piece. */
  digest: Bytes | undefined;
  /** At least one byte. */
  bytes: Bytes;
}

/** Writes a piece to the beginning of `buffer`, and returns that. */
export function writePiece({ file, offset, digest, bytes }: Piece, buffer: ArrayBuffer): Bytes {
  const view = new DataView(buffer);
  view.setUint32(0, (digest ? LAST : PIECE) << 24);
  view.setUint32(4, file);
  view.setBigUint64(8, BigInt(offset));
  const message = new Uint8Array(buffer);
  if (digest) message.set(digest, HEADER);
  const start = digest ? OVERHEAD : HEADER;
  message.set(bytes, start);
  return message.subarray(0, start + bytes.length);
}

/** @returns undefined for what is no piece */
export function parsePiece(message: ArrayBuffer): Piece | undefined {
  if (message.byteLength <= HEADER) return undefined;
  const view = new DataView(message);
  const kind = view.getUint32(0);
  const last = kind === LAST << 24;
  const offset = view.getBigUint64(8);
  const start = last ? OVERHEAD : HEADER;
  if ((!last && kind !== PIECE << 24) || message.byteLength <= start || offset > Number.MAX_SAFE_INTEGER) return undefined;
  return {
    file: view.getUint32(4),
    offset: Number(offset),
    digest: last ? new Uint8Array(message.slice(HEADER, OVERHEAD)) : undefined,
    bytes: new Uint8Array(message, start),
  };
}

/** Cuts a chunk into pieces of nearly equal length: a short message at its end would cost as much as a long one. */
export function* piecesOf(file: number, offset: number, chunk: Bytes, digest: Bytes, longest: number): Generator<Piece> {
  const length = Math.ceil(chunk.length / Math.ceil(chunk.length / longest));
  for (let start = 0; start < chunk.length; start += length) {
    const bytes = chunk.subarray(start, start + length);
    const last = start + bytes.length === chunk.length;
    yield { file, offset: offset + start, digest: last ? digest : undefined, bytes };
  }
}
