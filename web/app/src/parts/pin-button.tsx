import type { JSX } from "preact";
import { pinned, togglePin, type TileKey } from "../state/pin";
import { t } from "../text/text";
import { PinIcon, UnpinIcon } from "./icons";

/** Makes a tile the large one, or no more. */
export function PinButton({ tile, name, own = false }: { tile: TileKey; name: string; own?: boolean }): JSX.Element {
  const done = pinned.value === tile;
  const label = own ? t(done ? "pin.unpin-own" : "pin.pin-own") : t(done ? "pin.unpin" : "pin.pin", { name });
  return (
    <button type="button" class={done ? "tile-button pin pinned" : "tile-button pin"} aria-label={label} title={label} onClick={() => togglePin(tile)}>
      {done ? <UnpinIcon /> : <PinIcon />}
    </button>
  );
}
