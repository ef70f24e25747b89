import type { JSX } from "preact";
import { RELAY_PROTOCOLS, relayOnly, relayProtocol, type RelayProtocol } from "../state/settings";
import { t } from "../text/text";

/** Whether and how media goes through the relay, remembered on this device. */
export function RelaySettings(): JSX.Element {
  return (
    <div class="relay-settings">
      <label class="check">
        <input
          type="checkbox"
          aria-describedby="relay-only-hint"
          checked={relayOnly.value}
          onChange={(event) => (relayOnly.value = event.currentTarget.checked)}
        />
        <span>{t("settings.relay-only")}</span>
      </label>
      <p class="hint" id="relay-only-hint">
        {t("settings.relay-only-hint")}
      </p>
      <label class="field">
        <span class="field-label">{t("settings.relay-protocol")}</span>
        <select
          value={relayProtocol.value}
          onChange={(event) => (relayProtocol.value = event.currentTarget.value as RelayProtocol)}
        >
          {RELAY_PROTOCOLS.map((protocol) => (
            <option key={protocol} value={protocol}>
              {t(`settings.relay-protocol.${protocol}`)}
            </option>
          ))}
        </select>
      </label>
    </div>
  );
}
