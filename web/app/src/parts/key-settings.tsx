import type { JSX } from "preact";
import { KEYS, type KeyAction } from "../state/keys";
import { keysOn } from "../state/settings";
import { t } from "../text/text";

/** Which keys do something in a call, and whether they do. */
export function KeySettings(): JSX.Element {
  const actions = Object.keys(KEYS) as KeyAction[];
  return (
    <div class="key-settings">
      <label class="switch">
        <input type="checkbox" role="switch" checked={keysOn.value} onChange={(event) => (keysOn.value = event.currentTarget.checked)} />
        <span>{t("keys.switch")}</span>
      </label>
      <dl class={keysOn.value ? "keys" : "keys without"}>
        {actions.map((action) => (
          <div key={action}>
            <dt>
              <kbd>{action === "talk" ? t("keys.space") : KEYS[action]}</kbd>
            </dt>
            <dd>{t(`keys.${action}`)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
