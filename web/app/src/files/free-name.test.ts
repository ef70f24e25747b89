import { describe, expect, it } from "vitest";
import { freeName } from "./free-name";

function directory(...names: string[]): FileSystemDirectoryHandle {
  const getFileHandle = async (name: string) => {
    if (names.includes(`${name}/`)) throw new DOMException("It is a directory.", "TypeMismatchError");
    if (!names.includes(name)) throw new DOMException("It is not there.", "NotFoundError");
  };
  return { getFileHandle } as unknown as FileSystemDirectoryHandle;
}

describe("a free name", () => {
  it.each([
    ["photo.jpg", directory(), "photo.jpg"],
    ["photo.jpg", directory("photo.jpg"), "photo (2).jpg"],
    ["photo.jpg", directory("photo.jpg", "photo (2).jpg"), "photo (3).jpg"],
    ["Holiday", directory("Holiday/"), "Holiday (2)"],
    [".profile", directory(".profile"), ".profile (2)"],
  ])("for %s", async (name, inside, free) => {
    expect(await freeName(inside, name)).toBe(free);
  });
});
