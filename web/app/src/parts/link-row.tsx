import type { JSX } from "preact";
import { t } from "../text/text";
import { copyLink } from "./copy-link";
import { LinkIcon } from "./icons";

/** The link of the call, to read, select and copy. */
export function LinkRow({ link }: { link: string }): JSX.Element {
  return (
    <div class="link-row">
      <input
        class="link-text"
        type="text"
        readOnly
        aria-label={t("lobby.link")}
        value={link}
        onFocus={(event) => event.currentTarget.select()}
      />
      <button type="button" class="button quiet" onClick={() => void copyLink(link)}>
        <LinkIcon />
        {t("call.copy-link")}
      </button>
    </div>
  );
}
