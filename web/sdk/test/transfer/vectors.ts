/** The golden vectors of `docs/transfer.md`, which the tests of the native peer read too. */
import { readFileSync } from "node:fs";

function read(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../../crates/transfer/vectors/${name}`, import.meta.url), "utf8"));
}

export const paths = read("paths.json") as {
  valid: string[];
  invalid: { path: string; reason: string }[];
  sanitised: { segments: string[]; path: string }[];
};

export const hashes = read("hashes.json") as {
  files: { length: number; chunk: number; digests: string[]; hash: string }[];
};

export const messages = read("messages.json") as {
  to_receiver: { name: string; messages: string[]; outcome: string }[];
  sent: { name: string; length: number; messages: string[]; sent: string[] }[];
};

/** The bytes of the vectors' files: byte i is (i · 31 + i div 256) mod 256. */
export function pattern(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + Math.floor(index / 256)) % 256);
}
