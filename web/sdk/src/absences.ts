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

  /** @param undelivered - what it didn't get before */
  left({ id, provenIdentity }: Absentee, onPurpose: boolean, undelivered: readonly ChatTextMessage[]): void {
    this.#absences.delete(id);
    this.#absences.set(id, { identity: provenIdentity, until: onPurpose ? Date.now() + RELOAD : Infinity, missed: [...undelivered] });
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
  returned({ id, provenIdentity }: Absentee): ChatTextMessage[] {
    const found: ChatTextMessage[] = [];
    for (const [absent, { identity, until, missed }] of this.#absences) {
      const same = absent === id || (identity !== undefined && identity === provenIdentity);
      if (!same) continue;
      this.#absences.delete(absent);
      if (Date.now() < until) found.push(...missed);
    }
    return found;
  }
}
