/** A server and a network that are made up, anew for each test of the file that imports this. */
import { afterEach, beforeEach, vi } from "vitest";
// Loaded before time stands still.
import "../../src/channel.js";
import { type Channel, Link, type Participant, Peerline } from "../../src/index.js";
import { FakeHub } from "./hub.js";
import { FakeMediaStream, FakeNetwork, FakePeerConnection, FakeTrack } from "./peer-connection.js";
import { pass, stopTime } from "./time.js";

export const SERVER = "https://call.example";

export let hub: FakeHub;
export let link: Link;
/** They are closed when the test ends. */
export let clients: Peerline[];

beforeEach(() => {
  stopTime();
  FakeNetwork.reset();
  hub = new FakeHub();
  vi.stubGlobal("WebSocket", hub.WebSocket);
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("MediaStream", FakeMediaStream);
  link = Link.create(SERVER);
  clients = [];
});

afterEach(() => {
  for (const client of clients) client.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

/** Joins the test's channel, and waits until everybody there could be met. */
export async function join(name: string, stream: MediaStream | null = null): Promise<Channel> {
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  const joined = peerline.join(link, { name, stream });
  await pass(500);
  return joined;
}

export function mediaStream(...kinds: string[]): MediaStream {
  return new FakeMediaStream(kinds.map((kind) => new FakeTrack(kind))) as unknown as MediaStream;
}

/** The one of that name, as a channel sees it. */
export function participant(channel: Channel, name: string): Participant {
  return [...channel.participants.values()].find((other) => other.name === name) as Participant;
}
