import { describe, expect, it } from "vitest";
import { layoutGrid } from "./grid";

const stages = { desktop: [1256, 640], phone: [374, 660], sideways: [820, 300] } as const;

describe.each(Object.entries(stages))("on a %s stage", (_, [width, height]) => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])("%i tiles fit, and keep a shape in which a face can be seen", (count) => {
    const gap = 8;
    const layout = layoutGrid(count, width, height, gap);
    const rows = Math.ceil(count / layout.columns);
    expect(layout.columns * layout.width + (layout.columns - 1) * gap).toBeLessThanOrEqual(width);
    expect(rows * layout.height + (rows - 1) * gap).toBeLessThanOrEqual(height);
    expect(layout.width / layout.height).toBeGreaterThan(0.7);
    expect(layout.width / layout.height).toBeLessThan(2);
  });

  it.each([1, 2, 3, 4, 6, 8])("%i tiles cover more than half of it", (count) => {
    const layout = layoutGrid(count, width, height, 8);
    expect(count * layout.width * layout.height).toBeGreaterThan((width * height) / 2);
  });
});

describe("the grid", () => {
  it("stacks two on a phone and sets them side by side on a desktop", () => {
    expect(layoutGrid(2, 374, 660, 8).columns).toBe(1);
    expect(layoutGrid(2, 1256, 640, 8).columns).toBe(2);
  });

  it("doesn't cut three wide pictures into upright strips", () => {
    expect(layoutGrid(3, 1256, 640, 8).columns).toBe(2);
  });

  it("has no size where there is no room", () => {
    expect(layoutGrid(3, 0, 0, 8)).toEqual({ columns: 1, width: 0, height: 0 });
  });
});
