import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Channel, Reaction } from "../src/index.js";
import { parseMessage, parseProfile } from "../src/messages.js";
import { hub, join, participant } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";
import { pass } from "./fakes/time.js";

describe("in a call of two", () => {
  let ada: Channel;
  let bob: Channel;

  beforeEach(async () => {
    ada = await join("Ada");
    bob = await join("Bob");
    await pass(500);
  });

  it("a raised hand is seen, and seen to be lowered", async () => {
    expect(participant(bob, "Ada").hand).toBeUndefined();
    ada.setHand(true);
    await pass(100);
    expect(participant(bob, "Ada").hand).toBe(1);
    ada.setHand(false);
    await pass(100);
    expect(participant(bob, "Ada").hand).toBeUndefined();
  });

  it("hands stand in the order in which they were raised, whatever the clocks say", async () => {
    bob.setHand(true);
    await pass(100);
    ada.setHand(true);
    await pass(100);
    const carol = await join("Carol");
    carol.setHand(true);
    expect([participant(carol, "Bob").hand, participant(carol, "Ada").hand, carol.hand]).toEqual([1, 2, 3]);
    ada.setHand(true);
    expect(ada.hand, "raised already").toBe(2);
  });

  it("a recording is told before it may begin, and to those who come later", async () => {
    hub.down = true;
    hub.breakConnections();
    const told = vi.fn();
    void ada.setRecording(true).then(told);
    await pass(10_000);
    expect([told.mock.calls.length, participant(bob, "Ada").recording]).toEqual([0, false]);
    hub.down = false;
    await pass(60_000);
    expect([told.mock.calls.length, participant(bob, "Ada").recording]).toEqual([1, true]);
    expect(participant(await join("Carol"), "Ada").recording).toBe(true);
    await Promise.all([ada.setRecording(false), pass(100)]);
    expect(participant(bob, "Ada").recording).toBe(false);
  });

  it("a recording that nobody could be told of doesn't begin", async () => {
    ada.leave();
    const refused = expect(ada.setRecording(true)).rejects.toThrow();
    await pass(100);
    await refused;
  });

  it("a reaction is shown once to everybody, and written nowhere", async () => {
    const seen: (readonly [string, Reaction])[] = [];
    bob.addEventListener("reaction", ({ participant: { name }, reaction }) => seen.push([name, reaction]));
    expect(ada.sendReaction("applause")).toBe(true);
    await pass(20_000);
    expect(seen).toEqual([["Ada", "applause"]]);
    expect(bob.chat).toEqual([]);
  });

  it("reactions that come too fast are not sent, and after a while they are again", async () => {
    const seen = vi.fn();
    bob.addEventListener("reaction", seen);
    expect(Array.from({ length: 9 }, () => ada.sendReaction("heart")).filter(Boolean)).toHaveLength(5);
    await pass(5_000);
    expect(ada.sendReaction("heart")).toBe(true);
    await pass(100);
    expect(seen).toHaveBeenCalledTimes(6);
  });

  it("somebody who floods others with reactions is shown to them ten times, not more", async () => {
    const seen = vi.fn();
    bob.addEventListener("reaction", seen);
    const [flooder] = FakeNetwork.connections;
    for (let time = 0; time < 200; time++) flooder?.data?.send(JSON.stringify({ kind: "reaction", reaction: "yes" }));
    await pass(100);
    expect(seen).toHaveBeenCalledTimes(10);
  });
});

describe("what others write", () => {
  it("is a reaction only if it is one of ours", () => {
    const read = (reaction: unknown) => parseMessage(JSON.stringify({ kind: "reaction", reaction }));
    expect(read("heart")).toEqual({ kind: "reaction", reaction: "heart" });
    for (const other of ["toString", "💣".repeat(500), 1, null, ["heart"]]) expect(read(other)).toBeUndefined();
  });

  it("is a hand only if it has a place in the order", () => {
    const read = (members: object) => parseProfile(JSON.stringify({ kind: "profile", name: "Ada", ...members }));
    expect(read({ hand: 7, recording: true })).toMatchObject({ hand: 7, recording: true });
    for (const hand of [0, -1, 1.5, 1e300, "1", true, null]) expect(read({ hand })?.hand).toBeUndefined();
    for (const recording of ["yes", 1, false]) expect(read({ recording })?.recording).toBeUndefined();
  });
});
