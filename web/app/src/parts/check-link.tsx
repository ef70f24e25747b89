import type { JSX } from "preact";
import { navigate } from "../router";
import { t } from "../text/text";

/** Leads to what this network allows. */
export function CheckLink(): JSX.Element {
  const go = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate("/check");
  };
  return (
    <a class="check-link" href="/check" onClick={go}>
      {t("start.check")}
    </a>
  );
}
