import { describe, expect, test } from "vitest";
import { parseMarkup, plainText, type Piece } from "./markup";

const text = (text: string): Piece => ({ kind: "text", text });
const link = (text: string): Piece => ({ kind: "link", text, href: text });

describe("what a message says by its signs", () => {
  test.each<[string, readonly Piece[]]>([
    ["plain", [text("plain")]],
    ["a **b c** d", [text("a "), { kind: "strong", pieces: [text("b c")] }, text(" d")]],
    ["*b* and _c_", [{ kind: "stressed", pieces: [text("b")] }, text(" and "), { kind: "stressed", pieces: [text("c")] }]],
    ["**a _b_**", [{ kind: "strong", pieces: [text("a "), { kind: "stressed", pieces: [text("b")] }] }]],
    ["run `rm *.o` now", [text("run "), { kind: "code", text: "rm *.o" }, text(" now")]],
    ["see\n```rust\nfn a() {\n  *b\n}\n```\nthere", [text("see\n"), { kind: "block", text: "fn a() {\n  *b\n}" }, text("\nthere")]],
  ])("%j", (message, pieces) => {
    expect(parseMarkup(message)).toEqual(pieces);
  });

  test.each(["2 * 3 * 4", "a_b_c", "snake_case_name", "5*6*7", "** **", "* no list*er", "`", "``", "**", "一*二*三", "```not closed\ncode"])("%j is text", (message) => {
    expect(parseMarkup(message)).toEqual([text(message)]);
  });
});

describe("addresses", () => {
  test.each<[string, readonly Piece[]]>([
    ["https://a.example/b?c=d#e", [link("https://a.example/b?c=d#e")]],
    ["See https://a.example.", [text("See "), link("https://a.example"), text(".")]],
    ["(https://a.example/b)", [text("("), link("https://a.example/b"), text(")")]],
    ["https://a.example/b_(c)", [link("https://a.example/b_(c)")]],
    ["**https://a.example**", [{ kind: "strong", pieces: [link("https://a.example")] }]],
  ])("%j", (message, pieces) => {
    expect(parseMarkup(message)).toEqual(pieces);
  });

  test.each(["javascript:alert(1)", "https://", "data:text/html,x", "xhttps://a.example"])("%j is none", (message) => {
    expect(parseMarkup(message)).toEqual([text(message)]);
  });
});

test("a message is told in short without its signs, on one line", () => {
  expect(plainText("Do **not _ever_** run `rm`:\n```\nrm -r /\n```\nhttps://a.example")).toBe("Do not ever run rm: rm -r / https://a.example");
});

test.each(["`", "*", "_", "**a", "*a ", "_a ", "```\n", "https://", "(", "**`_*"])("a message of %j again and again is read at once", (sign) => {
  const began = performance.now();
  parseMarkup(sign.repeat(8000 / sign.length));
  expect(performance.now() - began).toBeLessThan(1000);
});
