import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Sender } from "../../src/transfer/sender.js";
import { pass, settle, stopTime } from "../fakes/time.js";
import { asChannel, FakeTransferChannel } from "../fakes/transfer-channel.js";
import { CHUNK, content, listener, offerOf, sourceOf } from "./world.js";

const CHUNKS = 6;
const FILE = [content(1, CHUNKS * CHUNK)];

let channel: FakeTransferChannel;
let heard: ReturnType<typeof listener>;

const say = async (message: object) => {
  channel.receive(JSON.stringify(message));
  await settle();
};
const written = (chunks: number) => say({ type: "written", bytes: chunks * CHUNK });

beforeEach(async () => {
  stopTime();
  [channel] = FakeTransferChannel.pair();
  heard = listener();
  new Sender(offerOf(FILE), sourceOf(FILE), asChannel(channel), 65_535, heard);
  await settle();
  await say({ type: "accept", files: 1, bytes: CHUNKS * CHUNK, window: 8 << 20 });
  await say({ type: "get", file: 0 });
});

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("a transfer stalls when nothing is written any more for half a second, and is heard of once", async () => {
  await written(1);
  await pass(400);
  expect(heard.stalls).toBe(0);
  await pass(2000);
  expect(heard.stalls).toBe(1);
  await written(2);
  await pass(600);
  expect(heard.stalls).toBe(2);
});

it("a transfer doesn't stall while it goes on, however slowly, nor when all is written", async () => {
  for (let chunks = 1; chunks <= CHUNKS; chunks++) {
    await written(chunks);
    await pass(400);
  }
  await pass(5000);
  expect(heard.stalls).toBe(0);
});

it("nobody knows whether a transfer stalls before something has been written", async () => {
  await pass(5000);
  expect(heard.stalls).toBe(0);
});

it("a transfer that has ended doesn't stall", async () => {
  await written(1);
  await say({ type: "cancel" });
  await pass(5000);
  expect(heard.stalls).toBe(0);
});
