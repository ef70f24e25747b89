import type { JSX } from "preact";
import { reactions } from "../state/gestures";
import { ReactionPicture } from "./reaction-picture";

/** What somebody shows at the moment, over their tile. It is told by `ReactionsTold`. */
export function ReactionOf({ id }: { id: string }): JSX.Element | null {
  const shown = reactions.value.find(({ from }) => from === id);
  if (shown === undefined) return null;
  return (
    <span key={shown.id} class="tile-reaction" aria-hidden="true">
      <ReactionPicture reaction={shown.reaction} />
    </span>
  );
}
