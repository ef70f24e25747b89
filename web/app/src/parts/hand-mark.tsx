import type { JSX } from "preact";
import { hands } from "../state/gestures";
import { t } from "../text/text";
import { HandIcon } from "./icons";
import { Mark } from "./mark";

/** That somebody's hand is up; where others are as well, which one it is in the order. */
export function HandMark({ id }: { id: string }): JSX.Element | null {
  const all = hands.value;
  const place = all.findIndex((hand) => hand.id === id);
  if (place < 0) return null;
  return (
    <Mark text={t("hand.up")} kind="hand">
      <HandIcon />
      {all.length > 1 && place + 1}
    </Mark>
  );
}
