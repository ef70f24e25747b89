/** Where a receiver keeps the files of one offer (`docs/transfer.md` §9). */
import type { Bytes } from "./digest.js";

/** @typeParam Part - what a part is known by: the file's number */
export interface PartStore<Part = number> {
  /** Bytes for which there is room. */
  room(): Promise<number>;
  /** What is there of a file: bytes of the part, and its state. */
  open(part: Part): Promise<{ length: number; state: Uint8Array }>;
  /** The SHA-256 of so many bytes of a part, or of as many as there are. */
  digest(part: Part, offset: number, length: number): Promise<Bytes>;
  /** Writes bytes to the part, and then `state` to the end of its state. Several may run at once. The buffer of `bytes` is given away. */
  write(part: Part, offset: number, bytes: Bytes, state: Uint8Array): Promise<void>;
  /** All of the file is there: a part that is longer than `size` is cut off. */
  finish(part: Part, size: number): Promise<void>;
  /** Forgets what there is of a file. */
  clear(part: Part): Promise<void>;
  /** What is in a file that is finished. */
  content(part: Part): Promise<Blob>;
  /** Notes for later pages what was accepted. */
  accept(acceptance: string): Promise<void>;
  /** Ends; what is there stays. */
  close(): Promise<void>;
  /** Ends, and removes everything. */
  remove(): Promise<void>;
}
