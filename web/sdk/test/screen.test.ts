import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Channel, Link, type Participant, Peerline } from "../src/index.js";
import { FakeHub } from "./fakes/hub.js";
import { FakeMediaStream, FakeNetwork, FakePeerConnection, FakeTrack } from "./fakes/peer-connection.js";
import { pass, settle, stopTime } from "./fakes/time.js";

const SERVER = "https://call.example";

let hub: FakeHub;
let link: Link;
let clients: Peerline[];

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

async function join(name: string): Promise<Channel> {
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  const joined = peerline.join(link, { name, stream: stream("audio", "video") });
  await pass(500);
  return joined;
}

function stream(...kinds: string[]): MediaStream {
  return new FakeMediaStream(kinds.map((kind) => new FakeTrack(kind))) as unknown as MediaStream;
}

function participant(channel: Channel, name: string): Participant {
  return [...channel.participants.values()].find((other) => other.name === name) as Participant;
}

const open = () => FakeNetwork.connections.filter(({ signalingState }) => signalingState !== "closed");
const kinds = (stream: MediaStream | null) => stream?.getTracks().map(({ kind }) => kind).sort();
/** What is sent beside microphone and camera, over all connections. */
const sentScreens = () => open().flatMap(({ transceivers }) => transceivers.slice(2).flatMap(({ sender }) => sender.track ?? []));

describe("a shared screen", () => {
  let ada: Channel;
  let bob: Channel;

  beforeEach(async () => {
    ada = await join("Ada");
    bob = await join("Bob");
  });

  it("is a stream of its own beside camera and microphone, with its sound", async () => {
    const camera = participant(bob, "Ada").stream.getTracks();
    await ada.setScreen(stream("video", "audio"));
    await pass(500);
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["audio", "video"]);
    expect(participant(bob, "Ada").stream.getTracks()).toEqual(camera);
    expect(participant(ada, "Bob").screen).toBeNull();
  });

  it("is gone for the others at once when it stops", async () => {
    await ada.setScreen(stream("video"));
    await pass(500);
    await ada.setScreen(null);
    await pass(100);
    expect(participant(bob, "Ada").screen).toBeNull();
    expect(sentScreens()).toEqual([]);
  });

  it("starts and stops ten times over the same transceivers, negotiated once", async () => {
    for (let time = 0; time < 10; time++) {
      const screen = stream("video", "audio");
      await ada.setScreen(screen);
      await pass(500);
      expect(kinds(participant(bob, "Ada").screen)).toEqual(["audio", "video"]);
      expect(sentScreens()).toEqual([screen.getVideoTracks()[0], screen.getAudioTracks()[0]]);
      await ada.setScreen(null);
      await pass(100);
    }
    expect(open().map(({ transceivers }) => transceivers.length)).toEqual([4, 4]);
    expect(open().map(({ offers }) => offers).sort()).toEqual([1, 1]);
  });

  it("may come with sound the second time only", async () => {
    await ada.setScreen(stream("video"));
    await pass(500);
    await ada.setScreen(null);
    await ada.setScreen(stream("video", "audio"));
    await pass(500);
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["audio", "video"]);
  });

  it("ends when the browser ends it, and the page hears of it", async () => {
    const screen = stream("video");
    await ada.setScreen(screen);
    await pass(500);
    const changed = vi.fn();
    ada.addEventListener("screenchange", changed);
    screen.getVideoTracks()[0]?.dispatchEvent(new Event("ended"));
    await pass(100);
    expect(ada.screen).toBeNull();
    expect(changed).toHaveBeenCalledTimes(1);
    expect(participant(bob, "Ada").screen).toBeNull();
  });

  it("reaches those who join later", async () => {
    await ada.setScreen(stream("video"));
    await pass(500);
    const carol = await join("Carol");
    await pass(500);
    expect(kinds(participant(carol, "Ada").screen)).toEqual(["video"]);
    expect(kinds(participant(carol, "Ada").stream)).toEqual(["audio", "video"]);
  });

  it("can be shared by both sides at the same moment", async () => {
    await Promise.all([ada.setScreen(stream("video")), bob.setScreen(stream("video"))]);
    await pass(10_000);
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["video"]);
    expect(kinds(participant(ada, "Bob").screen)).toEqual(["video"]);
    expect(open().map(({ transceivers }) => transceivers.length)).toEqual([4, 4]);
  });

  it("goes on over a connection that was made again", async () => {
    await ada.setScreen(stream("video"));
    await pass(500);
    FakeNetwork.up = false;
    FakeNetwork.breakPaths();
    await pass(40_000);
    FakeNetwork.up = true;
    await pass(60_000);
    expect(participant(bob, "Ada").state).toBe("connected");
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["video"]);
    expect(sentScreens()).toHaveLength(1);
  });

  it("ends with the call", async () => {
    const screen = stream("video");
    await ada.setScreen(screen);
    ada.leave();
    await settle();
    expect(ada.screen).toBeNull();
  });

  it("is nothing without a picture", async () => {
    await ada.setScreen(stream("audio"));
    await pass(500);
    expect(ada.screen).toBeNull();
    expect(participant(bob, "Ada").screen).toBeNull();
    expect(open().map(({ transceivers }) => transceivers.length)).toEqual([2, 2]);
  });
});
