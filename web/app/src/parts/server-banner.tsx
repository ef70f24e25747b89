import type { JSX } from "preact";
import { serverReachable } from "../state/model";
import { online } from "../state/online";
import { t, type TextKey } from "../text/text";
import { WarningIcon } from "./icons";

/** Says that the server doesn't answer, while it doesn't; before a call, that there is no network where there is none. */
export function ServerBanner({ text }: { text: TextKey }): JSX.Element {
  const offline = !online.value && text === "error.unreachable";
  return (
    <div class="banner-place" role="status">
      {(offline || !serverReachable.value) && (
        <p class="banner">
          <WarningIcon />
          {t(offline ? "error.offline" : text)}
        </p>
      )}
    </div>
  );
}
