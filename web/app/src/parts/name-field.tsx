import type { JSX, Ref } from "preact";
import { name, NAME_LENGTH } from "../state/settings";
import { t } from "../text/text";

/** The user's own name, remembered on this device. */
export function NameField({ input }: { input?: Ref<HTMLInputElement> }): JSX.Element {
  return (
    <label class="field">
      <span class="field-label">{t("start.name")}</span>
      <input
        {...(input !== undefined && { ref: input })}
        type="text"
        autocomplete="name"
        maxLength={NAME_LENGTH}
        spellcheck={false}
        enterKeyHint="go"
        value={name.value}
        onInput={(event) => (name.value = event.currentTarget.value)}
      />
    </label>
  );
}
