import type { JSX } from "preact";
import { ownId, type Participant } from "../state/model";
import { screenTile, type TileKey } from "../state/pin";
import { t } from "../text/text";
import { ScreenIcon } from "./icons";
import { Picture } from "./picture";
import { PinButton } from "./pin-button";

/** The screen that somebody else shares. */
export function ScreenTile({ participant, screen }: { participant: Participant; screen: MediaStream }): JSX.Element {
  return <Tile tile={screenTile(participant.id)} label={t("screen.of", { name: participant.name })} stream={screen} />;
}

/** The screen that the user shares, as the others see it. */
export function OwnScreenTile({ screen }: { screen: MediaStream }): JSX.Element {
  return <Tile tile={screenTile(ownId.value)} label={t("screen.own")} stream={screen} own />;
}

function Tile({ tile, label, stream, own = false }: { tile: TileKey; label: string; stream: MediaStream; own?: boolean }): JSX.Element {
  return (
    <li class="tile" data-tile={tile}>
      <Picture label={label} stream={stream} own={own} screen shown />
      <PinButton tile={tile} name={label} />
      <p class="tile-name">
        <ScreenIcon />
        <span class="tile-name-text">{label}</span>
      </p>
    </li>
  );
}
