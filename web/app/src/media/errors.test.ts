import { describe, expect, it } from "vitest";
import { mediaSentences, problemOf } from "./errors";

describe("an error of getUserMedia", () => {
  it.each([
    ["NotAllowedError", "denied"],
    ["NotFoundError", "missing"],
    ["NotReadableError", "busy"],
    ["OverconstrainedError", "unsuitable"],
    ["InvalidStateError", "failed"],
  ])("%s means %s", (name, problem) => {
    expect(problemOf(new DOMException("", name))).toBe(problem);
  });

  it("of any other kind is a failure", () => {
    expect(problemOf("boom")).toBe("failed");
    expect(problemOf(new TypeError("boom"))).toBe("failed");
  });
});

describe("what the user is told", () => {
  it("is nothing when nothing is wrong", () => {
    expect(mediaSentences(null, null)).toEqual([]);
  });

  it("is one sentence when both have the same problem", () => {
    expect(mediaSentences("missing", "missing")).toEqual(["No camera and no microphone were found. Plug one in, then try again."]);
  });

  it("is a sentence for each when the problems differ", () => {
    expect(mediaSentences("busy", "denied")).toEqual([
      "The camera can't be read: another program may be using it. Close that program, then try again.",
      "The browser doesn't allow this page to use your microphone. Allow it in the address bar, then try again.",
    ]);
  });

  it("names the one that has the problem", () => {
    expect(mediaSentences(null, "missing")).toEqual(["No microphone was found. Plug one in, then try again."]);
  });
});
