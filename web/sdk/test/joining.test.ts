import { expect, it } from "vitest";
import { type Channel, Link, Peerline } from "../src/index.js";
import { clients, hub, join, link, mediaStream, SERVER } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";
import { pass, settle } from "./fakes/time.js";

const states = (channel: Channel) => [...channel.participants.values()].map(({ state }) => state);

it("connects all pairs of three", async () => {
  const all = [await join("Ada"), await join("Bob"), await join("Carol")];
  await pass(500);
  for (const channel of all) expect(states(channel)).toEqual(["connected", "connected"]);
  expect(FakeNetwork.connections.reduce((sum, { offers }) => sum + offers, 0)).toBe(3);
});

it("connects those who join at the same moment", async () => {
  const peers = ["Ada", "Bob"].map((name) => {
    const peerline = new Peerline({ server: SERVER });
    clients.push(peerline);
    return peerline.join(link, { name });
  });
  await pass(1000);
  for (const channel of await Promise.all(peers)) expect(states(channel)).toEqual(["connected"]);
});

it("waits for a server that isn't there yet", async () => {
  hub.down = true;
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  const joined = peerline.join(link, { name: "Ada" });
  await pass(5000);
  expect(peerline.state).toBe("connecting");
  hub.down = false;
  await pass(5000);
  expect((await joined).state).toBe("joined");
});

it("can be given up while the server is away, and begun again", async () => {
  hub.down = true;
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  const ended = new AbortController();
  const stream = mediaStream("audio");
  const first = peerline.join(link, { name: "Ada", stream, signal: ended.signal });
  const refused = expect(first).rejects.toBe("enough");
  await pass(2000);
  ended.abort("enough");
  await refused;
  const again = peerline.join(link, { name: "Ada" });
  await pass(1000);
  hub.down = false;
  await pass(6000);
  expect((await again).state).toBe("joined");
  const early = peerline.join(Link.create(SERVER), { name: "Ada", signal: ended.signal });
  await expect(early).rejects.toBe("enough");
  expect(hub.received.filter(({ type }) => type === "join")).toHaveLength(1);
});

it("makes the first offer when the newcomer's is lost", async () => {
  await join("Ada");
  hub.loses = ({ type }) => type === "send";
  const channel = await join("Bob");
  await pass(2000);
  hub.loses = () => false;
  await pass(12_000);
  expect(states(channel)).toEqual(["connected"]);
});

it("does not show a member who cannot seal", async () => {
  const channel = await join("Ada");
  const member = { participant: "AAAAAAAAAAAAAAAAAAAAAA", profile: "AAAA".repeat(20), state: "present", polite: true };
  hub.tell(channel.id, { type: "arrived", channel: await link.channel(), member });
  await settle();
  expect(channel.participants.size).toBe(0);
});

it("is refused with the server's reason", async () => {
  for (let member = 0; member < 8; member++) await join(`${member}`);
  const peerline = new Peerline({ server: SERVER });
  clients.push(peerline);
  const refused = expect(peerline.join(link, { name: "last" })).rejects.toMatchObject({ code: "channel_full" });
  await pass(100);
  await refused;
});

it("gives relay addresses of the wanted protocols only", async () => {
  hub.ice.servers = [{ urls: ["stun:h:1"] }, { urls: ["turn:h:1?transport=udp", "turn:h:1?transport=tcp", "turns:h:2?transport=tcp"] }];
  const configure = async (options: ConstructorParameters<typeof Peerline>[0]) => {
    FakeNetwork.reset();
    const peerline = new Peerline({ server: SERVER, ...options });
    clients.push(peerline);
    await Promise.all([peerline.join(link, { name: "x" }), pass(100)]);
    await settle();
    return FakeNetwork.connections.find(({ offers }) => offers > 0)?.configuration;
  };
  await join("Ada");
  expect((await configure({}))?.iceServers?.flatMap(({ urls }) => urls)).toHaveLength(4);
  const tls = await configure({ iceTransportPolicy: "relay", relayProtocols: ["tls"] });
  expect(tls).toMatchObject({ iceTransportPolicy: "relay", iceServers: [{ urls: ["turns:h:2?transport=tcp"] }] });
  const udp = await configure({ relayProtocols: ["udp"] });
  expect(udp?.iceServers?.flatMap(({ urls }) => urls)).toEqual(["stun:h:1", "turn:h:1?transport=udp"]);
});
