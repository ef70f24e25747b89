import type { JSX } from "preact";
import { WarningIcon } from "../parts/icons";
import { PageHeader } from "../parts/page-header";
import { TransferPanel } from "../parts/transfer-panel";
import { useTitle } from "../parts/title";
import { toLobby } from "../state/call";
import { failure } from "../state/model";
import { newCall } from "../state/new-call";
import { t } from "../text/text";

/** After the call. */
export function LeftView(): JSX.Element {
  const heading = useTitle(t("left.title"));
  return (
    <div class="plain-page">
      <PageHeader />
      <main>
        <h1 ref={heading} tabIndex={-1}>
          {t("left.title")}
        </h1>
        {failure.value !== null && (
          <p class="problem" role="alert">
            <WarningIcon />
            <span class="problem-text">{t(failure.value)}</span>
          </p>
        )}
        <p class="lead">{t("left.text")}</p>
        <div class="row">
          <button type="button" class="button primary large" onClick={toLobby}>
            {t("left.again")}
          </button>
          <button type="button" class="button quiet large" onClick={newCall}>
            {t("left.new-call")}
          </button>
        </div>
        <div class="left-files">
          <TransferPanel />
        </div>
      </main>
    </div>
  );
}
