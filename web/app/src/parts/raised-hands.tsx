import type { JSX } from "preact";
import { hands } from "../state/gestures";
import { t } from "../text/text";
import { HandIcon } from "./icons";

/** Who wants to say something, in the order in which the hands were raised. */
export function RaisedHands(): JSX.Element | null {
  if (hands.value.length === 0) return null;
  return (
    <section class="raised-hands" aria-labelledby="hands-title">
      <h3 id="hands-title">
        <HandIcon />
        {t("hand.list")}
      </h3>
      <ol>
        {hands.value.map(({ id, name }) => (
          <li key={id} dir="auto">
            {name ?? t("call.you")}
          </li>
        ))}
      </ol>
    </section>
  );
}
