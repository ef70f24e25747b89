/** Two ends of a data channel in memory. It delivers in order and not at once, counts what waits, and can break at any message. */
import type { TransferChannel } from "../../src/transfer/channel.js";

export type Sent = string | Uint8Array<ArrayBuffer>;

type Handler<E = Event> = ((event: E) => void) | null;

export class FakeTransferChannel extends EventTarget {
  readonly label = "peerline-transfer";
  readonly protocol = "peerline.transfer.v1";
  readyState: RTCDataChannelState = "open";
  binaryType: BinaryType = "blob";
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  onopen: Handler = null;
  onmessage: Handler<{ data: unknown }> = null;
  onclose: Handler = null;
  onbufferedamountlow: Handler = null;
  /** What was sent, oldest first. */
  readonly sent: Sent[] = [];
  /** The most that ever waited. */
  mostBuffered = 0;
  /** Bytes after which the channel breaks: what is on its way then is lost. */
  breaksAfter = Number.POSITIVE_INFINITY;
  other: FakeTransferChannel | undefined;
  readonly #queue: Sent[] = [];

  constructor() {
    super();
    this.addEventListener("close", (event) => this.onclose?.(event));
  }

  static pair(): [FakeTransferChannel, FakeTransferChannel] {
    const [one, other] = [new FakeTransferChannel(), new FakeTransferChannel()];
    one.other = other;
    other.other = one;
    return [one, other];
  }

  send(message: Sent): void {
    if (this.readyState !== "open") throw new DOMException("Not open", "InvalidStateError");
    const copy = typeof message === "string" ? message : message.slice();
    this.sent.push(copy);
    this.#queue.push(copy);
    this.bufferedAmount += copy.length;
    this.mostBuffered = Math.max(this.mostBuffered, this.bufferedAmount);
    if (this.#queue.length === 1) setImmediate(() => this.#deliver());
  }

  /** What was sent before still arrives. */
  close(): void {
    if (this.readyState !== "open") return;
    this.readyState = "closing";
    if (this.#queue.length === 0) this.break();
  }

  /** Both ends are closed, and what is on its way is lost. */
  break(): void {
    this.#queue.length = 0;
    for (const end of [this, this.other]) {
      if (!end || end.readyState === "closed") continue;
      end.readyState = "closed";
      end.#queue.length = 0;
      setImmediate(() => end.dispatchEvent(new Event("close")));
    }
  }

  /** The other end says something that a machine would not. */
  receive(message: Sent): void {
    this.onmessage?.({ data: typeof message === "string" ? message : message.buffer });
  }

  #deliver(): void {
    const message = this.#queue.shift();
    if (message === undefined) return;
    this.breaksAfter -= message.length;
    if (this.breaksAfter < 0) return this.break();
    const before = this.bufferedAmount;
    this.bufferedAmount -= message.length;
    if (this.other?.readyState !== "closed") this.other?.receive(message);
    const { bufferedAmountLowThreshold: low } = this;
    if (before > low && this.bufferedAmount <= low) this.onbufferedamountlow?.(new Event("bufferedamountlow"));
    if (this.#queue.length > 0) setImmediate(() => this.#deliver());
    else if (this.readyState === "closing") this.break();
  }
}

/** As the machines see it. */
export function asChannel(channel: FakeTransferChannel): TransferChannel & Pick<RTCDataChannel, "protocol"> {
  return channel as unknown as TransferChannel & Pick<RTCDataChannel, "protocol">;
}
