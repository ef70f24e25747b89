import { signal } from "@preact/signals";

/** Whether the call has the whole screen. */
export const fullScreen = signal(false);

/** Phones' browsers may have it for films only, and a page within another one needs its permission. */
export function canFullScreen(): boolean {
  return document.fullscreenEnabled === true;
}

/** Follows the browser, which may end it by itself. Returns what ends that, and the full screen with it. */
export function followFullScreen(): () => void {
  const follow = () => (fullScreen.value = document.fullscreenElement !== null);
  document.addEventListener("fullscreenchange", follow);
  follow();
  return () => {
    document.removeEventListener("fullscreenchange", follow);
    if (document.fullscreenElement !== null) void document.exitFullscreen().catch(() => undefined);
    fullScreen.value = false;
  };
}

/** The whole page goes along: what is said in passing, and that the camera is on, stay to be seen. */
export function toggleFullScreen(): void {
  // The document knows it before the event that the buttons follow.
  const done = document.fullscreenElement !== null ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  // The browser may refuse; then everything stays as it is.
  void done.catch(() => undefined);
}
