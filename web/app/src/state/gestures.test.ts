import type { Channel, Reaction } from "peerline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { followGestures, hands, ownHand, raiseHand, react, reactions, SHOWN_FOR } from "./gestures";
import { ownId, participants, type Participant } from "./model";
import { notices } from "./notices";

class FakeChannel extends EventTarget {
  id = "own";
  hand: number | undefined;
  sendReaction = vi.fn(() => true);
  setHand(raised: boolean): void {
    this.hand = raised ? 2 : undefined;
  }
  receive(id: string, reaction: Reaction): void {
    this.dispatchEvent(Object.assign(new Event("reaction"), { participant: { id }, reaction }));
  }
}

describe("in a call", () => {
  let channel: FakeChannel;
  let end: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    channel = new FakeChannel();
    ownId.value = "own";
    end = followGestures(channel as unknown as Channel);
    notices.value = [];
  });

  afterEach(() => {
    end();
    participants.value = [];
    vi.useRealTimers();
  });

  const others = (...given: [name: string, hand: number | undefined][]) => {
    participants.value = given.map(([name, hand]) => ({ id: name, name, hand }) as Participant);
  };

  it("hands stand in the order in which they were raised, one's own among them", () => {
    others(["Linus", 3], ["Grace", undefined], ["Ken", 1], ["Ada", 3]);
    expect(hands.value.map(({ name }) => name)).toEqual(["Ken", "Ada", "Linus"]);
    raiseHand(true);
    expect(hands.value.map(({ name }) => name)).toEqual(["Ken", null, "Ada", "Linus"]);
    raiseHand(false);
    expect(hands.value).toHaveLength(3);
  });

  it("a reaction is shown for four seconds, at its sender's tile and one's own", () => {
    react("heart");
    channel.receive("grace", "yes");
    expect(reactions.value.map(({ from, reaction }) => [from, reaction])).toEqual([["own", "heart"], ["grace", "yes"]]);
    vi.advanceTimersByTime(SHOWN_FOR - 1);
    expect(reactions.value).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(reactions.value).toEqual([]);
  });

  it("a newer reaction takes the place of the older one, for its whole time", () => {
    channel.receive("grace", "yes");
    vi.advanceTimersByTime(3_000);
    channel.receive("grace", "surprise");
    expect(reactions.value.map(({ reaction }) => reaction)).toEqual(["surprise"]);
    vi.advanceTimersByTime(3_000);
    expect(reactions.value).toHaveLength(1);
  });

  it("one reaction too many isn't shown, and that is said", () => {
    channel.sendReaction.mockReturnValue(false);
    react("heart");
    expect(reactions.value).toEqual([]);
    expect(notices.value).toHaveLength(1);
  });

  it("the hand is down after the call", () => {
    raiseHand(true);
    end();
    expect(ownHand.value).toBeUndefined();
  });
});
