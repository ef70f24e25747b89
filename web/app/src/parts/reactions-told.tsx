import type { JSX } from "preact";
import { reactions } from "../state/gestures";
import { ownId, participants } from "../state/model";
import { t } from "../text/text";

/** The others' latest reaction in words, for assistive technology. */
export function ReactionsTold(): JSX.Element {
  const latest = reactions.value.findLast(({ from }) => from !== ownId.value);
  const name = participants.value.find(({ id }) => id === latest?.from)?.name;
  return (
    <p class="unseen-text" role="status">
      {latest !== undefined && name !== undefined && t("react.says", { name, reaction: t(`react.${latest.reaction}`) })}
    </p>
  );
}
