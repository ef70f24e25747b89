import type { JSX } from "preact";
import { serverReachable } from "../state/model";
import { online } from "../state/online";
import { outdated } from "../state/version";
import { t, type TextKey } from "../text/text";
import { WarningIcon } from "./icons";
import { ReloadButton } from "./reload-button";

/** Says that the server doesn't answer, while it doesn't; before a call, also that there is no network, or that the page is an old one. */
export function ServerBanner({ text }: { text: TextKey }): JSX.Element {
  const sentence = (text === "error.unreachable" && beforeCall()) || (serverReachable.value ? null : text);
  return (
    <div class="banner-place" role="status">
      {sentence !== null && (
        <p class="banner">
          <WarningIcon />
          {t(sentence)}
          {sentence === "error.outdated" && <ReloadButton size="small" />}
        </p>
      )}
    </div>
  );
}

function beforeCall(): TextKey | null {
  if (!online.value) return "error.offline";
  return outdated.value ? "error.outdated" : null;
}
