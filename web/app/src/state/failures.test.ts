import { describe, expect, it } from "vitest";
import { t } from "../text/text";
import { failureOf } from "./failures";

describe("an error of the server", () => {
  it.each([
    ["channel_full", "This call is full: eight people are in it. Try again when somebody has left, or start a new call."],
    ["too_many_joins", "Too many attempts from your network. Wait a little and try again."],
    ["bad_channel", "This link isn't complete. Ask for it again, or start a new call."],
    ["something_new", "Something went wrong. Try again."],
  ])("%s is told as a sentence", (code, sentence) => {
    expect(t(failureOf(code))).toBe(sentence);
  });
});
