/** Where a receiver keeps the files of one offer (`docs/transfer.md` §9). */
import type { Bytes } from "./digest.js";

export interface PartStore {
  /** Bytes for which there is room. */
  room(): Promise<number>;
  /** What is there of a file: bytes of the part, and its state. */
  open(file: number): Promise<{ length: number; state: Uint8Array }>;
  /** Bytes of a part, as many as there are. */
  read(file: number, offset: number, length: number): Promise<Bytes>;
  /** Writes bytes to the part, and then `state` to the end of its state. Several may run at once. The buffer of `bytes` is given away. */
  write(file: number, offset: number, bytes: Bytes, state: Uint8Array): Promise<void>;
  /** All of the file is there: a part that is longer than `size` is cut off. */
  finish(file: number, size: number): Promise<void>;
  /** Forgets what there is of a file. */
  clear(file: number): Promise<void>;
  /** What is in a file that is finished. */
  content(file: number): Promise<Blob>;
  /** Notes for later pages what was accepted. */
  accept(acceptance: string): Promise<void>;
  /** Ends; what is there stays. */
  close(): Promise<void>;
  /** Ends, and removes everything. */
  remove(): Promise<void>;
}
