import type { Participant } from "peerline";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { tellHand } from "./hand-told";
import { notices } from "./notices";

/** Somebody whose profile comes, again and again, with the hand as it is then. */
class Person {
  hand: number | undefined;
  comes(hand: number | undefined): void {
    this.hand = hand;
    tellHand(this as unknown as Participant, "Ada");
  }
}

const told = () => notices.value.map(({ text }) => text);
let ada: Person;

beforeEach(() => {
  vi.useFakeTimers();
  notices.value = [];
  ada = new Person();
});

afterEach(() => {
  vi.useRealTimers();
});

it("a hand that goes up is told once", () => {
  ada.comes(undefined);
  ada.comes(1);
  ada.comes(1);
  expect(told()).toEqual(["Ada raised a hand"]);
});

it("a hand that was up before the user came is not told, but when it goes up again", () => {
  ada.comes(1);
  expect(told()).toEqual([]);
  ada.comes(undefined);
  ada.comes(2);
  expect(told()).toHaveLength(1);
});

it("a hand that goes up and down all the time is told every ten seconds at most", () => {
  let count = 0;
  ada.comes(undefined);
  for (let second = 0; second < 20; second += 1) {
    ada.comes(1);
    count += told().length;
    notices.value = [];
    ada.comes(undefined);
    vi.advanceTimersByTime(1000);
  }
  expect(count).toBe(2);
});
