import type { JSX } from "preact";
import { canPictureInPicture, pictureInPicture, togglePictureInPicture } from "../state/picture-in-picture";
import { t } from "../text/text";
import { PictureInPictureIcon } from "./icons";
import { ToolButton } from "./media-buttons";

/** Lets one picture float above other windows, or takes it back; not there where the browser doesn't have it. */
export function PictureInPictureButton(): JSX.Element | null {
  if (!canPictureInPicture()) return null;
  return (
    <ToolButton label={t(pictureInPicture.value ? "picture.leave" : "picture.enter")} onClick={() => void togglePictureInPicture()}>
      <PictureInPictureIcon />
    </ToolButton>
  );
}
