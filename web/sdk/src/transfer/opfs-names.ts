/** Names in the browser's own file system (`docs/transfer.md` §9). */

/** The directory of all transfers. */
export const FOLDER = "peerline-transfers";
/** Holds what was accepted: the transfer's name, and who sends it. */
export const ACCEPTED = "transfer";

export function partName(file: number): string {
  return `${file}.part`;
}

export function stateName(file: number): string {
  return `${file}.state`;
}
