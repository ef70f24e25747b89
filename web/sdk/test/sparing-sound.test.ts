import { expect, test } from "vitest";
import { sparingSound } from "../src/sparing-sound.js";
import { join, mediaStream } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";

const lines = (...text: string[]) => text.map((line) => `${line}\r\n`).join("");
const SESSION = lines("v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0");
const SOUND = ["m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0", "a=rtpmap:111 opus/48000/2", "a=fmtp:111 minptime=10;useinbandfec=1", "a=rtpmap:63 red/48000/2", "a=fmtp:63 111/111"];
const PICTURE = lines("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=rtpmap:96 VP8/90000", "a=fmtp:96 x-google-start-bitrate=300");

test("Opus is asked for in packets of 40 ms, and for pauses; pictures and other codecs stay as they are", () => {
  const [section, rtpmap, fmtp, ...others] = SOUND as [string, string, string, ...string[]];
  expect(sparingSound(SESSION + lines(...SOUND) + PICTURE)).toBe(
    SESSION + lines(section, rtpmap, `${fmtp};usedtx=1`, ...others, "a=ptime:40") + PICTURE,
  );
});

test.each(["a=ptime:20", "a=maxptime:20"])("who wants other packets gets those: %s", (wish) => {
  const changed = sparingSound(SESSION + lines(...SOUND, wish));
  expect(changed).toContain("usedtx=1");
  expect(changed.match(/^a=(max)?ptime:\d+/gm)).toEqual([wish]);
});

test("who wants no pauses gets none", () => {
  const fmtp = "a=fmtp:111 minptime=10;usedtx=0";
  expect(sparingSound(lines("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=rtpmap:111 opus/48000/2", fmtp))).toContain(`${fmtp}\r\n`);
});

test("a description without sound stays as it is", () => {
  expect(sparingSound(SESSION + PICTURE)).toBe(SESSION + PICTURE);
  expect(sparingSound("")).toBe("");
});

test("sound is sent sparingly to each of four or more, in full to fewer", async () => {
  for (const name of ["Ada", "Bob", "Cleo", "Dan"]) await join(name, mediaStream("audio"));
  const areSparing = () => FakeNetwork.connections.map(({ remoteDescription }) => remoteDescription?.sdp.includes("a=ptime:40"));
  expect(areSparing()).toEqual(Array(12).fill(false));
  await join("Eve", mediaStream("audio"));
  expect(areSparing()).toEqual([...Array(12).fill(false), ...Array(8).fill(true)]);
});
