// Over HTTPS, Chromium opens the signaling WebSocket inside its HTTP/2 connection (RFC 8441). A page that was too busy to
// read finds everything when it comes back.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Server } from "../peerline.mjs";
import { chromium } from "./browsers.mjs";

/** Runs in the page: two participants, a hundred messages while nobody reads, then all are read and acknowledged. */
async function talk() {
  const bytes = (length, value) =>
    btoa(String.fromCharCode(...new Uint8Array(length).fill(value))).replaceAll("=", "");
  const participant = async (value) => {
    const socket = new WebSocket(`wss://${location.host}/signal`, "peerline.v1");
    const frames = [];
    let wake = () => {};
    socket.onmessage = (event) => {
      frames.push(JSON.parse(event.data));
      wake();
    };
    await new Promise((resolve) => (socket.onopen = resolve));
    let id = 0;
    const next = async () => {
      while (frames.length === 0) await new Promise((resolve) => (wake = resolve));
      return frames.shift();
    };
    const send = (frame) => socket.send(JSON.stringify(frame));
    const ask = async (frame) => {
      id += 1;
      const mine = id;
      send({ ...frame, id: mine });
      for (;;) {
        const answer = await next();
        if (answer.re === mine) return answer;
      }
    };
    const welcome = await ask({ type: "hello", key: bytes(32, value), agent: "test" });
    return { next, send, ask, name: welcome.participant };
  };
  const [ada, bob] = [await participant(1), await participant(2)];
  const channel = `${bytes(30, 5)}BQU`;
  for (const one of [ada, bob]) await one.ask({ type: "join", channel, profile: bytes(39, 1) });
  for (let sent = 0; sent < 100; sent += 1) {
    void ada.ask({ type: "send", channel, to: bob.name, payload: bytes(6_000, 9) });
  }
  const busyUntil = Date.now() + 1_000;
  while (Date.now() < busyUntil);
  const read = [];
  while (read.length < 100) {
    const frame = await bob.next();
    if (frame.type !== "message") continue;
    read.push(frame.id);
    bob.send({ type: "ack", offset: frame.offset });
  }
  return { read, pong: (await bob.ask({ type: "ping" })).type };
}

test("signaling over HTTP/2 loses nothing when the page reads late", async () => {
  const server = await Server.start();
  const browser = await chromium();
  try {
    const page = await (await browser.createBrowserContext()).newPage();
    const devtools = await page.createCDPSession();
    await devtools.send("Network.enable");
    const handshakes = [];
    devtools.on("Network.webSocketHandshakeResponseReceived", (event) => handshakes.push(event.response.status));
    await page.goto(`https://127.0.0.1:${server.port}/`);
    const { read, pong } = await page.evaluate(talk);
    assert.deepEqual(read, [...read].sort((a, b) => a - b));
    assert.equal(new Set(read).size, 100);
    assert.equal(pong, "pong");
    // 101 would be HTTP/1.1's Upgrade.
    assert.deepEqual(handshakes.slice(-2), [200, 200]);
  } finally {
    await browser.close();
    await server.stop();
  }
});
