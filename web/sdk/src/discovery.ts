import { type Found, type IncomingInvitation, type OutgoingInvitation, PeerlineError, type Person, type Presence } from "./api.js";
import type { ServerEvent } from "./frames.js";
import type { Identity } from "./identity.js";
import { openInvitation, sealInvitation } from "./invitation-sealing.js";
import { parseInvitation, Ringing, Rung } from "./invitation.js";
import type { Link } from "./link.js";
import type { Session } from "./session.js";

const RING_TIMEOUT = 30;
/** As many people as the server names at most (`docs/signaling.md` §8). */
const NAMED = 50;

/** What discovery needs of its surroundings. */
export interface DiscoveryEnvironment {
  readonly session: Session;
  identity(): Promise<Identity>;
  invited(invitation: IncomingInvitation): void;
}

type Invitation = Extract<ServerEvent, { type: "invitation" }>;
type InvitationEnded = Extract<ServerEvent, { type: "invitation_ended" }>;

/** Being findable, finding, and ringing (`docs/signaling.md` §8). */
export class Discovery {
  readonly #environment: DiscoveryEnvironment;
  readonly #ringing = new Map<number, Ringing>();
  /** By caller and the caller's number; undefined while it is being opened. */
  readonly #rung = new Map<string, Rung | undefined>();
  #announced: { name: string; identity: string; presence: Presence } | undefined;

  constructor(environment: DiscoveryEnvironment) {
    this.#environment = environment;
  }

  async announce(name: string, presence: Presence): Promise<void> {
    const { publicKey } = await this.#environment.identity();
    this.#announced = { name, identity: publicKey, presence };
    await this.#sendAnnouncement();
  }

  async unannounce(): Promise<void> {
    const { session } = this.#environment;
    this.#announced = undefined;
    await session.request({ type: "unannounce", id: session.nextId() });
  }

  /** The server forgot us: becomes findable again. What rang there rings no more; what it had not answered is sent again. */
  reset(): void {
    if (this.#announced) this.#sendAnnouncement().catch(() => undefined);
    this.#endRinging(({ rings }) => rings);
  }

  /** The page goes: nobody is to find us until {@link Discovery.reset}. */
  hide(): void {
    const { session } = this.#environment;
    if (this.#announced) session.notify({ type: "unannounce", id: session.nextId() });
  }

  /** The end. */
  close(): void {
    const { session } = this.#environment;
    this.hide();
    this.#announced = undefined;
    for (const invitation of this.#ringing.keys()) session.notify({ type: "cancel", id: session.nextId(), invitation });
    this.#endRinging(() => true);
  }

  async find(prefix: string): Promise<Found> {
    const { session } = this.#environment;
    const answer = await session.request({ type: "find", id: session.nextId(), prefix });
    const named = answer.type === "found" ? answer.people : [];
    return { people: withoutLost(named), isComplete: named.length < NAMED };
  }

  invite(person: Person, link: Link, name: string, timeout: number = RING_TIMEOUT): OutgoingInvitation {
    const { session } = this.#environment;
    const id = session.nextId();
    const ringing = new Ringing(person, link, () => {
      this.#ringing.delete(id);
      session.abandon((frame) => frame.id === id);
      session.request({ type: "cancel", id: session.nextId(), invitation: id }).catch(() => undefined);
    });
    this.#ringing.set(id, ringing);
    this.#ring(id, ringing, name, timeout).catch((error: unknown) => {
      this.#ringing.delete(id);
      ringing.fail(error);
    });
    return ringing;
  }

  async #ring(id: number, ringing: Ringing, name: string, timeout: number): Promise<void> {
    const { person, link } = ringing;
    const { session, identity } = this.#environment;
    await session.open();
    const content = { link: link.href, name, identity: (await identity()).publicKey };
    const context = { caller: session.participant, invited: person.participant, id };
    const payload = await sealInvitation(person.identity, context, JSON.stringify(content));
    // It may have been cancelled meanwhile.
    if (!this.#ringing.has(id)) return;
    await session.request({ type: "invite", id, to: person.participant, payload, timeout });
    ringing.rings = true;
  }

  async take(event: Invitation | InvitationEnded): Promise<void> {
    if (event.type === "invitation") await this.#rang(event);
    else this.#ended(event);
  }

  async #rang({ from, id, payload }: Invitation): Promise<void> {
    const { session, identity, invited } = this.#environment;
    const key = `${from} ${id}`;
    if (this.#rung.has(key)) return;
    this.#rung.set(key, undefined);
    const respond = (answer: "accept" | "decline" | "busy") => {
      this.#rung.delete(key);
      const frame = { type: "respond", id: session.nextId(), to: from, invitation: id, answer } as const;
      // It may have ended in this moment: then there is nothing to answer.
      session.request(frame).catch(() => undefined);
    };
    const context = { caller: from, invited: session.participant, id };
    const plaintext = await openInvitation(await identity(), context, payload);
    const content = plaintext === undefined ? undefined : parseInvitation(plaintext);
    if (!this.#rung.has(key)) return;
    if (!content) {
      respond("decline");
      return;
    }
    const rung = new Rung(from, content, respond);
    this.#rung.set(key, rung);
    invited(rung);
  }

  #ended({ from, invitation, result }: InvitationEnded): void {
    const { session } = this.#environment;
    if (from === session.participant) {
      this.#ringing.get(invitation)?.end(result);
      this.#ringing.delete(invitation);
    } else {
      const key = `${from} ${invitation}`;
      const rung = this.#rung.get(key);
      this.#rung.delete(key);
      rung?.end(result);
    }
  }

  #endRinging(which: (ringing: Ringing) => boolean): void {
    for (const [id, ringing] of this.#ringing) {
      if (!which(ringing)) continue;
      this.#ringing.delete(id);
      ringing.end("gone");
    }
    for (const rung of this.#rung.values()) rung?.end("gone");
    this.#rung.clear();
  }

  async #sendAnnouncement(): Promise<void> {
    if (!this.#announced) return;
    const { session } = this.#environment;
    session.abandon((frame) => frame.type === "announce");
    try {
      await session.request({ type: "announce", id: session.nextId(), ...this.#announced });
    } catch (error) {
      // Superseded by a newer announcement, which has the say.
      if (!(error instanceof PeerlineError && error.code === "closed")) throw error;
    }
  }
}

/**
 * Whose browser died, and who came back, has two sessions for a while (§5). The server can't know that they are one's: nobody has proved to it whose
 * identity that is.
 */
function withoutLost(people: readonly Person[]): Person[] {
  const here = new Set(people.filter(({ presence }) => presence !== "away").map(({ identity }) => identity));
  return people.filter(({ presence, identity }) => presence !== "away" || !here.has(identity));
}
