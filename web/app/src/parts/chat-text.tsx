import type { ComponentChildren, JSX } from "preact";
import { parseMarkup, type Piece } from "../chat/markup";

/** A message as it is meant. */
export function ChatText({ text }: { text: string }): JSX.Element {
  return (
    <div class="line-text" dir="auto">
      {parseMarkup(text).map(show)}
    </div>
  );
}

function show(piece: Piece): ComponentChildren {
  switch (piece.kind) {
    case "text":
      return piece.text;
    case "code":
      return <code>{piece.text}</code>;
    case "block":
      return (
        <pre tabIndex={0}>
          <code>{piece.text}</code>
        </pre>
      );
    case "link":
      return (
        <a href={piece.href} target="_blank" rel="noopener noreferrer">
          {piece.text}
        </a>
      );
    case "strong":
      return <strong>{piece.pieces.map(show)}</strong>;
    case "stressed":
      return <em>{piece.pieces.map(show)}</em>;
  }
}
