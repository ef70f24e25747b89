import type { JSX } from "preact";
import { ownHand, raiseHand } from "../state/gestures";
import { shortcut } from "../state/keys";
import { t } from "../text/text";
import { HandIcon } from "./icons";
import { ToolButton } from "./media-buttons";

/** Raises the user's hand, or lowers it. Its name says what it does next. */
export function HandButton(): JSX.Element {
  const up = ownHand.value !== undefined;
  return (
    <ToolButton label={t(up ? "hand.lower" : "hand.raise")} on={up} {...shortcut("hand")} onClick={() => raiseHand(!up)}>
      <HandIcon />
    </ToolButton>
  );
}
