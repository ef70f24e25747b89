import type { JSX } from "preact";
import type { Participant } from "../state/model";
import { t } from "../text/text";
import { ScreenIcon } from "./icons";
import { Picture } from "./picture";

/** The screen that somebody else shares. */
export function ScreenTile({ participant, screen }: { participant: Participant; screen: MediaStream }): JSX.Element {
  return <Tile label={t("screen.of", { name: participant.name })} stream={screen} />;
}

/** The screen that the user shares, as the others see it. */
export function OwnScreenTile({ screen }: { screen: MediaStream }): JSX.Element {
  return <Tile label={t("screen.own")} stream={screen} own />;
}

function Tile({ label, stream, own = false }: { label: string; stream: MediaStream; own?: boolean }): JSX.Element {
  return (
    <li class="tile">
      <Picture label={label} stream={stream} own={own} screen shown />
      <p class="tile-name">
        <ScreenIcon />
        <span class="tile-name-text">{label}</span>
      </p>
    </li>
  );
}
