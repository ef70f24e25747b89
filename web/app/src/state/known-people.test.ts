import { beforeEach, expect, it, vi } from "vitest";
import { trust, trustIn } from "./contacts";
import { forgetMissedCall, keepMissedCall, missedCalls } from "./missed";
import { added, missed, verified } from "./settings";

const { client } = vi.hoisted(() => ({ client: { value: null as unknown } }));
vi.mock("./client", () => ({ client }));
const { addContact, forgetContact, here, knownPeople, watchContacts } = await import("./known-people");

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

it("contacts are asked for by name where the server names others only, and once a minute at most", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { visibilityState: "visible" });
  const others = Array.from({ length: 50 }, (_, number) => ({ name: `Other ${number}`, identity: `${number}` }));
  const find = vi.fn(async (prefix: string) => ({
    people: prefix === "" ? others : [{ name: prefix, identity: prefix.toLowerCase() }],
    isComplete: others.length < 50,
  }));
  client.value = { find };
  addContact("Zoe", "zoe");
  const asked = () => find.mock.calls.filter(([prefix]) => prefix !== "").length;
  const stop = watchContacts();
  await vi.advanceTimersByTimeAsync(50_000);
  expect([asked(), here.value.has("zoe")]).toEqual([1, true]);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(asked()).toBe(2);
  others.pop();
  await vi.advanceTimersByTimeAsync(120_000);
  expect([asked(), here.value.has("zoe")]).toEqual([2, false]);
  stop();
  client.value = null;
  vi.unstubAllGlobals();
  vi.useRealTimers();
});
