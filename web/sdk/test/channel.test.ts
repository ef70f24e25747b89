import { beforeEach, describe, expect, it, vi } from "vitest";
import { ChannelCipher } from "../src/channel-cipher.js";
import type { Message } from "../src/messages.js";
import type { Channel, ChatMessage, IncomingTransfer, Participant } from "../src/index.js";
import { Peerline } from "../src/index.js";
import { clients, hub, link, mediaStream, SERVER } from "./fakes/call.js";
import { FakeNetwork, FakePeerConnection } from "./fakes/peer-connection.js";
import { pass, settle } from "./fakes/time.js";

interface Client {
  peerline: Peerline;
  channel: Channel;
}

async function join(name: string, stream: MediaStream | null = null): Promise<Client> {
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  const joined = peerline.join(link, { name, stream });
  joined.catch(() => undefined);
  await pass(50, 50);
  return { peerline, channel: await joined };
}

function only(channel: Channel): Participant {
  expect(channel.participants.size).toBe(1);
  return [...channel.participants.values()][0] as Participant;
}

/** What a member who doesn't use this client can write. */
async function forge(from: string, to: string) {
  const channel = await link.channel();
  const cipher = new ChannelCipher(await link.sealKey(), channel);
  return { channel, sealed: (message: Message, id: number) => cipher.seal(message, from, to, id) };
}

const texts = (channel: Channel) => channel.chat.map(({ text }) => text);
const open = () => FakeNetwork.connections.filter(({ signalingState }) => signalingState !== "closed");
const offers = () => FakeNetwork.connections.reduce((sum, connection) => sum + connection.offers, 0);

