import { effect, signal } from "@preact/signals";
import type { Person } from "peerline";
import { client } from "./client";
import { phase } from "./model";
import { findable, name } from "./settings";

/** The people who are findable and match `search`. */
export const people = signal<readonly Person[]>([]);
/** The beginning of a name. */
export const search = signal("");

/** How long after the last letter of a name it is told to others, and how often the list is asked for, in milliseconds. */
const TYPING = 600;
const REFRESH = 4_000;

/** Keeps the user findable under their name for as long as they want to be. */
export function startAnnouncing(): void {
  let announced = false;
  effect(() => {
    const peerline = client.value;
    const shown = name.value.trim();
    const wanted = findable.value && shown !== "";
    const presence = phase.value === "call" ? "in_call" : "online";
    if (peerline === null || (!wanted && !announced)) return;
    announced = true;
    const timer = setTimeout(() => {
      const told = wanted ? peerline.announce({ name: shown, presence }) : peerline.unannounce();
      // A refusal has no remedy but a later change; the list is a convenience.
      told.catch(() => undefined);
    }, wanted ? TYPING : 0);
    return () => clearTimeout(timer);
  });
}

/** Keeps the list of people fresh while somebody looks at it. Returns what stops it. */
export function watchPeople(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const peerline = client.value;
    const prefix = search.value.trim();
    if (peerline === null) return;
    let current = true;
    const ask = async () => {
      if (document.visibilityState === "visible") {
        const found = await peerline.find(prefix).catch(() => null);
        if (!current) return;
        if (found !== null) people.value = found.people;
      }
      timer = setTimeout(() => void ask(), REFRESH);
    };
    timer = setTimeout(() => void ask(), 150);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  });
  return () => {
    stop();
    clearTimeout(timer);
  };
}
