import type { JSX } from "preact";
import { canShareScreen, choosingScreen, ownScreen, shareScreen, stopSharing } from "../state/screen";
import { t } from "../text/text";
import { ScreenIcon, ScreenOffIcon } from "./icons";
import { ToolButton } from "./media-buttons";

/** Shares a screen, or stops sharing it. Its name says what it does next. */
export function ScreenButton(): JSX.Element | null {
  if (!canShareScreen()) return null;
  if (ownScreen.value !== null) {
    return (
      <ToolButton label={t("screen.stop")} live onClick={stopSharing}>
        <ScreenOffIcon />
      </ToolButton>
    );
  }
  return (
    <ToolButton label={t("screen.share")} busy={choosingScreen.value} onClick={() => void shareScreen()}>
      <ScreenIcon />
    </ToolButton>
  );
}
