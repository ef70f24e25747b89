/** Characters of a name, at most (`docs/signaling.md` §8). */
const LENGTH = 64;

/** What a name must not have: it could break lines, or turn the text around it. */
const UNWANTED = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu;

/** A name that somebody else wrote and no server has looked at, as it may be shown; empty if nothing is left of it. */
export function presentable(name: string): string {
  return [...name.replace(UNWANTED, "").trim()].slice(0, LENGTH).join("");
}
