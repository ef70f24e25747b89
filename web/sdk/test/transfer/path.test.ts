import { expect, it } from "vitest";
import { byteLength } from "../../src/transfer/path.js";

it.each(["", "plain.txt", "é", "ß߿", "ࠀ€", "😀", "a😀é€b", "\ud800", "\udc00", "\udc00\ud800", "\ud800a", "\ud83d\ud83d\ude00", "\u0000"])("counts the bytes of %j as an encoder makes them", (text) => {
  expect(byteLength(text)).toBe(new TextEncoder().encode(text).length);
});
