import type { JSX } from "preact";
import { t } from "../text/text";
import { navigate } from "../router";

/** The mark: two people and the line between them. It leads to the start page, except from a call: that ends by "Leave" only. */
export function Brand({ still = false }: { still?: boolean }): JSX.Element {
  if (still) {
    return (
      <p class="brand">
        <Mark />
      </p>
    );
  }
  const home = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    navigate("/");
  };
  return (
    <a class="brand" href="/" onClick={home}>
      <Mark />
    </a>
  );
}

function Mark(): JSX.Element {
  return (
    <>
      <svg class="brand-mark" viewBox="3 8 26 18" aria-hidden="true" focusable="false">
        <path class="brand-line" d="M9 20.5C12 9.5 20 9.5 23 20.5" />
        <circle class="brand-near" cx="9" cy="20.5" r="4.5" />
        <circle class="brand-far" cx="23" cy="20.5" r="4.5" />
      </svg>
      <span>{t("app.name")}</span>
    </>
  );
}
