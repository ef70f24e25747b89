import type { JSX } from "preact";
import { serverReachable } from "../state/model";
import { t, type TextKey } from "../text/text";
import { WarningIcon } from "./icons";

/** Says that the server doesn't answer, while it doesn't. */
export function ServerBanner({ text }: { text: TextKey }): JSX.Element {
  return (
    <div class="banner-place" role="status">
      {!serverReachable.value && (
        <p class="banner">
          <WarningIcon />
          {t(text)}
        </p>
      )}
    </div>
  );
}
