import type { JSX } from "preact";
import { t } from "../text/text";
import { DeviceChoice } from "./device-choice";
import { Dialog } from "./dialog";
import { KeySettings } from "./key-settings";
import { LanguageChoice } from "./language-choice";
import { RelaySettings } from "./relay-settings";

/** Devices, connection, keys and language, during the call. */
export function SettingsDialog({ onDone }: { onDone: () => void }): JSX.Element {
  return (
    <Dialog labelledBy="settings-title" onDismiss={onDone}>
      <h2 id="settings-title">{t("settings.title")}</h2>
      <DeviceChoice />
      <h3>{t("settings.connection")}</h3>
      <RelaySettings />
      <p class="hint">{t("settings.next-call")}</p>
      <h3>{t("keys.title")}</h3>
      <KeySettings />
      <h3>{t("settings.language")}</h3>
      <LanguageChoice />
      <div class="dialog-buttons">
        <button type="button" class="button primary" onClick={onDone}>
          {t("settings.done")}
        </button>
      </div>
    </Dialog>
  );
}
