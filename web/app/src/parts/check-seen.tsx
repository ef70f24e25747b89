import type { Seen } from "peerline/check";
import type { JSX } from "preact";
import { seenTexts } from "../check/verdict-text";

/** What was seen: what a verdict rests on. */
export function CheckSeen({ seen }: { seen: readonly Seen[] }): JSX.Element | null {
  const lines = seen.flatMap(seenTexts);
  if (lines.length === 0) return null;
  return (
    <ul class="check-seen">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}
