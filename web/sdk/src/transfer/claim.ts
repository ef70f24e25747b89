/** Claims: "these chunks I have, and this is their hash" (`docs/transfer.md` §6). */
import * as base64url from "../base64url.js";
import { type Bytes, Chain } from "./digest.js";
import { CLAIMS } from "./limits.js";

/** Chunks `first` up to but not including `end`, and their hash. */
export interface Claim {
  first: number;
  end: number;
  hash: string;
}

/** Digests of chunks by their number. */
export type Known = Map<number, Bytes>;

/** Whether claims are in order, apart from each other, and all within a file of `count` chunks. */
export function areValid(claims: readonly Claim[], count: number): boolean {
  let free = 0;
  return claims.every(({ first, end }) => {
    const valid = first >= free && first < end && end <= count;
    free = end;
    return valid;
  });
}

/**
 * Claims the chunks whose digests are known. Where that makes more ranges than a request may have, the shortest are
 * forgotten: those chunks come again.
 */
export async function claimsOf(known: Known): Promise<Claim[]> {
  const ranges = rangesOf(known);
  const kept = [...ranges].sort((one, other) => other.end - other.first - (one.end - one.first));
  for (const { first, end } of kept.splice(CLAIMS)) for (let index = first; index < end; index++) known.delete(index);
  kept.sort((one, other) => one.first - other.first);
  const claims: Claim[] = [];
  for (const { first, end } of kept) {
    const chain = new Chain();
    for (let index = first; index < end; index++) chain.push(known.get(index) as Bytes);
    claims.push({ first, end, hash: base64url.encode(await chain.hash) });
  }
  return claims;
}

/** Where known chunks stand next to each other. */
function rangesOf(known: Known): { first: number; end: number }[] {
  const ranges: { first: number; end: number }[] = [];
  for (const index of [...known.keys()].sort((one, other) => one - other)) {
    const last = ranges.at(-1);
    if (last?.end === index) last.end += 1;
    else ranges.push({ first: index, end: index + 1 });
  }
  return ranges;
}
