import type { JSX } from "preact";
import { CheckLink } from "../parts/check-link";
import { ArrowIcon } from "../parts/icons";
import { KnownPeoplePlace } from "../parts/known-people-place";
import { NameField } from "../parts/name-field";
import { PageHeader } from "../parts/page-header";
import { People } from "../parts/people";
import { ServerBanner } from "../parts/server-banner";
import { StringTelephone } from "../parts/string-telephone";
import { useTitle } from "../parts/title";
import { newCall } from "../state/new-call";
import { t } from "../text/text";

/** Where one begins: a new call, or somebody to ring. */
export function StartView(): JSX.Element {
  const heading = useTitle("");
  return (
    <div class="start">
      <PageHeader />
      <ServerBanner text="error.unreachable" />
      <main>
        <section class="start-pitch">
          <h1 ref={heading} tabIndex={-1}>
            {t("start.title")}
          </h1>
          <p class="lead">{t("start.what")}</p>
          <StringTelephone />
        </section>
        <div class="card start-card">
          <form
            class="start-form"
            onSubmit={(event) => {
              event.preventDefault();
              newCall();
            }}
          >
            <NameField />
            <button type="submit" class="button primary large" aria-describedby="new-call-hint">
              {t("start.new-call")}
              <ArrowIcon />
            </button>
            <p class="hint" id="new-call-hint">
              {t("start.new-call-hint")}
            </p>
          </form>
          <KnownPeoplePlace />
          <People />
        </div>
        <dl class="start-facts">
          {(["direct", "sealed", "open"] as const).map((fact) => (
            <div key={fact}>
              <dt>{t(`start.${fact}`)}</dt>
              <dd>{t(`start.${fact}-text`)}</dd>
            </div>
          ))}
        </dl>
        <p class="start-check">
          <CheckLink />
        </p>
      </main>
    </div>
  );
}
