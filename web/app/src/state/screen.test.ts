import type { Channel } from "peerline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { notices } from "./notices";
import { canShareScreen, choosingScreen, followScreen, ownScreen, shareScreen, stopSharing } from "./screen";

class Stream {
  readonly tracks = [{ kind: "video", contentHint: "", stop: vi.fn() }, { kind: "audio", stop: vi.fn() }];
  getTracks = () => this.tracks;
  getVideoTracks = () => this.tracks.filter(({ kind }) => kind === "video");
}

class FakeChannel extends EventTarget {
  screen: unknown = null;
  setScreen = vi.fn((stream: unknown) => {
    this.screen = stream;
    this.dispatchEvent(new Event("screenchange"));
    return Promise.resolve();
  });
}

describe("sharing the screen", () => {
  let channel: FakeChannel;
  let end: () => void;
  let answer: () => Promise<unknown>;

  beforeEach(() => {
    vi.stubGlobal("navigator", { mediaDevices: { getDisplayMedia: () => answer() } });
    channel = new FakeChannel();
    end = followScreen(channel as unknown as Channel);
    notices.value = [];
  });

  afterEach(() => {
    end();
    vi.unstubAllGlobals();
  });

  it("gives the channel what the user chose, until it is stopped, and lets it go then", async () => {
    const stream = new Stream();
    answer = () => Promise.resolve(stream);
    await shareScreen();
    expect([ownScreen.value, channel.screen, stream.tracks[0]?.contentHint]).toEqual([stream, stream, "detail"]);
    stopSharing();
    expect([ownScreen.value, channel.screen]).toEqual([null, null]);
    for (const track of stream.tracks) expect(track.stop).toHaveBeenCalledTimes(1);
  });

  it("ends the sound as well when the browser ended the picture", async () => {
    const stream = new Stream();
    answer = () => Promise.resolve(stream);
    await shareScreen();
    void channel.setScreen(null);
    expect(ownScreen.value).toBeNull();
    expect(stream.tracks[1]?.stop).toHaveBeenCalledTimes(1);
  });

  it.each([
    ["NotAllowedError", /^Nothing is shared/],
    ["NotReadableError", /can't be captured/],
    ["TypeError", /couldn't be shared/],
  ])("explains %s", async (name, sentence) => {
    answer = () => Promise.reject(new DOMException("", name));
    await shareScreen();
    expect(notices.value.map(({ text }) => text)).toEqual([expect.stringMatching(sentence)]);
    expect([ownScreen.value, choosingScreen.value]).toEqual([null, false]);
  });

  it("lets go what was chosen after the call had ended", async () => {
    const stream = new Stream();
    answer = async () => {
      end();
      return stream;
    };
    await shareScreen();
    expect(channel.setScreen).not.toHaveBeenCalled();
    for (const track of stream.tracks) expect(track.stop).toHaveBeenCalledTimes(1);
  });

  it("is not offered where the browser can't", () => {
    expect(canShareScreen()).toBe(true);
    vi.stubGlobal("navigator", { mediaDevices: {} });
    expect(canShareScreen()).toBe(false);
  });
});
