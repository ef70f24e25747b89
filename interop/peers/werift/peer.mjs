// A peer on werift (npm). The commands are described in ../README.md.
import { createHash } from "node:crypto";
import { createInterface } from "node:readline";
import { RTCPeerConnection } from "werift";
import { Sequence } from "../sequence.mjs";

const WAITING_MAX = 1 << 20;

const say = (event) => process.stdout.write(JSON.stringify(event) + "\n");
const connection = new RTCPeerConnection({ iceServers: [], iceUseLinkLocalAddress: false });
connection.connectionStateChange.subscribe((state) => say({ is: "state", state }));
connection.onDataChannel.subscribe(use);
let channel;
let received = createHash("sha256");
let bytes = 0;

const others = new Map();

function useOther(made) {
  const { label } = made;
  others.set(label, made);
  const opened = () => {
    const { ordered, protocol, maxRetransmits, maxPacketLifeTime } = made;
    say({ is: "opened", label, ordered, protocol, maxRetransmits, maxPacketLifeTime });
  };
  made.onMessage.subscribe((data) => {
    const sha256 = createHash("sha256").update(data).digest("hex");
    const kind = typeof data === "string" ? "text" : "binary";
    say({ is: "said", label, kind, bytes: Buffer.byteLength(data), sha256 });
  });
  made.stateChanged.subscribe((state) => {
    if (state === "open") opened();
    if (state === "closed") say({ is: "shut", label });
  });
  if (made.readyState === "open") opened();
}

function use(made) {
  if (made.label !== "interop") return useOther(made);
  channel = made;
  channel.onMessage.subscribe(take);
  channel.stateChanged.subscribe((state) => {
    if (state === "open") say({ is: "open" });
    if (state === "closed") say({ is: "closed" });
  });
  if (channel.readyState === "open") say({ is: "open" });
}

function take(data) {
  if (typeof data !== "string") {
    received.update(data);
    bytes += data.length;
  } else if (data.startsWith("sha256:")) {
    say({ is: "received", bytes, sha256: received.digest("hex"), claimed: data.slice(7) });
    received = createHash("sha256");
    bytes = 0;
  } else {
    say({ is: "text", text: data });
  }
}

async function gathered() {
  if (connection.iceGatheringState !== "complete") {
    await connection.iceGatheringStateChange.watch((state) => state === "complete", 5000);
  }
  const { type, sdp } = connection.localDescription;
  say({ is: "description", type, sdp });
}

async function stream(total, size) {
  const sequence = new Sequence();
  const hash = createHash("sha256");
  for (let sent = 0; sent < total; sent += size) {
    const part = sequence.take(Math.min(size, total - sent));
    hash.update(part);
    channel.send(Buffer.from(part));
    while (channel.bufferedAmount > WAITING_MAX) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  channel.send(`sha256:${hash.digest("hex")}`);
  say({ is: "streamed" });
}

const commands = {
  async offer({ restart }) {
    if (!channel) use(connection.createDataChannel("interop"));
    if (restart) connection.restartIce();
    await connection.setLocalDescription(await connection.createOffer());
    await gathered();
  },
  async describe({ type, sdp }) {
    await connection.setRemoteDescription({ type, sdp });
    if (type !== "offer") return;
    await connection.setLocalDescription(await connection.createAnswer());
    await gathered();
  },
  send: ({ text }) => channel.send(text),
  stream: ({ bytes: total, size }) => stream(total, size),
  close: ({ what }) => (what === "channel" ? channel.close() : connection.close()),
  channel: ({ label, options }) => useOther(connection.createDataChannel(label, options)),
  say: ({ label, text, bytes }) => others.get(label).send(text ?? Buffer.from(new Sequence().take(bytes))),
  shut: ({ label }) => others.get(label).close(),
  end: () => process.exit(0),
};

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line);
  Promise.resolve(commands[command.do](command)).catch((error) => say({ is: "error", message: String(error) }));
}
