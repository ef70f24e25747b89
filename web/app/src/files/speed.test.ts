import { describe, expect, it } from "vitest";
import { Speed } from "./speed";

describe("a speed", () => {
  it("is not known at the beginning", () => {
    const speed = new Speed();
    speed.add(0, 0);
    speed.add(100, 1_000_000);
    expect(speed.value).toBeUndefined();
  });

  it("is that of the last seconds", () => {
    const speed = new Speed();
    for (let second = 0; second <= 20; second += 1) speed.add(second * 1000, second < 10 ? second * 100 : 1000 + (second - 10) * 5000);
    expect(speed.value).toBe(5000);
  });

  it("begins anew when less is there than before", () => {
    const speed = new Speed();
    speed.add(0, 5000);
    speed.add(1000, 6000);
    speed.add(2000, 0);
    speed.add(3000, 2000);
    expect(speed.value).toBe(2000);
  });
});
