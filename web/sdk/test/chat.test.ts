import { expect, it } from "vitest";
import type { ChatMessage } from "../src/index.js";
import { Chat } from "../src/chat.js";

it("keeps the latest messages only, however many another writes", () => {
  const added: ChatMessage[] = [];
  const chat = new Chat((message) => added.push(message));
  const peer = { id: "mallory", name: "Mallory", provenIdentity: undefined, present: true, dataOpen: true, send: async () => undefined };
  for (let count = 1; count <= 2010; count++)
    chat.receive(peer, { kind: "chat", chat: String(count).padStart(22, "A"), text: `${count}`, time: 1 }, "data");
  expect([added.length, chat.messages.length, chat.messages[0]?.text, chat.messages.at(-1)?.text]).toEqual([2010, 2000, "11", "2010"]);
});
