import { afterEach, beforeEach, expect, it, vi } from "vitest";
// Loaded before time stands still.
import "../src/channel.js";
import { Link, Peerline } from "../src/index.js";
import { FakeHub } from "./fakes/hub.js";
import { FakeMediaStream, FakeNetwork, FakePeerConnection } from "./fakes/peer-connection.js";
import { pass, settle, stopTime } from "./fakes/time.js";

const SERVER = "https://call.example";
let hub: FakeHub;
let page: EventTarget;

beforeEach(() => {
  stopTime();
  FakeNetwork.reset();
  hub = new FakeHub();
  page = new EventTarget();
  vi.stubGlobal("WebSocket", hub.WebSocket);
  vi.stubGlobal("RTCPeerConnection", FakePeerConnection);
  vi.stubGlobal("MediaStream", FakeMediaStream);
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
});

it("leaves when the page goes, and enters again when it comes back from the browser's cache", async () => {
  const link = Link.create(SERVER);
  const enter = async (name: string) => {
    const peerline = new Peerline({ server: SERVER });
    const joined = peerline.join(link, { name });
    await pass(100);
    await Promise.all([peerline.announce({ name }), pass(100)]);
    return { peerline, channel: await joined };
  };
  const ada = await enter("Ada");
  vi.stubGlobal("window", page);
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  const bob = await enter("Bob");
  await pass(3000);
  hub.received.length = 0;

  page.dispatchEvent(new Event("pagehide"));
  await settle();
  expect(hub.received.map(({ type }) => type)).toEqual(["leave", "unannounce"]);
  expect([ada.channel.participants.size, bob.peerline.state]).toEqual([0, "closed"]);
  expect((await ada.peerline.find("")).people).toEqual([]);

  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  await pass(3000);
  const others = [ada, bob].flatMap(({ channel }) => [...channel.participants.values()].map(({ state }) => state));
  expect([bob.channel.state, ...others]).toEqual(["joined", "connected", "connected"]);
  expect((await ada.peerline.find("")).people).toMatchObject([{ name: "Bob" }]);
  ada.peerline.close();
  bob.peerline.close();
});

it("makes sure of its connection when the page goes on after it was frozen", async () => {
  const document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  vi.stubGlobal("window", page);
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("document", document);
  const peerline = new Peerline({ server: SERVER });
  await Promise.all([peerline.connect(), pass(100)]);
  hub.received.length = 0;
  document.dispatchEvent(new Event("resume"));
  await settle();
  expect(hub.received.map(({ type }) => type)).toEqual(["ping"]);
  peerline.close();
});

it("leaves the offer of a new path to the other side when its network is another one, whichever side that is", async () => {
  const link = Link.create(SERVER);
  vi.stubGlobal("navigator", {});
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  const pages = [new EventTarget(), new EventTarget()];
  const clients: Peerline[] = [];
  for (const window of pages) {
    vi.stubGlobal("window", window);
    const peerline = new Peerline({ server: SERVER });
    clients.push(peerline);
    await Promise.all([peerline.join(link, { name: "x" }), pass(3000)]);
  }
  const offers = () => FakeNetwork.connections.map((connection) => connection.offers);
  // Whoever comes later makes the first offer.
  expect(offers().sort()).toEqual([0, 1]);
  const [first, second] = offers()[0] === 0 ? [0, 1] : [1, 0];
  for (const [changed, index] of [[pages[0], first], [pages[1], second]] as const) {
    const before = offers();
    changed?.dispatchEvent(new Event("online"));
    await pass(3000);
    expect(offers().map((count, which) => count - (before[which] ?? 0))).toEqual([0, 1].map((which) => Number(which !== index)));
  }
  for (const peerline of clients) peerline.close();
});
