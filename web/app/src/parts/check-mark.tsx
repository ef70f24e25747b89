import type { Standing } from "peerline/check";
import type { JSX } from "preact";
import { t } from "../text/text";

const DRAWINGS: Readonly<Record<Standing, string>> = {
  good: "M6.5 12.5l4 4 7-8.500",
  limited: "M12 6.500v6.500M12 17h.01",
  bad: "M7.5 7.500l9 9M16.5 7.500l-9 9",
  unknown: "M9 9.500a3 3 0 1 1 4.200 2.700c-.8.400-1.200 1-1.200 1.800M12 17.500h.01",
};

/** How something stands, by a colour and a drawing of its own. */
export function CheckMark({ standing }: { standing: Standing }): JSX.Element {
  return (
    <span class={`check-mark ${standing}`}>
      <svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
        <path d={DRAWINGS[standing]} />
      </svg>
      <span class="unseen-text">{t(`check.standing.${standing}`)}</span>
    </span>
  );
}
