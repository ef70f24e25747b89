import type { JSX } from "preact";
import type { Reaction } from "peerline";
import { reactions } from "../state/gestures";

/** How each reaction looks. */
export const EMOJI: Readonly<Record<Reaction, string>> = { yes: "👍", applause: "👏", heart: "❤️", laughter: "😂", surprise: "😮" };

/** What somebody shows at the moment, over their tile. It is told by `ReactionsTold`. */
export function ReactionOf({ id }: { id: string }): JSX.Element | null {
  const shown = reactions.value.find(({ from }) => from === id);
  if (shown === undefined) return null;
  return (
    <span key={shown.id} class="tile-reaction" aria-hidden="true">
      {EMOJI[shown.reaction]}
    </span>
  );
}
