import { layoutGrid, type GridLayout } from "./grid";

/** How the stage is divided while somebody shares a screen: the screens have most of it, the people a strip at the side or below. */
export interface PresentationLayout {
  readonly strip: "side" | "below";
  /** The strip's width at the side, its height below, in CSS pixels. */
  readonly stripSize: number;
  readonly screens: GridLayout;
  readonly people: GridLayout;
}

/** The strip's part of the stage; more of it where a column would be too thin to know a face in. */
const STRIP = 0.2;
const NARROWEST = 120;
const WIDEST = 320;

export function layoutPresentation(screens: number, people: number, width: number, height: number, gap: number): PresentationLayout {
  const side = width > height;
  const stripSize = Math.floor(Math.min(WIDEST, Math.max(NARROWEST, (side ? width : height) * STRIP)));
  const rest = Math.max(0, (side ? width : height) - stripSize - gap);
  return {
    strip: side ? "side" : "below",
    stripSize,
    screens: side ? layoutGrid(screens, rest, height, gap) : layoutGrid(screens, width, rest, gap),
    people: side ? layoutGrid(people, stripSize, height, gap) : layoutGrid(people, width, stripSize, gap),
  };
}

/** Where the one large tile lies in the stage, in CSS pixels: in the middle of what the strip leaves. */
export interface Place {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

export function placeOfLarge({ strip, stripSize, screens: { width, height } }: PresentationLayout, stage: { width: number; height: number }, gap: number): Place {
  const rest = { width: stage.width - (strip === "side" ? stripSize + gap : 0), height: stage.height - (strip === "below" ? stripSize + gap : 0) };
  return { left: Math.floor((rest.width - width) / 2), top: Math.floor((rest.height - height) / 2), width, height };
}
