import { expect, it } from "vitest";
import { Absences } from "../src/absences.js";
import type { ChatTextMessage } from "../src/messages.js";

const message = (text: string): ChatTextMessage => ({ kind: "chat", chat: text.padStart(22, "A"), text, time: 1 });
const texts = (messages: readonly ChatTextMessage[]) => messages.map(({ text }) => text);

it("who goes again before it was given what it had missed misses that still, and is known by the identity it had shown", () => {
  const absences = new Absences();
  absences.left({ id: "page", provenIdentity: "Bob" }, false, [message("one")]);
  absences.wrote(message("two"));
  absences.left({ id: "page", provenIdentity: undefined }, false, [message("two"), message("three")]);
  expect(texts(absences.returned({ id: "another page", provenIdentity: "Bob" }))).toEqual(["one", "two", "three"]);
});

it("two pages of one browser that are away are each given what they missed", () => {
  const absences = new Absences();
  absences.left({ id: "first", provenIdentity: "Bob" }, false, []);
  absences.left({ id: "second", provenIdentity: "Bob" }, false, []);
  absences.wrote(message("one"));
  const first = { id: "first", provenIdentity: undefined as string | undefined };
  expect(texts(absences.returned(first))).toEqual(["one"]);
  first.provenIdentity = "Bob";
  expect(texts(absences.returned(first))).toEqual([]);
  expect(texts(absences.returned({ id: "second", provenIdentity: "Bob" }))).toEqual(["one"]);
});
