import type { JSX } from "preact";
import { cameraLive, microphoneLive } from "../media/local";
import { ownScreen } from "../state/screen";
import { t, type TextKey } from "../text/text";

function liveText(camera: boolean, microphone: boolean): TextKey {
  if (camera && microphone) return "live.both";
  if (camera) return "live.camera";
  return microphone ? "live.microphone" : "live.none";
}

/** Says whether anybody could see or hear the user now, or see their screen. */
export function LivePill(): JSX.Element {
  const live = cameraLive.value || microphoneLive.value;
  return (
    <div class="live-pills" role="status">
      <p class={live ? "live-pill live" : "live-pill"}>
        <span class="live-dot" aria-hidden="true" />
        {t(liveText(cameraLive.value, microphoneLive.value))}
      </p>
      {ownScreen.value !== null && (
        <p class="live-pill live">
          <span class="live-dot" aria-hidden="true" />
          {t("live.screen")}
        </p>
      )}
    </div>
  );
}
