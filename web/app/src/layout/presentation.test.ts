import { describe, expect, it } from "vitest";
import { layoutPresentation, placeOfLarge } from "./presentation";

const GAP = 8;

describe("the layout while a screen is shared", () => {
  it.each([
    [1280, 620, "side"],
    [374, 640, "below"],
  ] as const)("gives the screen most of a stage of %i × %i, and the people a strip", (width, height, strip) => {
    const layout = layoutPresentation(1, 3, width, height, GAP);
    expect(layout.strip).toBe(strip);
    const part = (layout.screens.width * layout.screens.height) / (width * height);
    expect(part).toBeGreaterThan(0.5);
  });

  it.each([1, 2, 4, 8])("has room for %i people in the strip", (people) => {
    const { people: tiles, stripSize } = layoutPresentation(1, people, 1280, 620, GAP);
    const rows = Math.ceil(people / tiles.columns);
    expect(tiles.columns * (tiles.width + GAP) - GAP).toBeLessThanOrEqual(stripSize);
    expect(rows * (tiles.height + GAP) - GAP).toBeLessThanOrEqual(620);
    expect(tiles.width).toBeGreaterThan(60);
  });

  it("has room for several screens", () => {
    const { screens } = layoutPresentation(2, 3, 1280, 620, GAP);
    expect(screens.columns * screens.width * screens.height).toBeGreaterThan(0);
  });
});

describe("the place of a large person", () => {
  it.each([
    [1280, 620],
    [374, 640],
  ])("in a stage of %i × %i is within it, and leaves the strip free", (width, height) => {
    const layout = layoutPresentation(1, 4, width, height, GAP);
    const { left, top, ...size } = placeOfLarge(layout, { width, height }, GAP);
    expect([left >= 0, top >= 0, size.width > 0, size.height > 0]).toEqual([true, true, true, true]);
    const [end, whole] = layout.strip === "side" ? [left + size.width, width] : [top + size.height, height];
    expect(end).toBeLessThanOrEqual(whole - layout.stripSize - GAP);
  });
});
