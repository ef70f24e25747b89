import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Channel } from "../src/index.js";
import { join, mediaStream, participant } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";
import { pass, settle } from "./fakes/time.js";

const open = () => FakeNetwork.connections.filter(({ signalingState }) => signalingState !== "closed");
const kinds = (stream: MediaStream | null) => stream?.getTracks().map(({ kind }) => kind).sort();
/** What is sent beside microphone and camera, over all connections. */
const sentScreens = () => open().flatMap(({ transceivers }) => transceivers.slice(2).flatMap(({ sender }) => sender.track ?? []));

describe("a shared screen", () => {
  let ada: Channel;
  let bob: Channel;

  beforeEach(async () => {
    ada = await join("Ada", mediaStream("audio", "video"));
    bob = await join("Bob", mediaStream("audio", "video"));
  });

  it("is a stream of its own beside camera and microphone, with its sound", async () => {
    const camera = participant(bob, "Ada").stream.getTracks();
    await ada.setScreen(mediaStream("video", "audio"));
    await pass(500);
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["audio", "video"]);
    expect(participant(bob, "Ada").stream.getTracks()).toEqual(camera);
    expect(participant(ada, "Bob").screen).toBeNull();
  });

  it("is gone for the others at once when it stops", async () => {
    await ada.setScreen(mediaStream("video"));
    await pass(500);
    await ada.setScreen(null);
    await pass(100);
    expect(participant(bob, "Ada").screen).toBeNull();
    expect(sentScreens()).toEqual([]);
  });

  it("starts and stops ten times over the same transceivers, negotiated once", async () => {
    for (let time = 0; time < 10; time++) {
      const screen = mediaStream("video", "audio");
      await ada.setScreen(screen);
      await pass(500);
      expect(kinds(participant(bob, "Ada").screen)).toEqual(["audio", "video"]);
      expect(sentScreens()).toEqual([screen.getVideoTracks()[0], screen.getAudioTracks()[0]]);
      await ada.setScreen(null);
      await pass(100);
    }
    expect(open().map(({ transceivers }) => transceivers.length)).toEqual([4, 4]);
    expect(open().map(({ offers }) => offers).sort()).toEqual([1, 1]);
  });

  it("may come with sound the second time only", async () => {
    await ada.setScreen(mediaStream("video"));
    await pass(500);
    await ada.setScreen(null);
    await ada.setScreen(mediaStream("video", "audio"));
    await pass(500);
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["audio", "video"]);
  });

  it("ends when the browser ends it, and the page hears of it", async () => {
    const screen = mediaStream("video");
    await ada.setScreen(screen);
    await pass(500);
    const changed = vi.fn();
    ada.addEventListener("screenchange", changed);
    screen.getVideoTracks()[0]?.dispatchEvent(new Event("ended"));
    await pass(100);
    expect(ada.screen).toBeNull();
    expect(changed).toHaveBeenCalledTimes(1);
    expect(participant(bob, "Ada").screen).toBeNull();
  });

  it("reaches those who join later", async () => {
    await ada.setScreen(mediaStream("video"));
    await pass(500);
    const carol = await join("Carol", mediaStream("audio", "video"));
    await pass(500);
    expect(kinds(participant(carol, "Ada").screen)).toEqual(["video"]);
    expect(kinds(participant(carol, "Ada").stream)).toEqual(["audio", "video"]);
  });

  it("can be shared by both sides at the same moment", async () => {
    await Promise.all([ada.setScreen(mediaStream("video")), bob.setScreen(mediaStream("video"))]);
    await pass(10_000);
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["video"]);
    expect(kinds(participant(ada, "Bob").screen)).toEqual(["video"]);
    expect(open().map(({ transceivers }) => transceivers.length)).toEqual([4, 4]);
  });

  it("goes on over a connection that was made again", async () => {
    await ada.setScreen(mediaStream("video"));
    await pass(500);
    FakeNetwork.up = false;
    FakeNetwork.breakPaths();
    await pass(40_000);
    FakeNetwork.up = true;
    await pass(60_000);
    expect(participant(bob, "Ada").state).toBe("connected");
    expect(kinds(participant(bob, "Ada").screen)).toEqual(["video"]);
    expect(sentScreens()).toHaveLength(1);
  });

  it("ends with the call", async () => {
    const screen = mediaStream("video");
    await ada.setScreen(screen);
    ada.leave();
    await settle();
    expect(ada.screen).toBeNull();
  });

  it("is nothing without a picture", async () => {
    await ada.setScreen(mediaStream("audio"));
    await pass(500);
    expect(ada.screen).toBeNull();
    expect(participant(bob, "Ada").screen).toBeNull();
    expect(open().map(({ transceivers }) => transceivers.length)).toEqual([2, 2]);
  });
});
