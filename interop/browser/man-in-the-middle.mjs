// Somebody who controls the server and has the link's secret: opens what two people send each other, and puts
// connections of its own in the place of theirs. What their data channels say is passed on as it is.
import { webcrypto } from "node:crypto";

const encoder = new TextEncoder();

/** Runs before the page's own scripts: what the page sends to the server goes by `interceptForTest` first. */
function intercept() {
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    #last = Promise.resolve();
    send(text) {
      this.#last = this.#last.then(async () => super.send(await window.interceptForTest(text)));
    }
  };
}

/** Runs in the page of the man in the middle: one connection with each side. */
function makeLegs() {
  const legs = {};
  const leg = (name) => {
    if (legs[name]) return legs[name];
    const connection = new RTCPeerConnection();
    const data = connection.createDataChannel("peerline", { negotiated: true, id: 0 });
    const early = [];
    data.onmessage = ({ data: text }) => early.push(text);
    return (legs[name] = { connection, data, early });
  };
  const described = async (connection) => {
    await connection.setLocalDescription();
    while (connection.iceGatheringState !== "complete") {
      await new Promise((resolve) => connection.addEventListener("icegatheringstatechange", resolve, { once: true }));
    }
    return { type: connection.localDescription.type, sdp: connection.localDescription.sdp };
  };
  const pass = (from, to) => {
    const send = (text) => {
      if (to.data.readyState === "open") to.data.send(text);
      else to.data.addEventListener("open", () => to.data.send(text), { once: true });
    };
    for (const text of from.early) send(text);
    from.data.onmessage = ({ data }) => send(data);
  };
  window.offerForTest = async (from, to, offer) => {
    const { connection } = leg(to);
    await leg(from).connection.setRemoteDescription(offer);
    for (const kind of ["audio", "video"]) connection.addTransceiver(kind);
    return described(connection);
  };
  window.answerForTest = async (from, to, answer) => {
    await leg(from).connection.setRemoteDescription(answer);
    const own = await described(leg(to).connection);
    pass(leg(from), leg(to));
    pass(leg(to), leg(from));
    return own;
  };
  window.candidateForTest = (from, candidate) => leg(from).connection.addIceCandidate(candidate).catch(() => undefined);
  window.isBetweenForTest = () => Object.values(legs).length === 2 && Object.values(legs).every(({ data }) => data.readyState === "open");
}

export class ManInTheMiddle {
  /** The link of the call, with its secret. */
  link = "";
  #page;

  static async start(browser) {
    const mallory = new ManInTheMiddle();
    mallory.#page = await browser.newPage();
    await mallory.#page.evaluate(makeLegs);
    return mallory;
  }

  /** From the next load of the page on. */
  async listenTo(page) {
    const victim = { sender: "" };
    await page.exposeFunction("interceptForTest", (text) => this.#intercept(victim, text));
    await page.evaluateOnNewDocument(intercept);
    if (page.url() !== "about:blank") await page.reload();
  }

  /** Resolves when both sides are connected, with nobody but this. */
  async isBetween() {
    await this.#page.waitForFunction(() => window.isBetweenForTest(), { timeout: 60_000, polling: 100 });
  }

  async #intercept(victim, text) {
    const frame = JSON.parse(text);
    if (frame.type === "hello") victim.sender = await identifier(frame.key);
    if (frame.type !== "send") return text;
    const { sender } = victim;
    const key = await sealKey(this.link);
    const aad = encoder.encode(["peerline v1 message", frame.channel, sender, frame.to, frame.id].join("\n"));
    const changed = await this.#change(JSON.parse(await open(key, aad, frame.payload)), sender, frame.to);
    return JSON.stringify({ ...frame, payload: await seal(key, aad, JSON.stringify(changed)) });
  }

  async #change(message, from, to) {
    if (message.kind === "candidate") {
      await this.#page.evaluate((...args) => window.candidateForTest(...args), from, message.candidate);
      // A kind that nobody knows is ignored.
      return { kind: "nothing" };
    }
    if (message.kind !== "description") return message;
    const inPlace = message.description.type === "offer" ? "offerForTest" : "answerForTest";
    const description = await this.#page.evaluate((name, ...args) => window[name](...args), inPlace, from, to, message.description);
    return { ...message, description };
  }
}

// docs/signaling.md §1 to §3.
const base64url = (bytes) => Buffer.from(bytes).toString("base64url");

async function identifier(key) {
  const message = Buffer.concat([encoder.encode("peerline v1 participant"), Buffer.from(key, "base64url")]);
  return base64url((await webcrypto.subtle.digest("SHA-256", message)).slice(0, 16));
}

async function sealKey(link) {
  const secret = Buffer.from(new URL(link).hash.slice("#v1.".length), "base64url");
  const material = await webcrypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveKey"]);
  const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encoder.encode("peerline v1 seal") };
  return webcrypto.subtle.deriveKey(hkdf, material, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
}

async function open(key, additionalData, payload) {
  const bytes = Buffer.from(payload, "base64url");
  const plaintext = await webcrypto.subtle.decrypt({ name: "AES-GCM", iv: bytes.subarray(0, 12), additionalData }, key, bytes.subarray(12));
  return Buffer.from(plaintext).toString();
}

async function seal(key, additionalData, plaintext) {
  const iv = webcrypto.getRandomValues(new Uint8Array(12));
  const encrypted = await webcrypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, encoder.encode(plaintext));
  return base64url(Buffer.concat([iv, Buffer.from(encrypted)]));
}
