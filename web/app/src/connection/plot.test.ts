import { describe, expect, it } from "vitest";
import { linePath, scaleFor } from "./plot";

describe("a plot", () => {
  const points = [0, 10, 20].map((value, index) => ({ time: index * 1000, value }));

  it("goes from left to right, and from the bottom up", () => {
    expect(linePath(points, 0, 2000, 20, 100, 40)).toBe("M0.0 40.0L50.0 20.0L100.0 0.0");
  });

  it("is broken where nothing was known for a while", () => {
    const later = [...points, { time: 60_000, value: 0 }, { time: 61_000, value: undefined }];
    expect(linePath(later, 0, 60_000, 20, 100, 40)).toMatch(/L3\.3 0\.0M100\.0 40\.0$/);
  });

  it("leaves out what is too old, and stays inside of its box", () => {
    expect(linePath(points, 1000, 2000, 5, 100, 40)).toBe("M0.0 0.0L100.0 0.0");
  });

  it.each([
    [[3, 17], 10, 20],
    [[], 10, 10],
    [[0.06], 0.05, 0.1],
    [[1_400_000], 100_000, 2_000_000],
  ])("has a round scale for %j", (values, least, scale) => {
    expect(scaleFor(values, least)).toBeCloseTo(scale, 6);
  });
});
