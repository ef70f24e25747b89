import type { JSX } from "preact";
import { Brand } from "./brand";
import { LanguageChoice } from "./language-choice";

/** The head of a page that is not the call. */
export function PageHeader(): JSX.Element {
  return (
    <header class="page-header">
      <Brand />
      <LanguageChoice />
    </header>
  );
}
