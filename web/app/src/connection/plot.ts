/** A value at a time; undefined: not known then. */
export interface Point {
  readonly time: number;
  readonly value: number | undefined;
}

/** Longer than that without a value, in milliseconds, the line is broken. */
const GAP = 12_000;

/** The drawing of a line through `points` in a box of `width` × `height`, from `from` to `to` and from 0 to `highest`: the `d` of an SVG path. */
export function linePath(points: readonly Point[], from: number, to: number, highest: number, width: number, height: number): string {
  let path = "";
  let last = -Infinity;
  for (const { time, value } of points) {
    if (value === undefined || time < from) continue;
    const x = ((time - from) / Math.max(1, to - from)) * width;
    const y = height - (Math.min(value, highest) / highest) * height;
    path += `${time - last > GAP ? "M" : "L"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = time;
  }
  return path;
}

/** The top of a plot's scale: a round number that holds every value, and at least `least`. */
export function scaleFor(values: readonly number[], least: number): number {
  const highest = Math.max(least, ...values);
  const power = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 5, 10].find((factor) => factor * power >= highest * 0.999) ?? 10;
  return step * power;
}
