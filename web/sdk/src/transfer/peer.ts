import type { Participant } from "../api.js";
import type { TransferChannel } from "./channel.js";

/** What a transfer needs of a participant. */
export interface TransferPeer extends Participant {
  /** Whether data flows. */
  readonly connected: boolean;
  /** Opens a data channel for a transfer. */
  openTransferChannel(): { channel: TransferChannel; messageSize: number };
  /** What was taken steadily isn't any more. */
  stalled(): void;
}

/** Whether two participants are pages of one person, as both say: before and after one was loaded again. */
export function isSamePerson(one: TransferPeer, other: TransferPeer): boolean {
  return one === other || (one.identity !== undefined && one.identity === other.identity);
}
