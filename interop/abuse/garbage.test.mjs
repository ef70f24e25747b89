// What a stranger sends must neither crash the server, nor grow it, nor disturb those who use it.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { Server } from "../peerline.mjs";
import { output } from "../coturn/program.mjs";

let server;
before(async () => {
  server = await Server.start(["--turn-user", "ada:lovelace"]);
});
after(() => server?.stop());

/** A generator of the same bytes in every run. */
function randomBytes(seed) {
  let state = seed >>> 0;
  return (length) => {
    const bytes = Buffer.alloc(length);
    for (let i = 0; i < length; i += 1) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      bytes[i] = state >>> 24;
    }
    return bytes;
  };
}

async function residentKiB() {
  const status = await readFile(`/proc/${server.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]);
}

async function legitimateUseGoesOn() {
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const { text } = await output("turnutils_uclient", [
    "-u", "ada", "-w", "lovelace", "-c", "-y", "-m", "4", "-n", "10", "-p", String(server.stunPort), "127.0.0.1",
  ]);
  assert.match(text, /Total lost packets 0 /, text.slice(-1_000));
}

test("2^16 random datagrams on every UDP port", async () => {
  const random = randomBytes(1);
  const socket = createSocket("udp4");
  const before = await residentKiB();
  for (const port of [server.stunPort, server.port]) {
    for (let sent = 0; sent < 65_536; sent += 1) {
      const datagram = random(random(1)[0] * 5);
      // Every other one looks like STUN at the beginning, so that it gets past the first look.
      if (sent % 2 && datagram.length >= 8) datagram.set([0, sent % 16, 0, 8, 0x21, 0x12, 0xa4, 0x42]);
      await new Promise((resolve) => socket.send(datagram, port, "127.0.0.1", resolve));
    }
  }
  socket.close();
  await legitimateUseGoesOn();
  const grown = (await residentKiB()) - before;
  assert.ok(grown < 32 * 1_024, `memory grew by ${grown} KiB`);
});

/** Sends `bytes` over a new connection and waits until the server, or half a second, ends it. */
async function offer(bytes, tls) {
  const options = { port: server.port, host: "127.0.0.1", rejectUnauthorized: false };
  const socket = tls ? connectTls(options) : connect(options);
  await new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(), 500);
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => {
      clearTimeout(timer);
      resolve();
    });
    socket.on(tls ? "secureConnect" : "connect", () => socket.write(bytes));
  });
}

test("truncated and garbage TLS, STUN, HTTP and WebSocket on the one TCP port", async () => {
  const random = randomBytes(2);
  const upgrade =
    `GET /signal HTTP/1.1\r\nHost: localhost:${server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: peerline.v1\r\n\r\n";
  const offers = [];
  for (let round = 0; round < 40; round += 1) {
    offers.push(
      Buffer.concat([Buffer.from([0x16, 3, 1, 2, 0]), random(300)]),
      Buffer.concat([Buffer.from([0, 3, 0xff, 0xfc, 0x21, 0x12, 0xa4, 0x42]), random(900)]),
      Buffer.concat([Buffer.from("GET / HTTP/1.1\r\nHost: "), random(500), Buffer.from("\r\n\r\n")]),
      Buffer.concat([Buffer.from(upgrade), random(600)]),
      Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), random(600)]),
      Buffer.from("G"),
      random(1_000),
    );
  }
  const before = await residentKiB();
  for (const tls of [false, true]) await Promise.all(offers.map((bytes) => offer(bytes, tls)));
  await legitimateUseGoesOn();
  const grown = (await residentKiB()) - before;
  assert.ok(grown < 64 * 1_024, `memory grew by ${grown} KiB`);
});

test("garbage JSON is answered by an error, and the connection closes after sixteen", async () => {
  const socket = new WebSocket(`ws://localhost:${server.port}/signal`, "peerline.v1");
  const answers = [];
  socket.addEventListener("message", (event) => answers.push(JSON.parse(event.data)));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const key = Buffer.alloc(32, 7).toString("base64url");
  socket.send(JSON.stringify({ type: "hello", id: 1, key, agent: "test" }));
  for (let sent = 0; sent < 20; sent += 1) socket.send(`{"type":"join","id":${sent},"channel":[[[[`);
  const { code } = await new Promise((resolve) => socket.addEventListener("close", resolve));
  assert.equal(code, 4003);
  assert.equal(answers[0].type, "welcome");
  assert.equal(answers[1].code, "bad_frame");
  await legitimateUseGoesOn();
});
