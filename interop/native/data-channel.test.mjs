// A data channel between our native peer and every other implementation, both ways round.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { Peer, STACKS, negotiate } from "../peers/peer.mjs";
import { Sequence } from "../peers/sequence.mjs";

const OURS = process.env.INTEROP_STACK ?? "peerline";
/** What is streamed each way: all of it by `make interop`, and for every day what slow stacks can do in seconds. */
const BYTES = process.env.INTEROP_FULL ? 64 << 20 : 8 << 20;
/** Pion 3 never completes a message of 65,536 bytes. */
const SIZE = 16 << 10;
/** What a stack cannot do: aiortc restarts no ICE; werift delivers no empty messages, and forgets that a channel is unordered
 * if it is partially reliable, too. */
const UNABLE = { aiortc: ["restart"], werift: ["empty", "both"] };
/** The longest message that a stack takes, as its `a=max-message-size` says, or as it turned out. */
const LONGEST = { aiortc: 65_536, werift: 65_536, pion: 65_535 };

/** Channels of every kind (W3C `RTCDataChannelInit`). */
const KINDS = {
  plain: {},
  protocol: { protocol: "chat/2" },
  unordered: { ordered: false },
  retransmits: { maxRetransmits: 3 },
  lifetime: { maxPacketLifeTime: 500 },
  both: { ordered: false, maxRetransmits: 0 },
};
const MANY = 100;

const rows = [];
const STEPS = [
  "open",
  "text",
  "kinds",
  "sizes",
  "many",
  "stream from us",
  "stream to us",
  "restart",
  "close by us",
  "close by them",
];

const others = process.env.INTEROP_WITH?.split(",") ?? Object.keys(STACKS).filter((stack) => stack !== OURS);
const labelled = (wanted) => ({ label }) => label === wanted;
const hashOf = (data) => createHash("sha256").update(data).digest("hex");

/** What an end of a channel shows, where the other end was made with these options. */
function expected({ ordered = true, protocol = "", maxRetransmits = null, maxPacketLifeTime = null }) {
  return { ordered, protocol, maxRetransmits, maxPacketLifeTime };
}

/** `from` makes a channel; both ends open, and are the same. */
async function open(from, to, label, options) {
  from.do("channel", { label, options });
  for (const end of [from, to]) {
    const { ordered, protocol, maxRetransmits, maxPacketLifeTime } = await end.next("opened", labelled(label));
    const shown = expected({ ordered, protocol, maxRetransmits, maxPacketLifeTime });
    assert.deepEqual(shown, expected(options), `${label} at ${end.stack}`);
  }
}

async function say(from, to, label, what) {
  from.do("say", { label, ...what });
  const { kind, bytes, sha256 } = await to.next("said", labelled(label));
  const data = what.text ?? new Sequence().take(what.bytes);
  const sent = { kind: what.text === undefined ? "binary" : "text", bytes: Buffer.byteLength(data) };
  assert.deepEqual({ kind, bytes, sha256 }, { ...sent, sha256: hashOf(data) }, `${label} from ${from.stack}`);
}

async function shut(from, to, label) {
  from.do("shut", { label });
  await Promise.all([from, to].map((end) => end.next("shut", labelled(label))));
}

for (const theirs of others) {
  const can = (what) => !UNABLE[theirs]?.includes(what);
  for (const role of ["offerer", "answerer"]) {
    test(`we and ${theirs}, ${role === "offerer" ? "our" : "their"} offer`, async (context) => {
      const row = { stack: theirs, "we are": role };
      rows.push(row);
      const step = async (name, body) => {
        row[name] = "FAILED";
        const begin = performance.now();
        await body();
        row[name] = `${Math.round(performance.now() - begin)} ms`;
      };
      const us = new Peer(OURS);
      const them = new Peer(theirs);
      context.after(() => Promise.all([us.end(), them.end()]));
      const [offerer, answerer] = role === "offerer" ? [us, them] : [them, us];
      const exchange = async (one, other) => {
        for (const [from, to, text] of [[one, other, "Grüße, 你好 🎈"], [other, one, "and to you"]]) {
          from.do("send", { text });
          assert.equal((await to.next("text")).text, text);
        }
      };
      const stream = async (from, to) => {
        from.do("stream", { bytes: BYTES, size: SIZE });
        const received = await to.next("received");
        assert.equal(received.bytes, BYTES);
        assert.equal(received.sha256, received.claimed);
      };

      await step("open", async () => {
        await negotiate(offerer, answerer);
        await Promise.all([offerer.next("open"), answerer.next("open")]);
      });
      const bothWays = [[us, them], [them, us]];
      await step("text", () => exchange(us, them));
      await step("kinds", async () => {
        for (const [from, to] of bothWays) {
          for (const [kind, options] of Object.entries(KINDS)) {
            if (from === them && !can(kind)) continue;
            const label = `${kind} of ${from.stack}`;
            await open(from, to, label, options);
            await say(from, to, label, { text: "from who made it" });
            await say(to, from, label, { text: "from the other" });
            await shut(from, to, label);
          }
        }
        const agreed = { label: "agreed", options: { negotiated: true, id: 40 } };
        for (const end of [us, them]) end.do("channel", agreed);
        for (const end of [us, them]) await end.next("opened", labelled("agreed"));
        for (const [from, to] of bothWays) await say(from, to, "agreed", { text: "without a word before" });
      });
      await step("sizes", async () => {
        const sizes = [1, 1200, 16_384, 65_535, 65_536, 262_144];
        await open(us, them, "sizes", {});
        for (const [from, to] of bothWays) {
          if (can("empty")) {
            await say(from, to, "sizes", { text: "" });
            await say(from, to, "sizes", { bytes: 0 });
          }
          const fits = (bytes) => bytes <= (LONGEST[theirs] ?? Infinity);
          for (const bytes of sizes.filter(fits)) await say(from, to, "sizes", { bytes });
        }
        await shut(them, us, "sizes");
      });
      await step("many", async () => {
        const labels = Array.from({ length: MANY }, (_, number) => `number ${number}`);
        for (const label of labels) us.do("channel", { label, options: {} });
        for (const label of labels) await Promise.all([us, them].map((end) => end.next("opened", labelled(label))));
        for (const label of labels) them.do("say", { label, text: label });
        for (const label of labels) assert.equal((await us.next("said", labelled(label))).sha256, hashOf(label));
      });
      await step("stream from us", () => stream(us, them));
      await step("stream to us", () => stream(them, us));
      if (can("restart")) {
        await step("restart", async () => {
          await negotiate(offerer, answerer, { restart: true });
          await exchange(us, them);
        });
      } else {
        row.restart = "it can't";
      }
      // We close a channel, they the connection with all that are left.
      await step("close by us", async () => {
        us.do("close", { what: "channel" });
        await Promise.all([us.next("closed"), them.next("closed")]);
      });
      await step("close by them", async () => {
        them.do("close", { what: "connection" });
        await us.next("shut", labelled("agreed"));
      });
    });
  }
}

after(() => console.table(rows, ["stack", "we are", ...STEPS]));
