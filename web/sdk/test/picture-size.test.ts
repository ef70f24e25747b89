import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Channel } from "../src/index.js";
import { parseMessage } from "../src/messages.js";
import { boundsOf, shares, stepOf, UNSEEN, WHOLE } from "../src/picture-size.js";
import { ShownPicture } from "../src/shown-picture.js";
import { join, mediaStream, participant } from "./fakes/call.js";
import { FakeNetwork, type FakePeerConnection } from "./fakes/peer-connection.js";
import { pass } from "./fakes/time.js";

describe("the size in which a picture is asked for", () => {
  it("is the smallest step that needn't be enlarged much", () => {
    expect([0, 1, 90, 112, 113, 180, 200, 360, 450, 451, 720, 900, 1080].map(stepOf)).toEqual([0, 90, 90, 90, 180, 180, 180, 360, 360, 720, 720, 720, WHOLE]);
  });
});

describe("what a picture may cost", () => {
  it("grows with its lines", () => {
    expect(boundsOf(90, 720)).toEqual({ scaleResolutionDownBy: 8, maxBitrate: 80_000, maxFramerate: 10 });
    expect(boundsOf(180, 720)).toEqual({ scaleResolutionDownBy: 4, maxBitrate: 200_000, maxFramerate: 15 });
    expect(boundsOf(360, 720)).toEqual({ scaleResolutionDownBy: 2, maxBitrate: 600_000 });
    expect(boundsOf(720, 720)).toEqual({ scaleResolutionDownBy: 1, maxBitrate: 1_800_000 });
  });

  it("is little, but not nothing, for one that can't be seen", () => {
    expect(boundsOf(UNSEEN, 720)).toEqual({ scaleResolutionDownBy: 8, maxBitrate: 50_000, maxFramerate: 5 });
  });

  it("has no bound for one that is sent as it is, and nothing is enlarged", () => {
    expect(boundsOf(WHOLE, 720)).toEqual({ scaleResolutionDownBy: 1 });
    expect(boundsOf(360, 240).scaleResolutionDownBy).toBe(1);
  });
});

describe("a picture that is sent to several", () => {
  it("has no bound between two who show each other large", () => {
    expect(shares([720], 720)).toEqual([WHOLE]);
    expect(shares([180], 720)).toEqual([180]);
  });

  it("is sent as large as it is shown to one of three, and not to two", () => {
    expect(shares([720, 360, 180], 720)).toEqual([720, 360, 180]);
    expect(shares([720, 720, 180], 720)).toEqual([360, 360, 180]);
  });

  it("has 360 lines for each of more, but for one of four who alone shows it large", () => {
    for (let others = 4; others <= 7; others += 1) {
      const all = Array.from({ length: others }, () => 720);
      expect(shares(all, 720)).toEqual(all.map(() => 360));
      expect(shares(all.map((_, index) => (index === 0 ? 720 : 360)), 720)[0]).toBe(others === 4 ? 720 : 360);
    }
  });

  it("costs eight less than twice what it costs two", () => {
    const cost = (steps: number[]) =>
      steps.reduce((sum, step) => {
        const { scaleResolutionDownBy = 1, maxFramerate = 30 } = boundsOf(step, 720);
        return sum + maxFramerate / scaleResolutionDownBy ** 2;
      }, 0);
    const two = cost(shares([720], 720));
    for (const step of [UNSEEN, 90, 180, 360, 720, WHOLE]) {
      expect(cost(shares([step, step, step, step, step, step, step], 720))).toBeLessThan(2 * two);
      for (let large = 0; large <= 7; large += 1)
        expect(cost(shares(Array.from({ length: 7 }, (_, index) => (index < large ? WHOLE : step)), 720))).toBeLessThan(2 * two);
    }
  });

  it("of a large camera is bounded by what is really sent", () => {
    expect(shares([WHOLE, WHOLE, WHOLE], 720)).toEqual([360, 360, 360]);
    expect(shares([WHOLE, WHOLE, WHOLE], 360)).toEqual([WHOLE, WHOLE, WHOLE]);
  });
});

describe("the size in which a picture is shown", () => {
  let told: number[];
  let isOpen: boolean;
  let shown: ShownPicture;

  beforeEach(() => {
    told = [];
    isOpen = true;
    shown = new ShownPicture((lines) => isOpen && told.push(lines) > 0);
  });

  it("is told when its step changes, and not else", async () => {
    shown.show(180);
    await pass(100);
    shown.show(170);
    await pass(5000);
    expect(told).toEqual([180]);
  });

  it("is told soon when it grows, and only when it has settled", async () => {
    shown.show(180);
    await pass(100);
    for (const lines of [300, 500, 700]) shown.show(lines);
    await pass(100);
    expect(told).toEqual([180, 720]);
  });

  it("is not told when it was smaller, or gone, for a moment only", async () => {
    shown.show(720);
    await pass(100);
    shown.show(0);
    await pass(1900);
    shown.show(720);
    await pass(5000);
    expect(told).toEqual([720]);
    shown.show(0);
    await pass(2000);
    expect(told).toEqual([720, 0]);
  });

  it("waits for a way to be told, and is told again by each new one", async () => {
    isOpen = false;
    shown.show(360);
    await pass(5000);
    expect(told).toEqual([]);
    isOpen = true;
    shown.open();
    shown.open();
    expect(told).toEqual([360, 360]);
  });

  it("of which nobody has said anything is not told", () => {
    shown.open();
    expect(told).toEqual([]);
  });
});

