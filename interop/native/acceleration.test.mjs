// What spares round trips where both sides know of it, with Chromium, which does behind a flag: SCTP's INIT in the
// descriptions (SNAP, draft-hancke-tsvwg-snap), DTLS's handshake in ICE's checks (SPED, draft-hancke-webrtc-sped).
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { Peer, STACKS } from "../peers/peer.mjs";

const FLAG = "--force-fieldtrials=WebRTC-Sctp-Snap/Enabled/WebRTC-IceHandshakeDtls/Enabled/";
const DTLS_IN_STUN = 0xc070;

/** The DTLS in a STUN message: how many bytes; undefined if the message says nothing of it. */
function embedded(message) {
  for (let at = 20; at + 4 <= message.length; ) {
    const length = message.readUInt16BE(at + 2);
    if (message.readUInt16BE(at) === DTLS_IN_STUN) return length;
    at += 4 + Math.ceil(length / 4) * 4;
  }
  return undefined;
}

/** The only way between two peers: what takes it is looked at. */
class Path {
  /** Bytes of DTLS within STUN so far, towards us and towards them. */
  embedded = { us: 0, them: 0 };
  #towards = { us: undefined, them: undefined };

  /** Our description, with this path in place of our candidates. */
  async lead(description) {
    const [first] = description.match(/^a=candidate:.* udp .* typ host.*$/im);
    const [, , , , address, port] = first.split(" ");
    const type = address.includes(":") ? "udp6" : "udp4";
    const [outer, inner] = [createSocket(type), createSocket(type)];
    for (const socket of [outer, inner]) {
      socket.bind(0, address);
      await once(socket, "listening");
      socket.unref();
    }
    outer.on("message", (message, from) => {
      this.#towards.them = [from.port, from.address];
      this.#look("us", message);
      inner.send(message, Number(port), address);
    });
    inner.on("message", (message) => {
      this.#look("them", message);
      if (this.#towards.them) outer.send(message, ...this.#towards.them);
    });
    const lines = without(description).trimEnd().split("\r\n");
    const candidate = first.split(" ").with(5, outer.address().port).join(" ");
    return [...lines, candidate, "a=end-of-candidates", ""].join("\r\n");
  }

  #look(towards, message) {
    if (message[0] < 4) this.embedded[towards] += embedded(message) ?? 0;
  }
}

/** A description without candidates. */
const without = (sdp) => sdp.replace(/^a=(candidate:.*|end-of-candidates)\r\n/gm, "");

/** A description with a candidate at which nobody is: a handshake begins when there is somebody who may hear it. */
const leadingNowhere = (sdp) => `${without(sdp)}a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n`;

for (const role of ["offerer", "answerer"]) {
  for (const accelerated of [true, false]) {
    const what = accelerated ? "SNAP and SPED" : "SNAP and SPED where they don't know of it";
    test(`${what}, ${role === "offerer" ? "our" : "their"} offer`, async (context) => {
      const [program, ...args] = STACKS.chromium;
      const us = new Peer("peerline", STACKS.peerline);
      const them = new Peer("chromium", [program, ...args, ...(accelerated ? [FLAG] : [])]);
      context.after(() => Promise.all([us.end(), them.end()]));
      const path = new Path();
      const [offerer, answerer] = role === "offerer" ? [us, them] : [them, us];
      const descriptions = {};
      const pass = async (from, to) => {
        const { type, sdp } = await from.next("description");
        descriptions[type] = sdp;
        to.do("describe", { type, sdp: from === us ? await path.lead(sdp) : leadingNowhere(sdp) });
      };
      offerer.do("offer");
      await pass(offerer, answerer);
      await pass(answerer, offerer);
      await Promise.all([us, them].map((end) => end.next("open")));
      for (const [from, to] of [[us, them], [them, us]]) {
        from.do("send", { text: "hello" });
        assert.equal((await to.next("text")).text, "hello");
      }
      assert.equal(/^a=sctp-init:/m.test(descriptions.answer), accelerated, "both know SNAP");
      assert.equal(path.embedded.us > 0 && path.embedded.them > 0, accelerated, JSON.stringify(path.embedded));
    });
  }
}
