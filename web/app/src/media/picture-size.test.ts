import { describe, expect, it } from "vitest";
import { pictureSizeFor } from "./picture-size";

describe("the picture that is sent", () => {
  it("shrinks as the call grows, so that eight cost less than twice what two cost", () => {
    const cost = (others: number) => {
      const { width, height, frameRate } = pictureSizeFor(others);
      return others * width * height * frameRate;
    };
    for (let others = 1; others <= 7; others += 1) expect(cost(others)).toBeLessThan(2 * cost(1));
  });

  it("keeps its shape", () => {
    for (let others = 0; others <= 7; others += 1) {
      const { width, height } = pictureSizeFor(others);
      expect(width / height).toBeCloseTo(16 / 9);
    }
  });
});