describe("a call of two", () => {
  let ada: Client;
  let bob: Client;

  beforeEach(async () => {
    ada = await join("Ada", mediaStream("audio", "video"));
    bob = await join("Bob", mediaStream("audio"));
    await pass(500);
  });

  it("has four words to compare, the same on both sides, and each the identity of the other", async () => {
    const [bobs, adas] = [only(ada.channel).verification, only(bob.channel).verification];
    expect([bobs?.state, adas?.state]).toEqual(["ready", "ready"]);
    expect(await bobs?.words()).toEqual(await adas?.words());
    expect([bobs?.identity, adas?.identity]).toEqual([only(ada.channel).identity, only(bob.channel).identity]);
  });

  it("has words also where a browser opens the data channel before it shows the description that it did so by", async () => {
    const { prototype } = FakePeerConnection;
    const late = new WeakSet<object>();
    const take = prototype.setRemoteDescription;
    vi.spyOn(prototype, "setRemoteDescription").mockImplementation(async function (this: FakePeerConnection, description) {
      late.add(this);
      await take.call(this, description);
      await new Promise((resolve) => setTimeout(resolve, 200));
      late.delete(this);
    });
    const get = Object.getOwnPropertyDescriptor(prototype, "remoteDescription")?.get;
    vi.spyOn(prototype, "remoteDescription", "get").mockImplementation(function (this: FakePeerConnection) {
      return late.has(this) ? null : get?.call(this);
    });
    const carol = await join("Carol");
    await pass(2000);
    expect([...carol.channel.participants.values()].map(({ verification }) => verification?.state)).toEqual(["ready", "ready"]);
  });

  it("connects by one offer of the newcomer, both kinds both ways", () => {
    const [one, two] = [only(ada.channel), only(bob.channel)];
    expect([one.name, one.state, two.name, two.state]).toEqual(["Bob", "connected", "Ada", "connected"]);
    expect(offers()).toBe(1);
    for (const { transceivers } of open()) {
      expect(transceivers.map(({ kind, direction }) => [kind, direction])).toEqual([["audio", "sendrecv"], ["video", "sendrecv"]]);
      expect(transceivers[0]?.sender.track?.kind).toBe("audio");
    }
    expect(one.stream.getTracks().map(({ kind }) => kind)).toEqual(["audio", "video"]);
    expect([two.microphone, two.camera, one.microphone, one.camera]).toEqual([true, true, true, false]);
    expect(one.path).toEqual({ kind: "direct", protocol: "udp" });
  });

  it("reports the path once to the server", async () => {
    await pass(5000);
    expect(hub.received.filter(({ type }) => type === "report")).toEqual([
      { type: "report", path: "direct" },
      { type: "report", path: "direct" },
    ]);
  });

  it("reports the path although the call was short", async () => {
    bob.channel.leave();
    await settle();
    expect(hub.received.filter(({ type }) => type === "report")).toHaveLength(2);
  });

  it("reports the path when the server is back", async () => {
    hub.down = true;
    hub.breakConnections();
    await pass(5000);
    expect(hub.received.filter(({ type }) => type === "report")).toEqual([]);
    hub.down = false;
    await pass(10_000);
    expect(hub.received.filter(({ type }) => type === "report")).toHaveLength(2);
  });

  it("ends when another connection takes its key, and can be entered again", async () => {
    hub.breakConnections(4001);
    await settle();
    expect([ada.channel.state, ada.peerline.state]).toEqual(["left", "closed"]);
    const again = ada.peerline.join(link, { name: "Ada" });
    await pass(1000);
    expect((await again).state).toBe("joined");
  });

  it("lets go of the tracks when it ends", async () => {
    const stream = mediaStream("audio");
    await ada.channel.setStream(stream);
    ada.channel.leave();
    await settle();
    const before = hub.received.length;
    stream.getTracks()[0]?.dispatchEvent(new Event("ended"));
    await settle();
    expect([ada.channel.stream, hub.received.length]).toEqual([null, before]);
  });

  it("does not start over for ever because another wants it", async () => {
    const { channel, sealed } = await forge(bob.channel.id, ada.channel.id);
    const before = FakeNetwork.connections.length;
    for (let offer = 0; offer < 50; offer++) {
      const description = { type: "offer", sdp: `v=0\r\na=fingerprint:sha-256 X${offer}\r\n` } as const;
      const id = 1_000_000 + offer;
      const payload = await sealed({ kind: "description", negotiation: 1000 + offer, description }, id);
      hub.tell(ada.channel.id, { type: "message", channel, from: bob.channel.id, to: ada.channel.id, id, payload });
      await settle();
    }
    await pass(500);
    expect(FakeNetwork.connections.length - before).toBeGreaterThan(2);
    expect(FakeNetwork.connections.length - before).toBeLessThanOrEqual(8);
  });

  it("tells the others about microphone, camera and name", async () => {
    const changed = vi.fn();
    only(bob.channel).addEventListener("change", changed);
    ada.channel.setMicrophone(false);
    ada.channel.setName("Ada L.");
    await settle();
    expect(only(bob.channel)).toMatchObject({ name: "Ada L.", microphone: false, camera: true });
    expect(ada.channel.stream?.getAudioTracks()[0]?.enabled).toBe(false);
    expect(changed).toHaveBeenCalled();
    ada.channel.setMicrophone(true);
    await settle();
    expect(only(bob.channel).microphone).toBe(true);
  });

  it("adds a camera later without another negotiation, and stays muted", async () => {
    bob.channel.setMicrophone(false);
    const stream = mediaStream("audio", "video");
    await bob.channel.setStream(stream);
    await pass(500);
    expect(offers()).toBe(1);
    expect(only(ada.channel)).toMatchObject({ microphone: false, camera: true });
    const sent = open().flatMap(({ transceivers }) => transceivers.map(({ sender }) => sender.track));
    for (const track of stream.getTracks()) expect(sent).toContain(track);
  });

  it("says goodbye", async () => {
    const left = vi.fn();
    ada.channel.addEventListener("participantleave", left);
    bob.channel.leave();
    expect(bob.channel.state).toBe("left");
    await pass(200);
    expect(left).toHaveBeenCalledTimes(1);
    expect(ada.channel.participants.size).toBe(0);
    expect(open()).toEqual([]);
  });

  it("hears a goodbye by the data channel when the server is down", async () => {
    hub.down = true;
    hub.breakConnections();
    bob.channel.leave();
    await settle();
    expect(ada.channel.participants.size).toBe(0);
  });

  it("lives on while the server restarts, and a newcomer can join", async () => {
    const connections = open();
    hub.down = true;
    hub.restart();
    expect(ada.channel.state).toBe("reconnecting");
    await pass(20_000);
    expect([only(ada.channel).state, only(bob.channel).state]).toEqual(["connected", "connected"]);
    hub.down = false;
    await pass(6000);
    expect(ada.channel.state).toBe("joined");
    expect(open()).toEqual(connections);
    expect(offers()).toBe(1);
    const carol = await join("Carol");
    await pass(500);
    for (const { channel } of [ada, bob, carol])
      expect([...channel.participants.values()].map(({ state }) => state)).toEqual(["connected", "connected"]);
  });

  it("goes on when the restarted server has no room for it, and comes back when there is", async () => {
    hub.refuses = ({ type }) => (type === "join" ? "channel_full" : undefined);
    hub.restart();
    await pass(15_000, 500);
    expect([ada.channel.state, only(ada.channel).state]).toEqual(["reconnecting", "connected"]);
    hub.refuses = () => undefined;
    await pass(11_000, 500);
    expect([ada.channel.state, only(ada.channel).state]).toEqual(["joined", "connected"]);
    expect(offers()).toBe(1);
  });

  it("keeps a participant whom a restarted server doesn't know, for as long as the connection holds", async () => {
    const id = bob.channel.id;
    hub.restart();
    hub.loses = ({ type }, participant) => type === "join" && participant === id;
    await pass(120_000, 1000);
    expect(only(ada.channel)).toMatchObject({ id, state: "connected" });
    hub.loses = () => true;
    FakeNetwork.up = false;
    FakeNetwork.breakPaths();
    await pass(1000);
    expect(only(ada.channel).state).toBe("away");
    await pass(20_000, 1000);
    expect(ada.channel.participants.size).toBe(0);
  });

  it("keeps a participant whose session timed out while the connection holds", async () => {
    hub.expire(bob.channel.id);
    await pass(60_000, 1000);
    expect(only(ada.channel).state).toBe("connected");
  });

  it("shows who is away when neither path works", async () => {
    const away = { type: "state", channel: await link.channel(), participant: bob.channel.id, state: "away" };
    hub.tell(ada.channel.id, away);
    await settle();
    expect(only(ada.channel).state).toBe("connected");
    FakeNetwork.breakPaths();
    await settle();
    expect(only(ada.channel).state).toBe("away");
    expect(only(bob.channel).state).toBe("connecting");
    hub.tell(ada.channel.id, { ...away, state: "present" });
    await pass(4000);
    expect(only(ada.channel).state).toBe("connected");
  });

  it("restarts ICE when the path breaks", async () => {
    FakeNetwork.breakPaths();
    await settle();
    expect(only(ada.channel).state).toBe("connecting");
    await pass(4000);
    expect([only(ada.channel).state, only(bob.channel).state]).toEqual(["connected", "connected"]);
    expect(open()).toHaveLength(2);
    expect(offers()).toBe(2);
  });

  it("restarts ICE when nothing comes any more, long before the browsers notice", async () => {
    await pass(3000);
    FakeNetwork.silence();
    await pass(1000);
    expect(offers()).toBe(1);
    await pass(1000);
    expect(offers()).toBe(2);
    await expect(ada.channel.sendChat("again")).resolves.toMatchObject({ text: "again" });
    await pass(10_000);
    expect([offers(), open().length]).toEqual([2, 2]);
  });

  it.each([
    ["both are full agents of RFC 8445", [true, true]],
    ["only one of them is", [true, false]],
    ["only the other one is", [false, true]],
  ])("restarts ICE by one offer where %s", async (_, full) => {
    full.forEach((isFull, index) => isFull && Object.assign(open()[index] ?? {}, { iceOptions: "trickle ice2" }));
    open()[0]?.onnegotiationneeded?.(new Event("negotiationneeded"));
    await pass(3000);
    const before = open().map((connection) => connection.offers);
    FakeNetwork.silence();
    await pass(4000);
    const more = open().map((connection, index) => connection.offers - (before[index] ?? 0));
    expect([...more].sort()).toEqual([0, 1]);
    if (full[0] !== full[1]) expect(more).toEqual(full.map(Number));
  });

  it.each(["both sides", "Ada", "Bob"])("finds a new path by one offer, sooner, where the connection to the server of %s broke with the old one", async (who) => {
    await pass(3000);
    FakeNetwork.silence();
    if (who === "both sides") hub.breakConnections();
    else hub.breakConnections(1006, (who === "Ada" ? ada : bob).channel.id);
    await pass(1300);
    expect([offers(), only(ada.channel).state, only(bob.channel).state]).toEqual([2, "connected", "connected"]);
    await expect(ada.channel.sendChat("again")).resolves.toMatchObject({ text: "again" });
    await pass(10_000);
    expect([offers(), open().length]).toEqual([2, 2]);
  });

  it("makes no new path where only the connection to the server breaks, again and again", async () => {
    for (let time = 0; time < 10; time++) {
      await pass(3000 + time * 70);
      hub.breakConnections();
    }
    await pass(10_000);
    expect(offers()).toBe(1);
  });

  it("answers a restart by a peer that has refused a kind of media", async () => {
    const refusing = FakeNetwork.connections.find(({ offers }) => offers === 0);
    for (const transceiver of FakeNetwork.connections.find(({ offers }) => offers > 0)?.transceivers ?? []) transceiver.direction = "stopped";
    refusing?.restartIce();
    await pass(4000);
    expect(refusing?.signalingState).toBe("stable");
    expect(offers()).toBe(2);
  });

  it("notices as soon where media flowed until then, whichever of them came last", async () => {
    const receivers = () => open().flatMap((connection) => connection.getReceivers().filter(({ track }) => track.kind === "audio" || track.kind === "video"));
    const clock = (milliseconds: number) => receivers().forEach((receiver, index) => (receiver.newest = Date.now() + milliseconds + index * 40));
    for (let time = 0; time < 5000; time += 50) {
      clock(0);
      await pass(50, 50);
    }
    FakeNetwork.silence();
    await pass(2200, 50);
    expect(offers()).toBe(2);
  });

  it("looks for another relay than the one by which nothing comes any more, on both sides", async () => {
    const [here, elsewhere] = ["turn:a.example:3478?transport=udp", "turn:b.example:3478?transport=udp"];
    const servers = [{ urls: [here, "turns:a.example:443?transport=tcp"] }, { urls: [elsewhere] }];
    for (const { id } of [ada.channel, bob.channel]) hub.tell(id, { type: "ice", servers, expires: 4e9 });
    await settle();
    for (const connection of open()) connection.relay = here;
    await pass(3000);
    FakeNetwork.silence();
    await pass(2000);
    expect(offers()).toBe(2);
    const preferred = open().map(({ configuration }) => configuration.iceServers?.flatMap(({ urls }) => urls));
    expect(preferred).toEqual([1, 2].map(() => [elsewhere, "turns:a.example:443?transport=tcp", here]));
  });

  it("keeps a relay that works when the other side offers something more while all is quiet", async () => {
    const servers = [{ urls: ["turn:a.example:3478?transport=udp"] }, { urls: ["turn:b.example:3478?transport=udp"] }];
    for (const { id } of [ada.channel, bob.channel]) hub.tell(id, { type: "ice", servers, expires: 4e9 });
    await settle();
    for (const connection of open()) connection.relay = "turn:a.example:3478?transport=udp";
    const configurations = vi.spyOn(FakePeerConnection.prototype, "setConfiguration");
    // What is awaited on a connection without media is so for a part of the time only.
    for (let moment = 0; moment < 10; moment++) {
      await pass(3000 + moment * 50, 50);
      open()[moment % 2]?.onnegotiationneeded?.(new Event("negotiationneeded"));
    }
    await pass(3000);
    expect(offers()).toBeGreaterThan(10);
    expect(configurations).not.toHaveBeenCalled();
  });

  it("sends pictures whole when something comes again, and asks that once", async () => {
    const keyFrames = () => open().flatMap((connection) => connection.getSenders().map(({ track, keyFrames }) => [track?.kind, keyFrames]));
    FakeNetwork.silence();
    await pass(1000);
    expect(keyFrames()).toContainEqual(["video", 0]);
    await pass(3000);
    expect(keyFrames()).toContainEqual(["video", 1]);
    expect(keyFrames().filter(([kind]) => kind !== "video").map(([, count]) => count)).toEqual(expect.not.arrayContaining([1]));
    await pass(10_000);
    expect(keyFrames()).toContainEqual(["video", 1]);
  });

  it("makes sure of the server when nothing comes any more", async () => {
    await pass(3000);
    // Its address is another one: what it sends over the old connection arrives nowhere, and what it is sent waits for the new one.
    let isOld = true;
    const waiting: Parameters<typeof tell>[1][] = [];
    const tell = hub.tell.bind(hub);
    vi.spyOn(hub, "tell").mockImplementation((to, event) => (isOld && to === ada.channel.id ? void waiting.push(event) : tell(to, event)));
    hub.loses = ({ type }, id) => {
      if (type === "hello" && isOld) {
        isOld = false;
        setTimeout(() => waiting.forEach((event) => tell(ada.channel.id, event)), 10);
      }
      return isOld && id === ada.channel.id;
    };
    const before = hub.connections;
    FakeNetwork.silence();
    await pass(2000);
    expect(hub.connections - before).toBe(1);
    expect([only(ada.channel).state, offers()]).toEqual(["connected", 2]);
  });

  it("disturbs no call in which all is well", async () => {
    await pass(600_000, 500);
    expect([offers(), hub.connections]).toEqual([1, 2]);
  });

  it("waits for the server with an ICE restart", async () => {
    hub.down = true;
    hub.restart();
    FakeNetwork.breakPaths();
    await pass(10_000);
    expect(offers()).toBe(1);
    hub.down = false;
    await pass(10_000);
    expect([only(ada.channel).state, only(bob.channel).state]).toEqual(["connected", "connected"]);
  });

  it("replaces the connection when restarts don't help, and says that it failed", async () => {
    FakeNetwork.up = false;
    FakeNetwork.breakPaths();
    await pass(40_000, 500);
    expect(only(ada.channel).state).toBe("failed");
    expect(FakeNetwork.connections.length).toBeGreaterThan(2);
    FakeNetwork.up = true;
    await pass(60_000, 500);
    expect([only(ada.channel).state, only(bob.channel).state]).toEqual(["connected", "connected"]);
    await expect(ada.channel.sendChat("again")).resolves.toMatchObject({ text: "again" });
    expect(texts(bob.channel)).toEqual(["again"]);
  });

  it("uses new credentials", async () => {
    hub.tell(ada.channel.id, { type: "ice", servers: [{ urls: ["turn:h:1?transport=udp"], username: "u", credential: "c" }], expires: 4e9 });
    await settle();
    const configurations = open().map(({ configuration }) => configuration.iceServers?.[0]?.username);
    expect(configurations.filter((name) => name === "u")).toHaveLength(1);
  });

  it("rejects joining the same channel twice", async () => {
    await expect(ada.peerline.join(link, { name: "Ada" })).rejects.toMatchObject({ code: "already_joined" });
  });

  it("offers files over a data channel of their own, and again over another one when the connection was replaced", async () => {
    const offers: IncomingTransfer[] = [];
    only(bob.channel).addEventListener("offer", ({ transfer }) => offers.push(transfer));
    const outgoing = only(ada.channel).sendFiles([new File(["hello"], "hello.txt")]);
    await vi.waitFor(() => expect(offers).toMatchObject([{ id: outgoing.id, state: "offered", participant: { name: "Ada" } }]));
    FakeNetwork.up = false;
    FakeNetwork.breakPaths();
    await pass(40_000, 500);
    await offers[0]?.accept();
    expect([offers[0]?.state, only(ada.channel).state]).toEqual(["waiting", "failed"]);
    FakeNetwork.up = true;
    await pass(60_000, 500);
    await vi.waitFor(() => expect([outgoing.state, offers[0]?.state, offers.length]).toEqual(["completed", "completed", 1]));
    expect(await (await offers[0]?.content(0))?.text()).toBe("hello");
  });

  it("ends transfers that are under way when it ends", async () => {
    const outgoing = only(ada.channel).sendFiles([new File(["hello"], "hello.txt")]);
    ada.channel.leave();
    expect([outgoing.state, outgoing.reason]).toEqual(["cancelled", "here"]);
  });

  describe("chat", () => {
    it("goes by the data channel, and is acknowledged", async () => {
      const sends = () => hub.received.filter(({ type }) => type === "send").length;
      const before = sends();
      const message = await ada.channel.sendChat("hello");
      expect(sends()).toBe(before);
      expect(message).toMatchObject({ text: "hello", own: true, from: ada.channel.id, name: "Ada" });
      expect(only(ada.channel)).toBeDefined();
      expect(bob.channel.chat).toMatchObject([{ id: message.id, text: "hello", own: false, from: ada.channel.id, name: "Ada" }]);
      expect(texts(ada.channel)).toEqual(["hello"]);
    });

    it("goes by the server while there is no path", async () => {
      for (const { data } of open()) if (data) data.readyState = "closed";
      await ada.channel.sendChat("by the server");
      expect(texts(bob.channel)).toEqual(["by the server"]);
    });

    it("arrives once although the acknowledgement was lost", async () => {
      for (const { data } of open()) if (data) data.loses = (text) => text.includes('"received"');
      const sent = ada.channel.sendChat("once");
      await pass(3000);
      await sent;
      await pass(30_000, 500);
      expect(texts(bob.channel)).toEqual(["once"]);
    });

    it("arrives once when the path breaks under it", async () => {
      FakeNetwork.breakPaths();
      const sent = ada.channel.sendChat("into the dark");
      await pass(3000);
      await sent;
      expect(texts(bob.channel)).toEqual(["into the dark"]);
    });

    it("arrives once when it was sent while neither way worked", async () => {
      hub.down = true;
      hub.restart();
      FakeNetwork.up = false;
      FakeNetwork.breakPaths();
      let delivered: ChatMessage | undefined;
      void ada.channel.sendChat("wait").then((message) => (delivered = message));
      await pass(10_000, 500);
      expect(delivered).toBeUndefined();
      expect(texts(ada.channel)).toEqual(["wait"]);
      hub.down = false;
      FakeNetwork.up = true;
      await pass(30_000, 500);
      expect(delivered).toBeDefined();
      expect(texts(bob.channel)).toEqual(["wait"]);
    });

    it("arrives once, whichever way, while the server restarts again and again", async () => {
      const sent: Promise<unknown>[] = [];
      const expected: string[] = [];
      for (let round = 0; round < 6; round++) {
        if (round % 2 === 0) hub.restart();
        if (round % 3 === 0) FakeNetwork.breakPaths();
        for (const text of [`a${round}`, `b${round}`]) {
          sent.push(ada.channel.sendChat(text));
          expected.push(text);
        }
        await pass(700);
      }
      await pass(30_000, 500);
      await Promise.all(sent);
      expect(texts(bob.channel).sort()).toEqual(expected.sort());
    });

    it("is delivered when those who didn't get it have left", async () => {
      for (const { data } of open()) if (data) data.loses = () => true;
      hub.loses = ({ type }) => type === "send";
      const sent = ada.channel.sendChat("nobody");
      bob.channel.leave();
      await expect(sent).resolves.toMatchObject({ text: "nobody" });
    });

    it("refuses texts that are empty or too long", async () => {
      await expect(ada.channel.sendChat("")).rejects.toThrow(RangeError);
      await expect(ada.channel.sendChat("x".repeat(8001))).rejects.toThrow(RangeError);
    });
  });
});
