/** Names in the browser's own file system (`docs/transfer.md` §9). */

/** The directory of all transfers. */
export const FOLDER = "peerline-transfers";
/** Holds what was accepted: the transfer's name, and who sends it. */
export const ACCEPTED = "transfer";

/** The file with this number, or all small ones together. */
export type Part = number | "small";

export function partName(part: Part): string {
  return `${part}.part`;
}

export function stateName(part: Part): string {
  return `${part}.state`;
}
