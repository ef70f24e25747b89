import type { JSX } from "preact";
import { chooseLanguage, language, LANGUAGES, type Language } from "../text/languages";
import { t } from "../text/text";
import { GlobeIcon } from "./icons";

/** The language of the app. Each has its own name, and there is a drawing for those who can't read the one that is on. */
export function LanguageChoice(): JSX.Element {
  return (
    <label class="language-choice">
      <GlobeIcon />
      <span class="unseen-text">{t("settings.language")}</span>
      <select value={language.value} onChange={(event) => void chooseLanguage(event.currentTarget.value as Language)}>
        {Object.entries(LANGUAGES).map(([tag, name]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
