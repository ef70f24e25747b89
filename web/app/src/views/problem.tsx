import type { JSX } from "preact";
import { PageHeader } from "../parts/page-header";
import { ReloadButton } from "../parts/reload-button";
import { useTitle } from "../parts/title";
import { newCall } from "../state/new-call";
import { t, type TextKey } from "../text/text";

/** Where the app can't go on. */
export function ProblemView({ text }: { text: TextKey }): JSX.Element {
  const heading = useTitle(t("error.title"));
  return (
    <div class="plain-page">
      <PageHeader />
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {t("error.title")}
        </h1>
        <p class="lead">{t(text)}</p>
        {text !== "error.unsupported" && (
          <div class="row">
            {text === "error.outdated" ? (
              <ReloadButton size="large" />
            ) : (
              <button type="button" class="button primary large" onClick={newCall}>
                {t("start.new-call")}
              </button>
            )}
          </div>
        )}
      </main>
    </div>
  );
}
