import type { ChatTextMessage } from "./messages.js";

/** Milliseconds for which somebody who left on purpose is expected back: a page that is loaded again says goodbye, too. */
const RELOAD = 600_000;
/** People, and messages of each, that are kept. */
const PEOPLE = 64;
const MESSAGES = 500;

/** Whom a participant is known by when it comes back: the same page by `id`, another one of the same browser by the identity. */
export interface Absentee {
  readonly id: string;
  readonly provenIdentity: string | undefined;
}

interface Absence {
  readonly identity: string | undefined;
  /** Milliseconds since 1970. */
  readonly until: number;
  readonly missed: ChatTextMessage[];
}

/** What those who went don't have of what one wrote. */
export class Absences {
  /** By participant, the earliest first. */
  readonly #absences = new Map<string, Absence>();
  /** Those who are back as the page that they were: they take no other one's place. */
  readonly #samePages = new WeakSet<Absentee>();

  /** @param undelivered - what it didn't get before */
  left({ id, provenIdentity }: Absentee, onPurpose: boolean, undelivered: readonly ChatTextMessage[]): void {
    const now = Date.now();
    const before = this.#absences.get(id);
    // It came back, and went again before it was given what it had missed.
    const earlier = before && now < before.until ? before.missed : [];
    const missed = [...new Map([...earlier, ...undelivered].map((message) => [message.chat, message])).values()];
    this.#absences.delete(id);
    this.#absences.set(id, {
      identity: provenIdentity ?? before?.identity,
      until: onPurpose ? now + RELOAD : Infinity,
      missed: missed.slice(-MESSAGES),
    });
    for (const first of this.#absences.keys()) {
      if (this.#absences.size <= PEOPLE) break;
      this.#absences.delete(first);
    }
  }

  /** One wrote a message. */
  wrote(message: ChatTextMessage): void {
    for (const { missed } of this.#absences.values()) {
      missed.push(message);
      if (missed.length > MESSAGES) missed.shift();
    }
  }

  /** @returns what somebody who is here again missed; it is theirs to be given, and forgotten here */
  returned(absentee: Absentee): ChatTextMessage[] {
    const { id, provenIdentity } = absentee;
    const found: ChatTextMessage[] = [];
    // Another page of the same browser may be away as well: what that one missed waits for it.
    if (this.#absences.has(id)) this.#samePages.add(absentee);
    const samePage = this.#samePages.has(absentee);
    for (const [absent, { identity, until, missed }] of this.#absences) {
      const same = samePage ? absent === id : identity !== undefined && identity === provenIdentity;
      if (!same) continue;
      this.#absences.delete(absent);
      if (Date.now() < until) found.push(...missed);
    }
    return found;
  }
}
