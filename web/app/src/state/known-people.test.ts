import { beforeEach, expect, it, vi } from "vitest";
import { trust, trustIn } from "./contacts";
import { forgetMissedCall, keepMissedCall, missedCalls } from "./missed";
import { added, missed, verified } from "./settings";

vi.mock("./client", () => ({ client: { value: null } }));
const { addContact, forgetContact, knownPeople } = await import("./known-people");

beforeEach(() => {
  added.value = [];
  verified.value = [];
  missed.value = [];
});

it("contacts are those who were verified or added, by name and once each", () => {
  addContact("Linus", "linus");
  addContact("Ada", "ada");
  trust("Ada L.", "ada");
  trust("Guest", "nobody");
  expect(knownPeople()).toEqual([{ identity: "ada", name: "Ada L." }, { identity: "linus", name: "Linus" }]);
});

it("who is forgotten is verified no more", () => {
  addContact("Ada", "ada");
  trust("Ada", "ada");
  forgetContact("ada");
  expect(knownPeople()).toEqual([]);
  expect(trustIn("Ada", { state: "ready", identity: "ada" })).toBe("unverified");
});

it("being added is not being verified", () => {
  addContact("Ada", "ada");
  expect(trustIn("Ada", { state: "ready", identity: "ada" })).toBe("unverified");
});

it("missed calls are kept, the latest of each person, the newest first, 20 at most", () => {
  for (let caller = 0; caller < 30; caller += 1) keepMissedCall(`Caller ${caller}`, `${caller}`);
  keepMissedCall("Caller 25", "25");
  expect(missedCalls()).toHaveLength(20);
  expect(missedCalls()[0]?.name).toBe("Caller 25");
  forgetMissedCall("25");
  expect(missedCalls()[0]?.name).toBe("Caller 29");
});

it("what the storage holds may be anything", () => {
  added.value = [null, { identity: 1 }] as never;
  missed.value = { length: 1 } as never;
  expect([knownPeople(), missedCalls()]).toEqual([[], []]);
});
