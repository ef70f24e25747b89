import { expect, it, vi } from "vitest";
import * as base64url from "../../src/base64url.js";
import { Chain, sha256 } from "../../src/transfer/digest.js";
import { mendedPath, pathProblem } from "../../src/transfer/path.js";
import { Receiver } from "../../src/transfer/receiver.js";
import { Sender } from "../../src/transfer/sender.js";
import { asChannel, FakeTransferChannel, type Sent } from "../fakes/transfer-channel.js";
import { listener, WAIT } from "./world.js";
import { hashes, messages, paths, pattern } from "./vectors.js";

it.each(paths.valid)("§4 takes the path %j", (path) => {
  expect(pathProblem(path)).toBeUndefined();
});

it.each(paths.invalid)("§4 refuses the path $path", ({ path, reason }) => {
  expect(pathProblem(path)).toBe(reason);
});

it.each(paths.sanitised)("§4 mends $segments", ({ segments, path }) => {
  expect(mendedPath(segments)).toBe(path);
});

it("§4 mends an unpaired surrogate", () => {
  expect(mendedPath(["a\ud800b"])).toBe("a_b");
});

it.each(hashes.files)("§5 hashes a file of $length bytes in chunks of $chunk", async ({ length, chunk, digests, hash }) => {
  const bytes = pattern(length);
  const chain = new Chain();
  const own: string[] = [];
  for (let offset = 0; offset < length; offset += chunk) {
    const digest = await sha256(bytes.subarray(offset, offset + chunk));
    own.push(base64url.encode(digest));
    chain.push(digest);
  }
  expect(own).toEqual(digests);
  expect(base64url.encode(await chain.hash)).toBe(hash);
});

it.each(messages.to_receiver)("§3 a receiver hears: $name", ({ messages, outcome }) => {
  const [channel] = FakeTransferChannel.pair();
  const heard = listener();
  new Receiver(asChannel(channel), heard);
  for (const message of messages) channel.receive(message);
  const { outcome: ended } = heard;
  const told = ended?.kind === "failed" ? (JSON.parse(channel.sent.at(-1) as string) as { code: string }).code : ended?.kind;
  expect(told ?? (heard.offer ? "offered" : "waiting")).toBe(outcome);
});

it.each(messages.sent)("§5 a sender answers: $name", async ({ length, messages, sent }) => {
  const [channel] = FakeTransferChannel.pair();
  const offer = { transfer: "AAECAwQFBgcICQoLDA0ODw", files: [{ path: "file", size: length }], bytes: length, chunk: 16_384 };
  const source = { read: async (_file: number, offset: number, count: number) => pattern(length).slice(offset, offset + count) };
  new Sender(offer, source, asChannel(channel), 65_535, listener());
  await vi.waitFor(() => expect(channel.sent).toHaveLength(2), WAIT);
  channel.sent.length = 0;
  for (const message of messages) channel.receive(message);
  const written = (message: Sent) => (typeof message === "string" ? message : `${message.length} ${hex(message.subarray(0, 48))}`);
  await vi.waitFor(() => expect(channel.sent.map(written)).toEqual(sent), WAIT);
});

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
