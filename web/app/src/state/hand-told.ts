import type { Participant } from "peerline";
import { t } from "../text/text";
import { notify } from "./notices";

/** Who lets a hand go up and down all the time isn't told of each time: milliseconds between two. */
const AGAIN = 10_000;

const up = new WeakMap<Participant, boolean>();
const told = new WeakMap<Participant, number>();

/** A hand that goes up is told once; hands that were up before the user came are only seen. */
export function tellHand(peer: Participant, name: string): void {
  const before = up.get(peer);
  up.set(peer, peer.hand !== undefined);
  if (before !== false || peer.hand === undefined || Date.now() - (told.get(peer) ?? -Infinity) < AGAIN) return;
  told.set(peer, Date.now());
  notify(t("hand.raised", { name }));
}
