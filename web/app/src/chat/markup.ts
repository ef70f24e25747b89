/** What a message says by its signs: `**strong**`, `*stressed*` or `_stressed_`, `` `code` ``, blocks of code between lines of three backticks, and addresses. */

/** A piece of a message. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "code" | "block"; readonly text: string }
  | { readonly kind: "link"; readonly text: string; readonly href: string }
  | { readonly kind: "strong" | "stressed"; readonly pieces: readonly Piece[] };

const FENCE = /^```[^\n`]*\n([\s\S]*?)\n```[^\S\n]*$/m;
/** Each alternative ends at the next sign of its kind, so a message is read once however it is written. */
const INLINE =
  /`([^`\n]+)`|\*\*([^\s*][^*]*)\*\*|(?<![\p{L}\p{N}*])\*([^\s*][^*\n]*)\*(?![\p{L}\p{N}*])|(?<![\p{L}\p{N}_])_([^\s_][^_\n]*)_(?![\p{L}\p{N}_])|\bhttps?:\/\/[^\s<>"]+/u;

/** The pieces of a message, in order. What its signs don't make into anything else is text. */
export function parseMarkup(message: string): readonly Piece[] {
  return split(message, FENCE, inline, ([, code = ""]) => ({ kind: "block", text: code }));
}

/** A message without its signs, on one line. */
export function plainText(message: string): string {
  return parseMarkup(message).map(textOf).join("").replace(/\s+/g, " ").trim();
}

function textOf(piece: Piece): string {
  return "pieces" in piece ? piece.pieces.map(textOf).join("") : piece.text;
}

function inline(text: string): readonly Piece[] {
  return split(text, INLINE, plain, ([whole, code, strong, star, line]) => {
    if (code !== undefined) return { kind: "code", text: code };
    if (strong !== undefined) return ends(strong) ? { kind: "strong", pieces: inline(strong) } : undefined;
    const stressed = star ?? line;
    if (stressed !== undefined) return ends(stressed) ? { kind: "stressed", pieces: inline(stressed) } : undefined;
    return link(whole);
  });
}

/** A sign that ends something stands right behind it. */
function ends(text: string): boolean {
  return !/\s$/.test(text);
}

function plain(text: string): readonly Piece[] {
  return text === "" ? [] : [{ kind: "text", text }];
}

/** An address; what closes the sentence around it isn't part of it, nor a bracket that was opened before it. */
function link(text: string): Piece | undefined {
  let address = text.replace(/[.,;:!?'*_~]+$/, "");
  if (address.endsWith(")") && !address.includes("(")) address = address.replace(/\)[)\].,;:!?'*_~]*$/, "");
  return URL.canParse(address) ? { kind: "link", text: address, href: address } : undefined;
}

/** Splits at each place that the pattern finds and `make` makes something of; the rest is `between`'s. */
function split(
  text: string,
  pattern: RegExp,
  between: (text: string) => readonly Piece[],
  make: (match: RegExpMatchArray) => Piece | undefined,
): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(new RegExp(pattern, `${pattern.flags}g`))) {
    const piece = make(match);
    if (piece === undefined) continue;
    pieces.push(...between(text.slice(from, match.index)), piece);
    from = match.index + (piece.kind === "link" ? piece.text.length : match[0].length);
  }
  return [...pieces, ...between(text.slice(from))];
}
