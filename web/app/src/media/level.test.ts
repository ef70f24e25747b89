import { describe, expect, it } from "vitest";
import { loudness } from "./level";

describe("loudness", () => {
  it("is 0 in silence", () => {
    expect(loudness(new Float32Array(1024))).toBe(0);
  });

  it("is 1 at full scale, and never more", () => {
    expect(loudness(new Float32Array(1024).fill(1))).toBe(1);
  });

  it("lies between for speech", () => {
    const speech = Float32Array.from({ length: 1024 }, (_, n) => 0.05 * Math.sin(n / 5));
    expect(loudness(speech)).toBeGreaterThan(0.4);
    expect(loudness(speech)).toBeLessThan(0.8);
  });
});
