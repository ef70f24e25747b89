/** Names in the browser's own file system (`docs/transfer.md` §9). */

/** The directory of all transfers. */
export const FOLDER = "peerline-transfers";
/** Holds the transfer's name, once it has been accepted. */
export const ACCEPTED = "transfer";

export function partName(file: number): string {
  return `${file}.part`;
}

export function stateName(file: number): string {
  return `${file}.state`;
}
