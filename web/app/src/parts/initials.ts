/** How many colours an avatar can have: `.hue-0` to `.hue-7` in the style sheet. */
const HUES = 8;

/** The colour of a person, the same for everybody who sees them. */
export function hueOf(id: string): number {
  let hash = 0;
  for (const character of id) hash = (hash * 31 + (character.codePointAt(0) ?? 0)) >>> 0;
  return hash % HUES;
}

/** The first letter of the first and of the last word of a name. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => word !== "");
  const first = words[0];
  const last = words.length > 1 ? words[words.length - 1] : undefined;
  return [first, last].map(firstLetter).join("").toLocaleUpperCase();
}

const segmenter = "Segmenter" in Intl ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;

function firstLetter(word: string | undefined): string {
  if (word === undefined) return "";
  const letters = segmenter === null ? [...word] : Array.from(segmenter.segment(word), (part) => part.segment);
  return letters[0] ?? "";
}
