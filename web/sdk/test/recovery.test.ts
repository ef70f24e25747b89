import { expect, it } from "vitest";
import { join } from "./fakes/call.js";
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
