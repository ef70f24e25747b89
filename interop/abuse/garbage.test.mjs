// What a stranger sends must neither crash the server, nor grow it, nor disturb those who use it: a call goes on through
// the server's relay meanwhile, and somebody joins it.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { chromium } from "../browser/browsers.mjs";
import { CallPage, everybodyMeets } from "../browser/call-page.mjs";
import { Server } from "../peerline.mjs";
import { output } from "../coturn/program.mjs";

/** How long a picture may stand still, in milliseconds. */
const LONGEST_GAP = 3_000;

/** No flood begins anew after so long, in milliseconds: then something is wrong anyway. */
const LONGEST_FLOOD = 60_000;

let server, browser, ada, grace;
before(async () => {
  server = await Server.start(["--turn-user", "ada:lovelace"]);
  browser = await chromium();
  ada = await CallPage.open(browser, server.url, "Ada");
  await ada.write("Your name", "Ada");
  await ada.press("New call");
  await ada.page.waitForFunction(() => location.hash.startsWith("#v1."));
  grace = await CallPage.open(browser, ada.page.url(), "Grace");
  await joinByRelay(ada, "udp");
  await joinByRelay(grace, "tcp");
  await everybodyMeets(ada, grace);
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function joinByRelay(page, protocol) {
  await page.check("Relay only", true);
  await page.choose("Relay protocol", protocol);
  await page.join();
}

/** Fails when `page` sees nothing new for too long, until `isOver`. */
async function pictureMoves(page, isOver) {
  let [frames, since] = [await page.framesReceived(), Date.now()];
  while (!isOver()) {
    await sleep(200);
    const now = await page.framesReceived();
    if (now !== frames) [frames, since] = [now, Date.now()];
    assert.ok(Date.now() - since < LONGEST_GAP, `${page.name} sees nothing new`);
  }
}

/** Repeats `flood` until somebody who came in the midst of it has met the two in the call, whose pictures never stop. */
async function callGoesOnDuring(flood) {
  let [hasMet, isOver] = [false, false];
  const until = Date.now() + LONGEST_FLOOD;
  const flooding = (async () => {
    do await flood();
    while (!hasMet && Date.now() < until);
  })();
  const coming = (async () => {
    const linus = await CallPage.open(browser, ada.page.url(), "Linus");
    await joinByRelay(linus, "tls");
    await everybodyMeets(ada, grace, linus);
    await linus.press("Leave");
    await linus.page.close();
  })().finally(() => (hasMet = true));
  const watching = [ada, grace].map((page) => pictureMoves(page, () => isOver));
  const done = Promise.all([flooding, coming]).finally(() => (isOver = true));
  await Promise.all([done, ...watching]);
  for (const page of [ada, grace]) page.hadNoProblems();
}

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
  await callGoesOnDuring(async () => {
    for (const port of [server.stunPort, server.port]) {
      for (let sent = 0; sent < 65_536; sent += 1) {
        const datagram = random(random(1)[0] * 5);
        // Every other one looks like STUN at the beginning, so that it gets past the first look.
        if (sent % 2 && datagram.length >= 8) datagram.set([0, sent % 16, 0, 8, 0x21, 0x12, 0xa4, 0x42]);
        await new Promise((resolve) => socket.send(datagram, port, "127.0.0.1", resolve));
      }
    }
  });
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
  await callGoesOnDuring(async () => {
    for (const tls of [false, true]) await Promise.all(offers.map((bytes) => offer(bytes, tls)));
  });
  await legitimateUseGoesOn();
  const grown = (await residentKiB()) - before;
  assert.ok(grown < 64 * 1_024, `memory grew by ${grown} KiB`);
});

/** Says `hello` and then what is no JSON, until the server has had enough. */
async function sayGarbage(value) {
  const socket = new WebSocket(`ws://localhost:${server.port}/signal`, "peerline.v1");
  const answers = [];
  socket.addEventListener("message", (event) => answers.push(JSON.parse(event.data)));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const key = Buffer.alloc(32, value).toString("base64url");
  socket.send(JSON.stringify({ type: "hello", id: 1, key, agent: "test" }));
  for (let sent = 0; sent < 20; sent += 1) socket.send(`{"type":"join","id":${sent},"channel":[[[[`);
  const { code } = await new Promise((resolve) => socket.addEventListener("close", resolve));
  assert.equal(code, 4003);
  assert.equal(answers[0].type, "welcome");
  assert.equal(answers[1].code, "bad_frame");
}

test("garbage JSON is answered by an error, and the connection closes after sixteen", async () => {
  await callGoesOnDuring(() => Promise.all([1, 2, 3, 4, 5].map(sayGarbage)));
  await legitimateUseGoesOn();
});
