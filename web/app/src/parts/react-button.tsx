import type { JSX } from "preact";
import { REACTIONS } from "peerline";
import { react } from "../state/gestures";
import { t } from "../text/text";
import { SmileIcon } from "./icons";
import { Popover } from "./popover";
import { ReactionPicture } from "./reaction-picture";

/** What one can show to everybody for a moment. */
export function ReactButton(): JSX.Element {
  return (
    <Popover label={t("react.menu")} icon={<SmileIcon />} class="react-menu">
      {REACTIONS.map((reaction) => {
        const label = t(`react.${reaction}`);
        return (
          <button key={reaction} type="button" class="plain reaction" aria-label={label} title={label} onClick={() => react(reaction)}>
            <ReactionPicture reaction={reaction} />
          </button>
        );
      })}
    </Popover>
  );
}
