/** Those who went and come back: they take their old place, and get what was written meanwhile. */
import { beforeEach, expect, it, vi } from "vitest";
import type { Channel } from "../src/index.js";
import { Identity } from "../src/identity.js";
import { hub, join } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";
import { pass } from "./fakes/time.js";

const MINUTE = 60_000;

/** Each name is a browser: its pages have one identity. */
let browsers: Map<string, Promise<Identity>>;
let ada: Channel;
let bob: Channel;

beforeEach(async () => {
  browsers = new Map();
  ada = await open("Ada");
  bob = await open("Bob");
});

async function open(name: string): Promise<Channel> {
  const identity = browsers.get(name) ?? Identity.load();
  browsers.set(name, identity);
  const load = vi.spyOn(Identity, "load").mockReturnValue(identity);
  const channel = await join(name);
  load.mockRestore();
  await pass(3000);
  return channel;
}

/** Bob's page is asleep, or gone without a word. */
async function bobVanishes(): Promise<void> {
  hub.vanish(bob.id, MINUTE / 2);
  FakeNetwork.breakPaths();
  await pass(1000);
}

const told = (channel: Channel) => channel.chat.map(({ text, missed }) => (missed ? `missed: ${text}` : text));
const others = (channel: Channel) => [...channel.participants.values()].map(({ name, state }) => `${name} ${state}`);

it("a page that was asleep gets what was written meanwhile, also when the server gave it up", async () => {
  await bobVanishes();
  hub.expire(bob.id);
  await pass(6000);
  expect(others(ada)).toEqual([]);
  await ada.sendChat("one");
  await ada.sendChat("two");
  await pass(MINUTE, 1000);
  expect(others(bob)).toEqual(["Ada connected"]);
  expect(told(bob)).toEqual(["missed: one", "missed: two"]);
  await ada.sendChat("three");
  expect(told(bob)).toEqual(["missed: one", "missed: two", "three"]);
});

it("what was on its way when the connection broke was missed as well", async () => {
  await bobVanishes();
  const sent = ada.sendChat("one");
  await pass(MINUTE, 1000);
  await sent;
  expect(told(bob)).toEqual(["missed: one"]);
});

it("a page that is loaded again takes its old place, and gets what was written meanwhile", async () => {
  await bobVanishes();
  void ada.sendChat("one");
  const bobAnew = await open("Bob");
  expect(others(ada)).toEqual(["Bob connected"]);
  expect(ada.participants.has(bobAnew.id)).toBe(true);
  expect(others(bobAnew)).toEqual(["Ada connected"]);
  expect(told(bobAnew)).toEqual(["missed: one"]);
});

it.each(["away", "gone"])("a page that takes an old one's place before the server has noticed that it is %s gets what that one didn't", async (noticed) => {
  hub.sleep(bob.id, MINUTE);
  FakeNetwork.breakPaths();
  await pass(1000);
  void ada.sendChat("one");
  const bobAnew = await open("Bob");
  expect(told(bobAnew)).toEqual([]);
  if (noticed === "away") hub.vanish(bob.id, MINUTE);
  else hub.expire(bob.id);
  await pass(6000);
  expect(others(ada)).toEqual(["Bob connected"]);
  expect(told(bobAnew)).toEqual(["missed: one"]);
});

it("a page whose path holds stays, although the server lost it and another one of its browser is here", async () => {
  await open("Bob");
  hub.vanish(bob.id, MINUTE);
  await pass(5000);
  expect(others(ada)).toEqual(["Bob connected", "Bob connected"]);
  FakeNetwork.breakPaths();
  await pass(5000);
  expect(ada.participants.has(bob.id)).toBe(false);
});

it("a page that said goodbye and is loaded again gets what was written meanwhile", async () => {
  bob.leave();
  await pass(1000);
  await ada.sendChat("one");
  await pass(MINUTE, 1000);
  expect(told(await open("Bob"))).toEqual(["missed: one"]);
});

it("who left long ago, and who is here for the first time, get nothing of it", async () => {
  bob.leave();
  await pass(1000);
  await ada.sendChat("one");
  expect(told(await open("Carol"))).toEqual([]);
  await pass(11 * MINUTE, 10_000);
  expect(told(await open("Bob"))).toEqual([]);
});

it("two pages of one browser may be in the call, and one that was asleep comes back beside the other", async () => {
  const second = await open("Bob");
  expect(others(ada)).toEqual(["Bob connected", "Bob connected"]);
  await bobVanishes();
  await pass(5000);
  expect(ada.participants.has(bob.id)).toBe(false);
  await pass(2 * MINUTE, 1000);
  expect(others(ada).sort()).toEqual(["Bob connected", "Bob connected"]);
  expect(others(second).sort()).toEqual(["Ada connected", "Bob connected"]);
});

it("a reply names the message that it answers", async () => {
  const { id } = await ada.sendChat("Shall we?");
  await bob.sendChat("We shall.", id);
  expect(ada.chat.map(({ reply }) => reply)).toEqual([undefined, id]);
  await expect(bob.sendChat("We shall.", "no id")).rejects.toThrow(RangeError);
});
