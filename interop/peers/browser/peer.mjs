// A peer in a real browser: `node peer.mjs chromium|firefox [flags]`. The commands are described in ../README.md.
import { once } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { chromium, firefox } from "../../browser/browsers.mjs";

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");

/** Runs in the page. */
function startPeer() {
  const WAITING_MAX = 1 << 20;
  let connection;
  let channel;
  let trickles = false;
  let greeting;
  let parts = [];
  const sequence = () => {
    let x = 1;
    return (length) => {
      const part = new Uint8Array(length);
      for (let index = 0; index < length; index += 1) {
        x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
        part[index] = x >>> 24;
      }
      return part;
    };
  };
  // In the order in which they happen: hashing takes a while.
  let told = Promise.resolve();
  const tell = (event) =>
    (told = told.then(async () => window.say(await event)).catch((error) => window.say({ is: "error", message: String(error) })));

  const hex = async (parts) => {
    const digest = await crypto.subtle.digest("SHA-256", await new Blob(parts).arrayBuffer());
    return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  const others = new Map();
  const useOther = (made) => {
    const { label } = made;
    others.set(label, made);
    made.binaryType = "arraybuffer";
    const opened = () => {
      const { ordered, protocol, maxRetransmits, maxPacketLifeTime } = made;
      tell({ is: "opened", label, ordered, protocol, maxRetransmits, maxPacketLifeTime });
    };
    if (made.readyState === "open") opened();
    made.onopen = opened;
    made.onclose = () => tell({ is: "shut", label });
    made.onmessage = ({ data }) => {
      const kind = typeof data === "string" ? "text" : "binary";
      const bytes = kind === "text" ? new TextEncoder().encode(data) : data;
      tell(hex([bytes]).then((sha256) => ({ is: "said", label, kind, bytes: bytes.byteLength, sha256 })));
    };
  };
  const use = (made) => {
    if (made.label !== "interop") return useOther(made);
    channel = made;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = WAITING_MAX / 2;
    const opened = () => {
      if (greeting !== undefined) made.send(greeting);
      tell({ is: "open" });
    };
    if (channel.readyState === "open") opened();
    channel.onopen = opened;
    channel.onclose = () => tell({ is: "closed" });
    channel.onmessage = ({ data }) => {
      if (typeof data !== "string") {
        parts.push(data);
      } else if (data.startsWith("sha256:")) {
        const [taken, claimed] = [parts, data.slice(7)];
        parts = [];
        const bytes = taken.reduce((sum, part) => sum + part.byteLength, 0);
        tell(hex(taken).then((sha256) => ({ is: "received", bytes, sha256, claimed })));
      } else {
        tell({ is: "text", text: data });
      }
    };
  };
  const connect = (configuration) => {
    connection?.close();
    channel = undefined;
    const made = new RTCPeerConnection(configuration);
    made.ondatachannel = (event) => use(event.channel);
    made.onconnectionstatechange = () => tell({ is: "state", state: made.connectionState });
    made.onicecandidate = ({ candidate }) => {
      if (trickles && candidate && made === connection) tell({ is: "candidate", ...candidate.toJSON() });
    };
    connection = made;
  };
  connect();

  const described = async () => {
    while (!trickles && connection.iceGatheringState !== "complete") {
      await new Promise((resolve) => (connection.onicegatheringstatechange = resolve));
    }
    const { type, sdp } = connection.localDescription;
    tell({ is: "description", type, sdp });
  };
  const commands = {
    configure({ servers = [], trickle = false, greeting: text }) {
      trickles = trickle;
      greeting = text;
      connect({ iceServers: servers });
    },
    async candidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment }) {
      await connection.addIceCandidate({ candidate, sdpMid, sdpMLineIndex, usernameFragment });
    },
    async stats() {
      tell({ is: "stats", stats: Object.fromEntries(await connection.getStats()) });
    },
    async offer({ restart }) {
      if (!channel) use(connection.createDataChannel("interop"));
      if (restart) connection.restartIce();
      await connection.setLocalDescription();
      await described();
    },
    async describe({ type, sdp }) {
      await connection.setRemoteDescription({ type, sdp });
      if (type !== "offer") return;
      await connection.setLocalDescription();
      await described();
    },
    send: ({ text }) => channel.send(text),
    async stream({ bytes, size }) {
      const sent = [];
      const take = sequence();
      for (let start = 0; start < bytes; start += size) {
        const part = take(Math.min(size, bytes - start));
        sent.push(part);
        channel.send(part);
        if (channel.bufferedAmount > WAITING_MAX) {
          await new Promise((resolve) => (channel.onbufferedamountlow = resolve));
        }
      }
      channel.send(`sha256:${await hex(sent)}`);
      tell({ is: "streamed" });
    },
    close: ({ what }) => (what === "channel" ? channel.close() : connection.close()),
    channel: ({ label, options }) => useOther(connection.createDataChannel(label, options)),
    say: ({ label, text, bytes }) => others.get(label).send(text ?? sequence()(bytes)),
    shut: ({ label }) => others.get(label).close(),
  };
  window.obey = async (command) => {
    try {
      await commands[command.do](command);
    } catch (error) {
      tell({ is: "error", message: String(error) });
    }
  };
}

const [name, ...flags] = process.argv.slice(2);
const browser = await { chromium, firefox }[name](flags);
const page = await browser.newPage();
await page.exposeFunction("say", say);
// Hashing wants a secure context, which localhost is.
const site = createServer((_, response) => response.end("<!doctype html>")).listen(0, "localhost");
await once(site, "listening");
await page.goto(`http://localhost:${site.address().port}/`);
await page.evaluate(startPeer);
let ending = false;
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  if (command.do === "end") break;
  page.evaluate((wanted) => window.obey(wanted), command).catch((error) => {
    // A browser that closes breaks off what it was asked for last.
    if (!ending) say({ is: "error", message: String(error) });
  });
}
ending = true;
await browser.close();
process.exit(0);
