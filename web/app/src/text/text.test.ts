import { describe, expect, it } from "vitest";
import { plural, t } from "./text";

describe("a sentence", () => {
  it("has its placeholders filled in", () => {
    expect(t("ring.incoming", { name: "Ada" })).toBe("Ada is calling");
  });

  it("keeps what looks like a placeholder inside of a value", () => {
    expect(t("ring.incoming", { name: "{name}" })).toBe("{name} is calling");
  });

  it("has a form for one and a form for many", () => {
    expect(plural("call.people", 1)).toBe("1 person");
    expect(plural("call.people", 3)).toBe("3 people");
    expect(plural("files.count", 5000)).toBe("5,000 files");
  });
});
