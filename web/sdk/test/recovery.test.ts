import { expect, it, vi } from "vitest";
import { hub, join } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";
import { pass } from "./fakes/time.js";

it("leaves the second offer to the impolite side, too, where nothing has ever come", async () => {
  FakeNetwork.up = false;
  const [ada, bob] = [await join("Ada"), await join("Bob")];
  const offers = () => FakeNetwork.connections.map((connection) => connection.offers);
  await pass(1000);
  const before = offers();
  // Whoever came later made the first one.
  expect([...before].sort()).toEqual([0, 1]);
  await pass(8000);
  const isImpolite = before.map((count) => (count === 1) === (ada.id < bob.id));
  expect(offers().map((count, index) => count > (before[index] ?? 0))).toEqual(isImpolite);
});

it("looks for all new paths at once when the server, which was in doubt, has answered", async () => {
  const ada = await join("Ada");
  for (const name of ["Bob", "Carol", "Dan", "Eve"]) await join(name);
  await pass(3000);
  const { deliver } = hub.WebSocket.prototype;
  vi.spyOn(hub.WebSocket.prototype, "deliver").mockImplementation(function (this: never, frame) {
    setTimeout(() => deliver.call(this, frame), 100);
  });
  const asked = new Set<string>();
  hub.loses = (frame, from) => {
    if (frame.type !== "send") return false;
    if (from === ada.id) asked.add(frame.to);
    // Ada answers nobody.
    return true;
  };
  FakeNetwork.breakPaths();
  // Browsers are given a quarter of a second. The first attempt puts the server in doubt.
  await pass(240, 10);
  expect(asked.size).toBe(0);
  await pass(60, 10);
  expect(asked.size).toBe(1);
  await pass(100, 10);
  expect(asked.size).toBe(4);
});
