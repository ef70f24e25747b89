import { beforeEach, describe, expect, it } from "vitest";
import { trustText } from "../parts/trust-text";
import { distrust, trust, trustIn } from "./contacts";
import { verified } from "./settings";

const ready = (identity: string) => ({ state: "ready", identity }) as const;

describe("somebody in the call", () => {
  beforeEach(() => (verified.value = []));

  it("is unknown before there are words, and unverified from then on", () => {
    expect(trustIn("Ada", undefined)).toBe("unknown");
    expect(trustIn("Ada", { state: "pending", identity: undefined })).toBe("unknown");
    expect(trustIn("Ada", ready("key"))).toBe("unverified");
  });

  it("is known again by the key, and who they were when they were verified", () => {
    trust("Ada", "key");
    expect(trustIn("Ada", ready("key"))).toBe("verified");
    expect(trustIn("Countess", ready("key"))).toBe("verified");
    expect(trustText("Countess", ready("key"))).toBe("Verified as Ada");
    expect(trustText("ada", ready("key"))).toBe("Verified");
  });

  it("is not taken for somebody whose name they bear", () => {
    trust("Ada", "key");
    expect(trustIn(" ada", ready("another key"))).toBe("changed");
    expect(trustIn("Grace", ready("another key"))).toBe("unverified");
  });

  it("can't hide behind the name of somebody else because they are verified under their own", () => {
    trust("Ada", "key");
    trust("Grace", "another key");
    expect(trustIn("Grace", ready("key"))).toBe("changed");
  });

  it("may be a guest among others", () => {
    trust("Guest", "key");
    expect(trustIn("Guest", ready("another key"))).toBe("unverified");
    expect(trustText("Ada", ready("key"))).toBe("Verified");
  });

  it("may have two devices", () => {
    trust("Ada", "key");
    trust("Ada", "another key");
    expect([trustIn("Ada", ready("key")), trustIn("Ada", ready("another key"))]).toEqual(["verified", "verified"]);
  });

  it("is verified no more when the words differ", () => {
    trust("Ada", "key");
    distrust("key");
    expect(trustIn("Ada", ready("key"))).toBe("unverified");
  });

  it("has broken the rules, whoever they were", () => {
    trust("Ada", "key");
    expect(trustIn("Ada", { state: "broken", identity: undefined })).toBe("broken");
  });

  it("is told apart although the storage holds something else", () => {
    verified.value = [null, { identity: 1 }, { identity: "key", name: "Ada" }] as never;
    expect(trustIn("Ada", ready("key"))).toBe("verified");
    verified.value = {} as never;
    expect(trustIn("Ada", ready("key"))).toBe("unverified");
  });
});
