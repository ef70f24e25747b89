import type { JSX } from "preact";
import { cameraLive, microphoneLive } from "../media/local";
import { t, type TextKey } from "../text/text";

function liveText(camera: boolean, microphone: boolean): TextKey {
  if (camera && microphone) return "live.both";
  if (camera) return "live.camera";
  return microphone ? "live.microphone" : "live.none";
}

/** Says whether anybody could see or hear the user now. */
export function LivePill(): JSX.Element {
  const live = cameraLive.value || microphoneLive.value;
  return (
    <p class={live ? "live-pill live" : "live-pill"} role="status">
      <span class="live-dot" aria-hidden="true" />
      {t(liveText(cameraLive.value, microphoneLive.value))}
    </p>
  );
}
