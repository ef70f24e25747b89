import type { TransferPeer } from "./peer.js";

/** What later pages know a transfer by that was accepted: its name, and who sends it. */
export function acceptanceOf(transfer: string, { identity }: TransferPeer): string {
  return identity === undefined ? transfer : `${transfer} ${identity}`;
}

/** Whether this is what was accepted before. Who has no identity can't be known again. */
export function isAccepted(acceptance: string | undefined, transfer: string, peer: TransferPeer): boolean {
  return peer.identity !== undefined && acceptance === acceptanceOf(transfer, peer);
}
