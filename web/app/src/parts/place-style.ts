import type { Place } from "../layout/presentation";

/** Lays a tile where it is to be; null: where its list puts it. */
export function placeStyle(place: Place | null): Record<string, string> {
  if (place === null) return {};
  const { left, top, width, height } = place;
  return { left: `${left}px`, top: `${top}px`, "--tile-width": `${width}px`, "--tile-height": `${height}px` };
}
