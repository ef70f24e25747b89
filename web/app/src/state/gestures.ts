import { computed, signal } from "@preact/signals";
import type { Channel, Reaction } from "peerline";
import { t } from "../text/text";
import { ownId, participants } from "./model";
import { notify } from "./notices";

/** A reaction that is being shown. */
export interface ShownReaction {
  readonly id: number;
  /** The participant identifier of whoever shows it. */
  readonly from: string;
  readonly reaction: Reaction;
}

/** A hand that is up. */
export interface RaisedHand {
  readonly id: string;
  /** Its owner's name; null: the user. */
  readonly name: string | null;
}

/** Milliseconds that a reaction is shown. */
export const SHOWN_FOR = 4_000;

/** The user's own hand; undefined while it is down. */
export const ownHand = signal<number | undefined>(undefined);
/** The reactions on the screen, oldest first. */
export const reactions = signal<readonly ShownReaction[]>([]);
/** Who wants to say something, in the order in which the hands were raised. */
export const hands = computed<readonly RaisedHand[]>(() => {
  const own = { id: ownId.value, name: null, hand: ownHand.value };
  const all = [own, ...participants.value].flatMap(({ id, name, hand }) => (hand === undefined ? [] : [{ id, name, hand }]));
  return all.sort((one, other) => one.hand - other.hand || (one.id < other.id ? -1 : 1)).map(({ id, name }) => ({ id, name }));
});

let channel: Channel | null = null;
let last = 0;

/** Shows the reactions of a channel, and lets it have the user's. Returns what ends that. */
export function followGestures(joined: Channel): () => void {
  channel = joined;
  const follow = ({ participant, reaction }: { participant: { id: string }; reaction: Reaction }) => show(participant.id, reaction);
  joined.addEventListener("reaction", follow);
  return () => {
    joined.removeEventListener("reaction", follow);
    channel = null;
    ownHand.value = undefined;
    reactions.value = [];
  };
}

export function raiseHand(raised: boolean): void {
  channel?.setHand(raised);
  ownHand.value = channel?.hand;
}

/** Shows a reaction to everybody, the user included; one too many is told. */
export function react(reaction: Reaction): void {
  if (channel === null) return;
  if (channel.sendReaction(reaction)) show(channel.id, reaction);
  else notify(t("react.too-many"));
}

function show(from: string, reaction: Reaction): void {
  last += 1;
  const id = last;
  // A newer one takes the place of the older one at the same tile.
  reactions.value = [...reactions.value.filter((shown) => shown.from !== from), { id, from, reaction }];
  setTimeout(() => {
    reactions.value = reactions.value.filter((shown) => shown.id !== id);
  }, SHOWN_FOR);
}
