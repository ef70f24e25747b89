import { describe, expect, it } from "vitest";
import { hueOf, initialsOf } from "./initials";

describe("initials", () => {
  it.each([
    ["Ada Lovelace", "AL"],
    ["Ada King Lovelace", "AL"],
    ["ada", "A"],
    ["  Grace   Hopper ", "GH"],
    ["李 明", "李明"],
    ["👩‍🚀 Sally", "👩‍🚀S"],
    ["", ""],
  ])("of %j are %j", (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });
});

describe("a person's colour", () => {
  it("is the same each time, and one of eight", () => {
    expect(hueOf("b7n2")).toBe(hueOf("b7n2"));
    for (const id of ["", "a", "Zz", "q".repeat(22)]) expect(hueOf(id)).toBeLessThan(8);
  });
});
