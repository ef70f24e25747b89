import { effect, signal } from "@preact/signals";
import type { Person } from "peerline";
import { client } from "./client";
import { contacts, distrust, isContact, type Contact } from "./contacts";
import { added } from "./settings";

/** How many are kept, and how often it is asked who of them is here, in milliseconds. */
const KEPT = 200;
const REFRESH = 4_000;
/** As many people as the server names at most (docs/signaling.md §8). */
const NAMED = 50;

/** Those of the contacts who are findable now, by their identity. */
export const here = signal<ReadonlyMap<string, Person>>(new Map());

/** Everybody whom the user has verified or added, and who has a name to be shown, by name. */
export function knownPeople(): readonly Contact[] {
  const known = new Map([...addedContacts(), ...contacts()].map((contact) => [contact.identity, contact]));
  return [...known.values()].filter(({ name }) => name !== "").sort((one, other) => one.name.localeCompare(other.name));
}

/** Keeps somebody, so that they can be rung later. */
export function addContact(name: string, identity: string): void {
  added.value = [...addedContacts().filter((other) => other.identity !== identity), { identity, name }].slice(-KEPT);
}

/** Forgets somebody, and that they were verified. */
export function forgetContact(identity: string): void {
  added.value = addedContacts().filter((contact) => contact.identity !== identity);
  distrust(identity);
}

/** Keeps `here` true while somebody looks at it. Returns what stops it. */
export function watchContacts(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const peerline = client.value;
    const known = knownPeople();
    if (peerline === null || known.length === 0) return;
    let current = true;
    const ask = async () => {
      if (document.visibilityState === "visible") {
        const found = await peerline.find("");
        // There are others: those who are wanted are asked for by name.
        if (found.length >= NAMED) for (const { name } of known) found.push(...(await peerline.find(name)));
        if (current) here.value = new Map(found.map((person) => [person.identity, person]));
      }
    };
    const again = () => {
      if (current) timer = setTimeout(() => void ask().catch(() => undefined).then(again), REFRESH);
    };
    timer = setTimeout(() => void ask().catch(() => undefined).then(again), 0);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  });
  return stop;
}

function addedContacts(): readonly Contact[] {
  const kept: unknown = added.value;
  return Array.isArray(kept) ? kept.filter(isContact) : [];
}
