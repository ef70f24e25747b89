import { computed, effect, signal } from "@preact/signals";
import { ownId, participants } from "./model";
import { ownScreen } from "./screen";
import { activeSpeaker } from "./speaking";

/** What a tile shows: a person, or the screen of one. */
export type TileKey = string;

export const personTile = (id: string): TileKey => id;
export const screenTile = (id: string): TileKey => `screen of ${id}`;

/** Up to so many people, everybody's tile is large enough. */
const CROWD = 4;

const chosen = signal<TileKey | null>(null);

/** The tile that the user wants large. */
export const pinned = computed<TileKey | null>(() => (chosen.value !== null && present().has(chosen.value) ? chosen.value : null));

/** Makes a tile large; the one that is large already, as small as the others. */
export function togglePin(tile: TileKey): void {
  chosen.value = pinned.value === tile ? null : tile;
}

/** Whose tile is large: the pinned one's, or in a crowd the speaker's. Shared screens come before speakers. */
export const featured = computed<string | null>(() => {
  const others = participants.value;
  if (pinned.value !== null) return [ownId.value, ...others.map(({ id }) => id)].find((id) => personTile(id) === pinned.value) ?? null;
  if (others.length + 1 <= CROWD || others.some(({ screen }) => screen !== null)) return null;
  return others.some(({ id }) => id === activeSpeaker.value) ? activeSpeaker.value : null;
});

function present(): Set<TileKey> {
  const others = participants.value;
  const screens = others.filter(({ screen }) => screen !== null).map(({ id }) => screenTile(id));
  const own = [personTile(ownId.value), ...(ownScreen.value === null ? [] : [screenTile(ownId.value)])];
  return new Set([...own, ...others.map(({ id }) => personTile(id)), ...screens]);
}

// Whoever left and comes back isn't pinned any more.
effect(() => {
  if (chosen.value !== null && pinned.value === null) chosen.value = null;
});
