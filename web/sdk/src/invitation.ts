import {
  type IncomingInvitation,
  type IncomingInvitationEvents,
  type InvitationResult,
  type OutgoingInvitation,
  PeerlineError,
  type Person,
} from "./api.js";
import { TypedEventTarget } from "./events.js";
import { parseObject } from "./frames.js";
import { Link } from "./link.js";
import { presentable } from "./name.js";

/** What the caller writes in an invitation. */
export interface InvitationContent {
  link: Link;
  name: string;
  identity: string;
}

/** @returns undefined for what is no invitation */
export function parseInvitation(plaintext: string): InvitationContent | undefined {
  const content = parseObject(plaintext);
  if (!content) return undefined;
  const { name, identity } = content;
  const link = typeof content["link"] === "string" ? Link.tryParse(content["link"]) : undefined;
  if (!link || typeof name !== "string" || typeof identity !== "string") return undefined;
  return { link, name: presentable(name), identity };
}

/** Somebody is being rung by us. */
export class Ringing implements OutgoingInvitation {
  readonly person: Person;
  readonly link: Link;
  readonly result: Promise<InvitationResult>;
  /** Whether the server has said that it rings. */
  rings = false;
  readonly #cancel: () => void;
  #resolve!: (result: InvitationResult) => void;
  #reject!: (error: PeerlineError) => void;

  constructor(person: Person, link: Link, cancel: () => void) {
    this.person = person;
    this.link = link;
    this.#cancel = cancel;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  cancel(): void {
    this.#cancel();
    this.#resolve("cancelled");
  }

  /** It ended; what comes later is ignored. */
  end(result: InvitationResult): void {
    this.#resolve(result);
  }

  /** It could not ring. */
  fail(error: unknown): void {
    this.#reject(error instanceof PeerlineError ? error : new PeerlineError("other", String(error)));
  }
}

/** We are being rung. */
export class Rung extends TypedEventTarget<IncomingInvitationEvents> implements IncomingInvitation {
  readonly from: string;
  readonly name: string;
  readonly identity: string;
  readonly link: Link;
  readonly #respond: (answer: "accept" | "decline" | "busy") => void;
  #result: InvitationResult | undefined;

  constructor(from: string, content: InvitationContent, respond: (answer: "accept" | "decline" | "busy") => void) {
    super();
    this.from = from;
    this.link = content.link;
    this.name = content.name;
    this.identity = content.identity;
    this.#respond = respond;
  }

  get result(): InvitationResult | undefined {
    return this.#result;
  }

  accept(): void {
    this.#answer("accept", "accepted");
  }

  decline(): void {
    this.#answer("decline", "declined");
  }

  busy(): void {
    this.#answer("busy", "busy");
  }

  /** It ended; what comes later is ignored. */
  end(result: InvitationResult): void {
    if (this.#result) return;
    this.#result = result;
    this.dispatchEvent(new Event("ended"));
  }

  #answer(answer: "accept" | "decline" | "busy", result: InvitationResult): void {
    if (this.#result) return;
    this.#respond(answer);
    this.end(result);
  }
}
