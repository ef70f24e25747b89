import { ChannelCipher } from "../channel-cipher.js";
import { Link } from "../link.js";
import { Session } from "../session.js";
import { webSocket } from "../transport.js";
import type { SignalingFinding } from "./evidence.js";

/** Milliseconds. */
const PATIENCE = 8000;

/** Enters a channel of its own, as a call does, and leaves it: that is what the relay's credentials are given for. */
export async function askSignaling(server: URL): Promise<{ signaling: SignalingFinding; servers: RTCIceServer[] }> {
  const began = performance.now();
  const session = new Session(webSocket(server), {
    statechange: () => undefined,
    event: () => undefined,
    reset: () => undefined,
    fenced: () => undefined,
    certain: () => undefined,
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DOMException("It took too long.", "TimeoutError")), PATIENCE);
  });
  try {
    const servers = await Promise.race([join(session, server), late]);
    return { signaling: { outcome: "done", took: performance.now() - began }, servers };
  } catch (error) {
    return { signaling: { outcome: "failed", reason: error instanceof Error ? error.message : String(error) }, servers: [] };
  } finally {
    clearTimeout(timer);
    session.close();
  }
}

async function join(session: Session, server: URL): Promise<RTCIceServer[]> {
  await session.open();
  const link = Link.create(server);
  const channel = await link.channel();
  const cipher = new ChannelCipher(await link.sealKey(), channel);
  const profile = await cipher.sealProfile({ kind: "profile", name: "", microphone: false, camera: false, screen: false }, session.participant);
  const answer = await session.request({ type: "join", id: session.nextId(), channel, profile });
  session.notify({ type: "leave", id: session.nextId(), channel });
  return answer.type === "joined" ? answer.ice.servers : [];
}