describe("in a call of two", () => {
  let ada: Channel;
  let bob: Channel;

  beforeEach(async () => {
    ada = await join("Ada", mediaStream("audio", "video"));
    bob = await join("Bob");
    await pass(500);
  });

  /** What Ada's camera may cost over the connection to Bob. */
  const camera = () => sender(FakeNetwork.connections, "video").encoding;

  it("the camera's picture comes as large as it is shown, and the sound as ever", async () => {
    expect(camera()).toEqual({ scaleResolutionDownBy: 1 });
    participant(bob, "Ada").show(180);
    await pass(1000);
    expect(camera()).toEqual({ scaleResolutionDownBy: 4, maxBitrate: 200_000, maxFramerate: 15 });
    expect(sender(FakeNetwork.connections, "audio").encoding).toEqual({ scaleResolutionDownBy: 1 });
    participant(bob, "Ada").show(720);
    await pass(1000);
    expect(camera()).toEqual({ scaleResolutionDownBy: 1 });
  });

  it("another camera's picture comes as large as that", async () => {
    participant(bob, "Ada").show(180);
    await pass(1000);
    const other = mediaStream("video");
    Object.assign(other.getVideoTracks()[0] as object, { height: 360 });
    await Promise.all([ada.setStream(other), pass(1000)]);
    expect(camera().scaleResolutionDownBy).toBe(2);
  });

  it("the screen is sent as it is", async () => {
    participant(bob, "Ada").show(90);
    await Promise.all([ada.setScreen(mediaStream("video")), pass(1000)]);
    const screens = FakeNetwork.connections.flatMap(({ transceivers }) => transceivers.slice(2)).map(({ sender: { encoding } }) => encoding);
    expect(screens).not.toEqual([]);
    for (const encoding of screens) expect(encoding).toEqual({ scaleResolutionDownBy: 1 });
  });

  it("whoever says it over and over again makes no encoder begin anew more than four times a second", async () => {
    const set = vi.spyOn(sender(FakeNetwork.connections, "video"), "setParameters");
    const bobs = FakeNetwork.connections.find(({ transceivers }) => transceivers.every((transceiver) => transceiver.sender.track === null));
    for (let time = 0; time < 100; time++) {
      bobs?.data?.send(JSON.stringify({ kind: "shown", height: time % 2 === 0 ? 90 : 180 }));
      await pass(10);
    }
    expect(set).toHaveBeenCalled();
    expect(set.mock.calls.length).toBeLessThanOrEqual(4);
  });

  it("a size that is told while the browser still changes another is the one in the end", async () => {
    const sending = sender(FakeNetwork.connections, "video");
    let isChanging = false;
    vi.spyOn(sending, "setParameters").mockImplementation(async ({ encodings: [encoding] }) => {
      if (isChanging) throw new DOMException("One after the other", "InvalidStateError");
      isChanging = true;
      await new Promise((resolve) => setTimeout(resolve, 400));
      isChanging = false;
      sending.encoding = { ...encoding };
    });
    participant(bob, "Ada").show(180);
    await pass(250);
    participant(bob, "Ada").show(360);
    await pass(3000);
    expect(sending.encoding.scaleResolutionDownBy).toBe(2);
  });

  it("the size is told again over a connection that takes the place of another", async () => {
    participant(bob, "Ada").show(180);
    await pass(1000);
    const before = FakeNetwork.connections.length;
    FakeNetwork.up = false;
    FakeNetwork.breakPaths();
    await pass(60_000, 1000);
    FakeNetwork.up = true;
    await pass(60_000, 1000);
    const anew = FakeNetwork.connections.slice(before);
    expect(anew).not.toEqual([]);
    expect(sender(anew.filter(({ connectionState }) => connectionState === "connected"), "video").encoding.scaleResolutionDownBy).toBe(4);
  });
});

it("in a call of five, a large picture is sent to the one who shows it so, and 360 lines to the others", async () => {
  await join("Ada", mediaStream("audio", "video"));
  const others = [await join("Bob"), await join("Carol"), await join("Dan"), await join("Eve")];
  await pass(1000);
  const sent = () => senders(FakeNetwork.connections, "video").map(({ encoding }) => encoding.scaleResolutionDownBy);
  expect(sent(), "before anybody has said anything").toEqual([2, 2, 2, 2]);
  for (const [index, other] of others.entries()) participant(other, "Ada").show(index === 0 ? 720 : 360);
  await pass(1000);
  expect(sent().sort()).toEqual([1, 2, 2, 2]);
});

describe("what is said about it", () => {
  it("is a whole number of lines", () => {
    expect(parseMessage('{"kind":"shown","height":0}')).toEqual({ kind: "shown", height: 0 });
    expect(parseMessage('{"kind":"shown","height":360}')).toEqual({ kind: "shown", height: 360 });
    for (const height of ["-1", "1.5", '"360"', "null", "1e99"]) expect(parseMessage(`{"kind":"shown","height":${height}}`)).toBeUndefined();
    expect(parseMessage('{"kind":"shown"}')).toBeUndefined();
  });
});

/** Those that send a track of that kind which isn't a screen's, the newest first. */
function senders(connections: readonly FakePeerConnection[], kind: string) {
  const all = connections.flatMap(({ transceivers }) => transceivers.slice(0, 2).map((transceiver) => transceiver.sender));
  return all.reverse().filter(({ track }) => track?.kind === kind);
}

function sender(connections: readonly FakePeerConnection[], kind: string) {
  return senders(connections, kind)[0] as ReturnType<typeof senders>[number];
}
