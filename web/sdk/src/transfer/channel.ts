/** A transfer's data channel (`docs/transfer.md` §1); `RTCDataChannel` fits. */
export type TransferChannel = Pick<
  RTCDataChannel,
  | "readyState"
  | "bufferedAmount"
  | "bufferedAmountLowThreshold"
  | "binaryType"
  | "send"
  | "close"
  | "onopen"
  | "onmessage"
  | "onclose"
  | "onbufferedamountlow"
>;

export const LABEL = "peerline-transfer";
export const PROTOCOL = "peerline.transfer.v1";

/** Reliable and ordered, and "below normal" where the browser has priorities: what is said in the chat never waits for files. */
export const CHANNEL_OPTIONS: RTCDataChannelInit & { priority: string } = { protocol: PROTOCOL, priority: "very-low" };
