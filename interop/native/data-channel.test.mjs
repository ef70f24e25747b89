// A data channel between our native peer and every other implementation, both ways round.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Peer, STACKS, negotiate } from "../peers/peer.mjs";

const OURS = process.env.INTEROP_STACK ?? "peerline";
const BYTES = 64 << 20;
/** Pion 3 never completes a message of 65,536 bytes. */
const SIZE = 16 << 10;
/** What a stack cannot do. */
const UNABLE = { aiortc: ["restart"] };

const rows = [];
const STEPS = ["open", "text", "stream from us", "stream to us", "restart", "close by us", "close by them"];

const others = process.env.INTEROP_WITH?.split(",") ?? Object.keys(STACKS).filter((stack) => stack !== OURS);

for (const theirs of others) {
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
      const meet = async () => {
        const peers = { us: new Peer(OURS), them: new Peer(theirs) };
        context.after(() => Promise.all([peers.us.end(), peers.them.end()]));
        const [offerer, answerer] = role === "offerer" ? [peers.us, peers.them] : [peers.them, peers.us];
        await negotiate(offerer, answerer);
        await Promise.all([offerer.next("open"), answerer.next("open")]);
        return { ...peers, offerer, answerer };
      };
      const say = async (from, to, text) => {
        from.do("send", { text });
        assert.equal((await to.next("text")).text, text);
      };
      const stream = async (from, to) => {
        from.do("stream", { bytes: BYTES, size: SIZE });
        const received = await to.next("received");
        assert.equal(received.bytes, BYTES);
        assert.equal(received.sha256, received.claimed);
      };

      let first;
      await step("open", async () => (first = await meet()));
      const { us, them, offerer, answerer } = first;
      await step("text", async () => {
        await say(us, them, "Grüße, 你好 🎈");
        await say(them, us, "and to you");
      });
      await step("stream from us", () => stream(us, them));
      await step("stream to us", () => stream(them, us));
      if (UNABLE[theirs]?.includes("restart")) {
        row.restart = "it can't";
      } else {
        await step("restart", async () => {
          await negotiate(offerer, answerer, { restart: true });
          await say(us, them, "still here");
          await say(them, us, "so am I");
        });
      }
      await step("close by us", async () => {
        us.do("close", { what: "channel" });
        await Promise.all([us.next("closed"), them.next("closed")]);
      });
      await step("close by them", async () => {
        const second = await meet();
        second.them.do("close", { what: "connection" });
        await second.us.next("closed");
      });
    });
  }
}

after(() => console.table(rows, ["stack", "we are", ...STEPS]));
