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
  const several = all.length > 1;
  return (
    <Mark text={several ? t("hand.up-place", { place: place + 1 }) : t("hand.up")} kind="hand">
      <HandIcon />
      {several && <span aria-hidden="true">{place + 1}</span>}
    </Mark>
  );
}
