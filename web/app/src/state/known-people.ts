import { effect, signal } from "@preact/signals";
import type { Person } from "peerline";
import { client } from "./client";
import { contacts, distrust, isContact, type Contact } from "./contacts";
import { added } from "./settings";

/** How many are kept, and how often it is asked who of them is here, in milliseconds. */
const KEPT = 200;
const REFRESH = 4_000;
/** How often contacts are asked for by name at most, in milliseconds: the server learns whom one knows. */
const BY_NAME = 60_000;

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
  let byName: readonly Person[] = [];
  let askedByName = Number.NEGATIVE_INFINITY;
  const stop = effect(() => {
    const peerline = client.value;
    const known = knownPeople();
    if (peerline === null || known.length === 0) return;
    let current = true;
    const ask = async () => {
      if (document.visibilityState === "visible") {
        const { people, isComplete } = await peerline.find("");
        if (isComplete) byName = [];
        else if (Date.now() - askedByName >= BY_NAME) {
          // There are others: those who are wanted are asked for by name.
          askedByName = Date.now();
          const wanted: Person[] = [];
          for (const { name } of known) wanted.push(...(await peerline.find(name)).people);
          byName = wanted;
        }
        if (current) here.value = new Map([...byName, ...people].map((person) => [person.identity, person]));
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
