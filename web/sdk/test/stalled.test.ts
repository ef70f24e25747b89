/** Files that are taken no more, where something still comes by the same path. */
import { beforeEach, expect, it } from "vitest";
import type { Channel } from "../src/index.js";
import type { RemoteParticipant } from "../src/participant.js";
import { hub, join, participant } from "./fakes/call.js";
import { FakeNetwork } from "./fakes/peer-connection.js";
import { pass } from "./fakes/time.js";

let ada: Channel;
let offersBefore: number;

const offers = () => FakeNetwork.connections.reduce((sum, connection) => sum + connection.offers, 0);
const stall = () => (participant(ada, "Bob") as RemoteParticipant).stalled();

beforeEach(async () => {
  ada = await join("Ada");
  await join("Bob");
  await pass(3000);
  offersBefore = offers();
});

it("another path is looked for as soon as the server is there again that doesn't answer either", async () => {
  hub.sleep(ada.id, 400);
  stall();
  await pass(2500);
  expect(offers()).toBe(offersBefore + 1);
  expect(participant(ada, "Bob").state).toBe("connected");
});

it("whose server answers has a slow receiver, and goes on as it is, also when the server is restarted a moment later", async () => {
  stall();
  await pass(500);
  hub.breakConnections(1006, ada.id);
  await pass(2500);
  expect(offers()).toBe(offersBefore);
});
