import * as base64url from "../base64url.js";
import { sha256 } from "./digest.js";
import { CHUNK, CONTROL, FILES, PATHS } from "./limits.js";
import type { Control, FileEntry } from "./message.js";
import { badMessage, TransferError } from "./outcome.js";
import { byteLength, pathProblem } from "./path.js";

/** What a file's entry takes besides its path: names, numbers, punctuation. */
const ENTRY = 80;

/** What is offered: a list of files, not empty, no path twice, none of them inside of another. */
export interface Offer {
  /** The transfer's name: 22 characters. An offer with the same name and the same files goes on with it. */
  readonly transfer: string;
  readonly files: readonly FileEntry[];
  /** The sum of the sizes. */
  readonly bytes: number;
  /** Bytes of a chunk. */
  readonly chunk: number;
}

/** @throws RangeError for a list that can't be offered */
export function makeOffer(files: readonly FileEntry[]): Offer {
  const bytes = sumOf(files);
  const paths = files.reduce((sum, { path }) => sum + byteLength(path), 0);
  if (files.length === 0) throw new RangeError("There is nothing to send.");
  if (files.length > FILES || paths > PATHS || bytes > Number.MAX_SAFE_INTEGER)
    throw new RangeError("There are too many files for one transfer.");
  if (collide(files)) throw new RangeError("Two files have the same path.");
  return { transfer: base64url.encode(crypto.getRandomValues(new Uint8Array(16))), files, bytes, chunk: CHUNK };
}

/** The offer's messages, made as they are sent. */
export function* messagesOf({ transfer, files, bytes, chunk }: Offer): Generator<Control> {
  yield { type: "offer", transfer, files: files.length, bytes, chunk };
  for (let next = 0; next < files.length; ) {
    let length = ENTRY;
    const first = next;
    while (next < files.length && length <= CONTROL) length += ENTRY + byteLength((files[next++] as FileEntry).path);
    // The last one did not fit.
    if (length > CONTROL) next -= 1;
    yield { type: "files", files: files.slice(first, next) };
  }
}

/** Names a list of files: another list has another name. */
export async function listDigest(files: readonly FileEntry[]): Promise<string> {
  const list = JSON.stringify(files.map(({ path, size, modified }) => [path, size, modified ?? null]));
  return base64url.encode(await sha256(new TextEncoder().encode(list)));
}

/** An offer that comes in parts. */
export class Listing {
  readonly #announced: Extract<Control, { type: "offer" }>;
  readonly #files: FileEntry[] = [];
  /** Bytes of paths that may still come. */
  #paths = PATHS;

  constructor(announced: Extract<Control, { type: "offer" }>) {
    if (announced.files > FILES) throw new TransferError("too_large", "There are too many files.");
    this.#announced = announced;
  }

  /** Takes some files; with the last ones, gives the offer. */
  add(entries: readonly FileEntry[]): Offer | undefined {
    const { transfer, files, bytes, chunk } = this.#announced;
    if (entries.length === 0 || this.#files.length + entries.length > files) throw badMessage("Not as many files as were announced.");
    for (const { path, size, modified } of entries) {
      this.#paths -= byteLength(path);
      if (this.#paths < 0) throw new TransferError("too_large", "The files' paths are too long.");
      const problem = pathProblem(path);
      if (problem) throw new TransferError("bad_path", `A path is refused: ${problem}.`);
      this.#files.push({ path, size, ...(modified !== undefined && { modified }) });
    }
    if (this.#files.length < files) return undefined;
    if (collide(this.#files)) throw badMessage("Two files have the same path.");
    if (sumOf(this.#files) !== bytes) throw badMessage("The sizes are not the sum that was announced.");
    return { transfer, files: this.#files, bytes, chunk };
  }
}

/** Whether two paths are the same, or one goes through another one that is a file. */
function collide(files: readonly { path: string }[]): boolean {
  const paths = new Set(files.map(({ path }) => path));
  return paths.size < files.length || files.some(({ path }) => [...parents(path)].some((parent) => paths.has(parent)));
}

/** The directories that a path goes through. */
function* parents(path: string): Generator<string> {
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) yield path.slice(0, at);
}

function sumOf(files: readonly { size: number }[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
