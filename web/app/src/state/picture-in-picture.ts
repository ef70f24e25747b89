import { signal } from "@preact/signals";
import { t } from "../text/text";
import { participants } from "./model";
import { notify } from "./notices";
import { personTile, pinned, screenTile, type TileKey } from "./pin";
import { activeSpeaker } from "./speaking";

/** Whether a picture of the call floats above other windows. */
export const pictureInPicture = signal(false);

export function canPictureInPicture(): boolean {
  return document.pictureInPictureEnabled === true;
}

/** Follows the browser's own window. Returns what ends that, and the window with it. */
export function followPictureInPicture(): () => void {
  const follow = () => (pictureInPicture.value = document.pictureInPictureElement !== null);
  const events = ["enterpictureinpicture", "leavepictureinpicture"];
  for (const event of events) document.addEventListener(event, follow);
  return () => {
    for (const event of events) document.removeEventListener(event, follow);
    leave();
    pictureInPicture.value = false;
  };
}

/** Lets the picture float that is looked at most, or takes it back. */
export async function togglePictureInPicture(): Promise<void> {
  // The document knows it before the event that the button follows.
  if (document.pictureInPictureElement !== null) return leave();
  const video = candidates().map(videoOf).find((found) => found !== null && found.videoWidth > 0);
  try {
    if (video) await video.requestPictureInPicture();
    else notify(t("picture.none"));
  } catch {
    notify(t("picture.failed"));
  }
}

/** The pinned one, a shared screen, the speaker, anybody. */
function candidates(): TileKey[] {
  const others = participants.value;
  const screens = others.filter(({ screen }) => screen !== null).map(({ id }) => screenTile(id));
  const speaker = others.filter(({ id }) => id === activeSpeaker.value).map(({ id }) => personTile(id));
  const people = others.filter(({ camera }) => camera).map(({ id }) => personTile(id));
  return [...(pinned.value === null ? [] : [pinned.value]), ...screens, ...speaker, ...people];
}

function videoOf(tile: TileKey): HTMLVideoElement | null {
  return document.querySelector<HTMLVideoElement>(`[data-tile="${CSS.escape(tile)}"] video:not(.unseen)`);
}

function leave(): void {
  if (document.pictureInPictureElement) void document.exitPictureInPicture().catch(() => undefined);
}
