import { selectedPath, statistics } from "../path.js";
import type { CallFinding } from "./evidence.js";

/** Milliseconds for the connection to come about, and for its messages to arrive. */
const PATIENCE = 8000;
const ROUND_TRIPS = 9;
/** A packet's bytes, how many are sent at a time, every how many milliseconds, and for how long: 9.6 Mbit/s, as `peerline doctor` sends. */
const PACKET = 1200;
const BURST = 10;
const EVERY = 10;
const SENDING = 1000;
/** Milliseconds that the last ones may take. */
const LAST_PACKETS = 500;
/** Bytes that may wait: a network that takes less fills this, and what arrives shows how much it takes. */
const WAITING = 256 * 1024;

const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Two connections of this page meet through the relay: nothing of it stays on this machine. */
export async function relayedCall(servers: readonly RTCIceServer[]): Promise<CallFinding> {
  const configuration: RTCConfiguration = { iceServers: [...servers], iceTransportPolicy: "relay" };
  const [one, other] = [new RTCPeerConnection(configuration), new RTCPeerConnection(configuration)];
  try {
    const began = performance.now();
    const asks = one.createDataChannel("ask", { negotiated: true, id: 0 });
    const answers = other.createDataChannel("ask", { negotiated: true, id: 0 });
    const lossy: RTCDataChannelInit = { negotiated: true, id: 1, ordered: false, maxRetransmits: 0 };
    const [sends, takes] = [one.createDataChannel("send", lossy), other.createDataChannel("send", lossy)];
    const open = Promise.all([asks, answers, sends, takes].map(opened));
    await Promise.all([within(negotiate(one, other)), within(open)]);
    const took = performance.now() - began;
    answers.onmessage = ({ data }) => answers.send(data as string);
    const roundTrip = await within(middleRoundTrip(asks));
    const load = await carry(sends, takes);
    const path = selectedPath(await statistics(one));
    return { outcome: "connected", took, roundTrip, protocol: path?.protocol, ...load };
  } catch {
    return { outcome: "failed" };
  } finally {
    one.close();
    other.close();
  }
}

function within<Result>(work: Promise<Result>): Promise<Result> {
  return Promise.race([work, wait(PATIENCE).then(() => Promise.reject(new DOMException("It took too long.", "TimeoutError")))]);
}

async function negotiate(one: RTCPeerConnection, other: RTCPeerConnection): Promise<void> {
  // One that the other side doesn't take is no loss while there are others.
  one.onicecandidate = ({ candidate }) => void other.addIceCandidate(candidate ?? undefined).catch(() => undefined);
  other.onicecandidate = ({ candidate }) => void one.addIceCandidate(candidate ?? undefined).catch(() => undefined);
  const offer = await one.createOffer();
  await other.setRemoteDescription(offer);
  await one.setLocalDescription(offer);
  const answer = await other.createAnswer();
  await one.setRemoteDescription(answer);
  await other.setLocalDescription(answer);
}

function opened(channel: RTCDataChannel): Promise<void> {
  return new Promise((resolve) => {
    channel.onopen = () => resolve();
  });
}

/** Milliseconds. */
async function middleRoundTrip(channel: RTCDataChannel): Promise<number> {
  const times: number[] = [];
  while (times.length < ROUND_TRIPS) {
    const began = performance.now();
    await new Promise<void>((resolve) => {
      channel.onmessage = () => resolve();
      channel.send("?");
    });
    times.push(performance.now() - began);
  }
  return times.sort((a, b) => a - b)[ROUND_TRIPS >> 1] ?? 0;
}

/** Bits per second that one channel takes and the other gets, and how many packets of those that have left this machine arrive. */
export async function carry(
  sends: Pick<RTCDataChannel, "bufferedAmount" | "send">,
  takes: Pick<RTCDataChannel, "onmessage">,
): Promise<{ throughput: number; sent: number; arrived: number }> {
  const packet = new Uint8Array(PACKET);
  const began = performance.now();
  let [sent, arrived, last] = [0, 0, began];
  takes.onmessage = () => {
    arrived += 1;
    last = performance.now();
  };
  while (performance.now() - began < SENDING) {
    // A machine that is late sends less, and not all at once: that would be its own loss.
    for (let count = 0; count < BURST && sends.bufferedAmount < WAITING; count += 1) {
      sends.send(packet);
      sent += 1;
    }
    await wait(EVERY);
  }
  await wait(LAST_PACKETS);
  // What a slow line has not taken yet is not lost.
  sent -= Math.ceil(sends.bufferedAmount / PACKET);
  const seconds = (last - began) / 1000;
  return { sent, arrived, throughput: seconds > 0 ? (arrived * PACKET * 8) / seconds : 0 };
}
