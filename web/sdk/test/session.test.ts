import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { backoff } from "../src/backoff.js";
import type { ServerEvent } from "../src/frames.js";
import { Session } from "../src/session.js";
import { webSocket } from "../src/transport.js";
import { FakeHub } from "./fakes/hub.js";
import { pass, settle, stopTime } from "./fakes/time.js";

describe("a session", () => {
  let hub: FakeHub;
  let session: Session;
  let states: string[];
  let events: ServerEvent[];
  let resets: number;
  let fenced: number;
  let certain: number;
  let onReset: () => void;
  const find = () => session.request({ type: "find", id: session.nextId(), prefix: "" });
  const count = (type: string) => hub.received.filter((frame) => frame.type === type).length;

  beforeEach(async () => {
    stopTime();
    vi.spyOn(Math, "random").mockReturnValue(0.5);
    hub = new FakeHub();
    vi.stubGlobal("WebSocket", hub.WebSocket);
    states = [];
    events = [];
    resets = 0;
    fenced = certain = 0;
    onReset = () => {};
    session = new Session(webSocket(new URL("https://call.example/app/")), {
      statechange: () => states.push(session.state),
      event: (event) => events.push(event),
      fenced: () => (fenced += 1),
      certain: () => (certain += 1),
      reset: () => {
        resets += 1;
        onReset();
      },
    });
    await session.open();
    await settle();
  });

  afterEach(() => {
    session.close();
    vi.useRealTimers();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
  });

  it("says hello first, and is online when welcomed", async () => {
    expect(states).toEqual(["connecting", "online"]);
    expect(hub.received[0]).toMatchObject({ type: "hello", id: 1 });
    expect(session.participant).toHaveLength(22);
    await expect(find()).resolves.toMatchObject({ type: "found" });
  });

  it("connects to /signal with the protocol's name", () => {
    const sockets: { url: string; protocol: string }[] = [];
    vi.stubGlobal("WebSocket", class extends hub.WebSocket {
      constructor(url: URL, protocol: string) {
        super(url, protocol);
        sockets.push(this);
      }
    });
    const listener = { opened: () => {}, received: () => {}, closed: () => {} };
    webSocket(new URL("https://call.example/app/"))(listener);
    webSocket(new URL("http://localhost:8443"))(listener);
    expect(sockets).toMatchObject([
      { url: "wss://call.example/signal", protocol: "peerline.v1" },
      { url: "ws://localhost:8443/signal", protocol: "peerline.v1" },
    ]);
  });

  it("resumes within 0.3 s when a connection breaks, and misses nothing", async () => {
    hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
    await pass(2000);
    hub.breakConnections();
    hub.tell(session.participant, { type: "drain", reconnect: [0, 1] });
    hub.tell(session.participant, { type: "drain", reconnect: [0, 2] });
    expect(session.state).toBe("offline");
    await pass(300);
    expect(session.online).toBe(true);
    expect(resets).toBe(1);
    expect(hub.received.filter(({ type }) => type === "hello")).toHaveLength(2);
    expect(hub.received.filter(({ type }) => type === "hello")[1]).toMatchObject({ resume: { offset: 1 } });
    expect(events.map((event) => event.offset)).toEqual([1, 2, 3]);
  });

  it("drops what it has had before", async () => {
    hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
    await settle();
    hub.breakConnections();
    await pass(300);
    expect(events).toHaveLength(1);
  });

  it("hears that the server forgot it, once for each time", async () => {
    hub.restart();
    await pass(300);
    expect(session.online).toBe(true);
    expect(resets).toBe(2);
    hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
    await settle();
    expect(events.map((event) => event.offset)).toEqual([1]);
  });

  it("sends what belongs to a new session before what is unanswered, and neither twice", async () => {
    hub.losesAnswerTo = ({ type }) => type === "find";
    const found = find();
    await settle();
    hub.losesAnswerTo = () => false;
    hub.received.length = 0;
    onReset = () => void session.request({ type: "ice", id: session.nextId() });
    hub.restart();
    await pass(300);
    await expect(found).resolves.toMatchObject({ type: "found" });
    expect(hub.received.map(({ type }) => type)).toEqual(["hello", "ice", "find"]);
  });

  it("repeats a request whose answer was lost, with the same id", async () => {
    hub.losesAnswerTo = ({ type }) => type === "find";
    const found = find();
    await settle();
    hub.losesAnswerTo = () => false;
    hub.breakConnections();
    await pass(300);
    await expect(found).resolves.toMatchObject({ type: "found" });
    const ids = hub.received.flatMap((frame) => (frame.type === "find" ? [frame.id] : []));
    expect(ids).toHaveLength(2);
    expect(ids[0]).toBe(ids[1]);
  });

  it("keeps requests made while offline", async () => {
    hub.breakConnections();
    const found = find();
    await pass(300);
    await expect(found).resolves.toMatchObject({ type: "found" });
  });

  it("tries again ever more slowly, up to every 5 s, for as long as it takes", async () => {
    hub.down = true;
    hub.breakConnections();
    await pass(60_000, 500);
    expect(session.state).toBe("offline");
    const before = hub.connections;
    await pass(60_000, 500);
    expect(hub.connections - before).toBeGreaterThanOrEqual(12);
    expect(hub.connections - before).toBeLessThanOrEqual(24);
    hub.down = false;
    await pass(5000);
    expect(session.online).toBe(true);
  });

  it("connects at once when the network is back", async () => {
    hub.down = true;
    hub.breakConnections();
    await pass(30_000, 500);
    hub.down = false;
    session.wake();
    await settle();
    expect(session.online).toBe(true);
  });

  it("connects at once when the network is back, although the server was overloaded before", async () => {
    hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
    hub.breakConnections();
    const refused: { onmessage: ((event: { data: string }) => void) | null }[] = [];
    hub.loses = ({ type }) => type === "hello";
    vi.stubGlobal("WebSocket", class extends hub.WebSocket {
      constructor(url: URL, protocol: string) {
        super(url, protocol);
        refused.push(this);
      }
    });
    await pass(1000);
    refused.at(-1)?.onmessage?.({ data: JSON.stringify({ type: "error", code: "overloaded", message: "Full.", retry: 20 }) });
    hub.down = true;
    hub.breakConnections();
    const before = hub.connections;
    session.wake();
    await pass(19_000, 500);
    expect(hub.connections).toBe(before);
    await pass(2000);
    expect(hub.connections).toBeGreaterThan(before);
    hub.down = false;
    hub.loses = () => false;
    session.wake();
    await settle();
    expect(session.online).toBe(true);
  });

  it("waits as long as a restarting server says", async () => {
    hub.tell(session.participant, { type: "drain", reconnect: [2, 4] });
    await settle();
    expect(session.state).toBe("draining");
    await expect(find()).resolves.toMatchObject({ type: "found" });
    hub.breakConnections(1012);
    await pass(2900);
    expect(session.state).toBe("offline");
    await pass(200);
    expect(session.state).toBe("online");
  });

  it("acknowledges within 2 s, and at once when many came", async () => {
    hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
    await pass(2000);
    expect(hub.received.at(-1)).toEqual({ type: "ack", offset: 1 });
    for (let frame = 0; frame < 40; frame++) hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
    await settle();
    expect(hub.received.at(-1)).toEqual({ type: "ack", offset: 33 });
    await pass(2000);
    expect(hub.received.at(-1)).toEqual({ type: "ack", offset: 41 });
    expect(count("ack")).toBe(4);
  });

  it("pings when it has sent nothing for a heartbeat", async () => {
    await pass(25_000, 1000);
    expect(count("ping")).toBe(1);
    await pass(25_000, 1000);
    expect(count("ping")).toBe(2);
    expect(hub.connections).toBe(1);
  });

  it("finds out that a connection is dead", async () => {
    hub.loses = ({ type }) => type === "ping";
    await pass(34_000, 1000);
    expect(session.online).toBe(true);
    await pass(1500);
    expect(hub.connections).toBe(2);
    expect(session.online).toBe(true);
  });

  it("finds out that a connection is dead although it goes on talking to it", async () => {
    hub.vanish(session.participant);
    for (let second = 0; second < 40; second += 4) {
      session.notify({ type: "report", path: "direct" });
      await pass(4000, 1000);
    }
    expect(hub.connections).toBe(2);
    expect(session.online).toBe(true);
  });

  it("finds out sooner after the page woke up", async () => {
    hub.loses = ({ type }) => type === "ping";
    session.wake();
    await pass(3300);
    expect(hub.connections).toBe(2);
  });

  it("finds out in less than a second when the network is likely gone, however often that is said", async () => {
    hub.loses = ({ type }) => type === "ping";
    session.doubt();
    await pass(300);
    session.doubt();
    session.wake();
    await pass(500);
    expect(hub.connections).toBe(2);
  });

  it("reads what has come before it gives up, though it was busy until then", async () => {
    const { deliver } = hub.WebSocket.prototype;
    vi.spyOn(hub.WebSocket.prototype, "deliver").mockImplementation(function (this: never, frame) {
      setTimeout(() => deliver.call(this, frame), 500);
    });
    session.doubt();
    await pass(5000);
    expect(hub.connections).toBe(1);
  });

  it("takes only an answer for a sign that its connection works both ways", async () => {
    hub.loses = ({ type }) => type === "ping";
    session.doubt();
    expect(session.certain).toBe(false);
    for (let time = 0; time < 800; time += 100) {
      hub.tell(session.participant, { type: "drain", reconnect: [0, 0] });
      await pass(100);
    }
    expect(hub.connections).toBe(2);
    expect(events.length).toBe(8);
  });

  it("says when a doubt is over", async () => {
    await pass(1000);
    session.doubt();
    expect([session.certain, certain]).toEqual([false, 0]);
    await settle();
    expect([session.certain, certain, hub.connections]).toEqual([true, 1, 1]);
  });

  it("comes back at its own time when others fall silent, and at once on another network", async () => {
    vi.spyOn(Math, "random").mockReturnValue(0.9);
    hub.breakConnections();
    session.doubt();
    await pass(10);
    expect(hub.connections).toBe(1);
    session.networkChanged();
    await pass(10);
    expect(hub.connections).toBe(2);
  });

  it("gives a server that is far away more time when in doubt", async () => {
    const { deliver } = hub.WebSocket.prototype;
    vi.spyOn(hub.WebSocket.prototype, "deliver").mockImplementation(function (this: never, frame) {
      setTimeout(() => deliver.call(this, frame), 600);
    });
    hub.breakConnections();
    await pass(1500);
    expect([session.online, hub.connections]).toEqual([true, 2]);
    session.doubt();
    await pass(5000);
    expect(hub.connections).toBe(2);
  });

  it("gives up on a connection that is never welcomed", async () => {
    hub.loses = ({ type }) => type === "hello";
    hub.breakConnections();
    await pass(10_200);
    hub.loses = () => false;
    await pass(1000);
    expect(session.online).toBe(true);
  });

  it("ends when another holds its key", async () => {
    hub.breakConnections(4001);
    await pass(20_000, 1000);
    expect([session.state, fenced]).toEqual(["closed", 1]);
    expect(hub.connections).toBe(1);
  });

  it("ends when closed, and says so to what waits", async () => {
    hub.losesAnswerTo = () => true;
    const found = find();
    session.close();
    await expect(found).rejects.toMatchObject({ code: "closed" });
    await pass(60_000, 1000);
    expect(hub.connections).toBe(1);
    expect(session.state).toBe("closed");
  });
});

describe("the backoff", () => {
  it("is short at first, then doubles up to 5 s, and is spread", () => {
    expect(backoff(0, 0)).toBe(0);
    expect(backoff(0, 1)).toBe(0.3);
    expect([1, 2, 3, 4, 5, 50].map((failures) => backoff(failures, 1))).toEqual([0.5, 1, 2, 4, 5, 5]);
    expect(backoff(50, 0)).toBe(2.5);
  });
});
