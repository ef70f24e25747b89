import { signal } from "@preact/signals";
import type { Channel, JoinOptions } from "peerline";
import { beforeEach, describe, expect, it, vi } from "vitest";

const { peerline, tracks } = vi.hoisted(() => ({
  peerline: { join: (_link: string, _options: JoinOptions): Promise<Channel> => Promise.reject(new Error("Not asked for")) },
  tracks: {} as { camera: { value: unknown } },
}));

vi.mock("./client", () => ({ client: { value: peerline } }));
vi.mock("./wake-lock", () => ({ keepAwake: () => () => undefined }));
vi.mock("../media/local", () => {
  const cameraTrack = signal<unknown>(null);
  tracks.camera = cameraTrack;
  const rest = { microphoneTrack: signal(null), muted: signal(false) };
  return { cameraTrack, ...rest, stopMedia: () => undefined };
});

const { cancelJoin, join, leave, toLobby } = await import("./call");
const model = await import("./model");
const { notices } = await import("./notices");

class Stream {
  constructor(readonly tracks: unknown[] = []) {}
  getTracks = () => this.tracks;
}

class FakeChannel extends EventTarget {
  id = "own";
  state = "joined";
  participants = new Map();
  chat = [];
  stream: unknown;
  setMicrophone = vi.fn();
  setStream = vi.fn();
  leave = vi.fn();
}

describe("a call", () => {
  let channel: FakeChannel;
  let given: JoinOptions;
  let enter: () => void;

  beforeEach(() => {
    vi.stubGlobal("MediaStream", Stream);
    leave();
    toLobby();
    tracks.camera.value = null;
    notices.value = [];
    channel = new FakeChannel();
    peerline.join = vi.fn((_link: string, options: JoinOptions) => {
      given = options;
      channel.stream = options.stream;
      return new Promise<Channel>((resolve, reject) => {
        enter = () => resolve(channel as unknown as Channel);
        options.signal?.addEventListener("abort", () => reject(options.signal?.reason as Error));
      });
    });
  });

  it("is sent the camera that was allowed only while joining", async () => {
    const joined = join("link");
    tracks.camera.value = "camera";
    enter();
    await joined;
    expect(model.phase.value).toBe("call");
    expect(channel.setStream).toHaveBeenCalledTimes(1);
    expect(channel.setStream.mock.calls[0]?.[0]).toMatchObject({ tracks: ["camera"] });
  });

  it("is sent nothing anew when nothing has changed", async () => {
    tracks.camera.value = "camera";
    const joined = join("link");
    enter();
    await joined;
    expect(channel.setStream).not.toHaveBeenCalled();
  });

  it("can be given up while it is being joined, and begun again", async () => {
    const first = join("link");
    expect(model.phase.value).toBe("joining");
    cancelJoin();
    await first;
    expect([model.phase.value, model.failure.value, given.signal?.aborted]).toEqual(["lobby", null, true]);
    const second = join("link");
    enter();
    await second;
    expect(model.phase.value).toBe("call");
  });

  it("tells once that a hand went up, and not of hands that were up before", async () => {
    const peer = (name: string, hand?: number) => {
      const diagnostics = Object.assign(new EventTarget(), { diagnosis: undefined });
      const stream = { getAudioTracks: () => [] };
      return Object.assign(new EventTarget(), { id: name, name, hand, state: "connected", stream, diagnostics, verification: undefined });
    };
    const [grace, linus] = [peer("Grace"), peer("Linus", 1)];
    channel.participants = new Map([grace, linus].map((one) => [one.id, one]));
    const joined = join("link");
    enter();
    await joined;
    const told = () => notices.value.map(({ text }) => text);
    for (const one of [linus, grace]) one.dispatchEvent(new Event("change"));
    expect(told()).toEqual([]);
    for (const hand of [2, 2, undefined, 3, undefined, 4]) {
      grace.hand = hand;
      grace.dispatchEvent(new Event("change"));
    }
    expect(told()).toEqual(["Grace raised a hand"]);
  });

  it("tells who left, and not that a page was loaded again", async () => {
    const peer = (id: string, identity: string) => {
      const diagnostics = Object.assign(new EventTarget(), { diagnosis: undefined });
      const stream = { getAudioTracks: () => [] };
      return Object.assign(new EventTarget(), { id, name: id, identity, state: "connected", stream, diagnostics, verification: undefined });
    };
    const [old, anew, linus] = [peer("Grace before", "grace"), peer("Grace", "grace"), peer("Linus", "linus")];
    channel.participants = new Map([old, anew, linus].map((one) => [one.id, one]));
    const joined = join("link");
    enter();
    await joined;
    for (const participant of [old, linus]) {
      channel.participants.delete(participant.id);
      channel.dispatchEvent(Object.assign(new Event("participantleave"), { participant }));
    }
    expect(notices.value.map(({ text }) => text)).toEqual(["Linus left"]);
  });
});
