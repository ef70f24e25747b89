import type { JSX } from "preact";
import { t } from "../text/text";

/** Loads the page again: an installed app has no other way to. */
export function ReloadButton({ size }: { size: "small" | "large" }): JSX.Element {
  return (
    <button type="button" class={`button primary ${size}`} onClick={() => location.reload()}>
      {t("error.reload")}
    </button>
  );
}
