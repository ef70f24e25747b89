import { describe, expect, it } from "vitest";
import { nameOf } from "./names";

describe("a list of files is called", () => {
  it.each([
    [["photo.jpg"], "photo.jpg"],
    [["Holiday/photo.jpg"], "photo.jpg"],
    [["Holiday/a.jpg", "Holiday/more/b.jpg"], "Holiday"],
    [["a.txt", "b.txt"], "a.txt and b.txt"],
    [["a.txt", "b.txt", "c.txt"], "a.txt, b.txt, and c.txt"],
    [["a.txt", "Holiday/b.jpg", "Holiday/c.jpg", "d", "e"], "a.txt, Holiday, and 2 more"],
  ])("%j: %s", (paths, name) => {
    expect(nameOf(paths)).toBe(name);
  });
});
