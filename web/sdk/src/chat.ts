import type { ChatMessage } from "./api.js";
import * as base64url from "./base64url.js";
import type { ChatTextMessage, ReceivedMessage } from "./messages.js";
import { isText, TEXT_LENGTH } from "./messages.js";
import type { Way } from "./participant.js";

/** Seconds that an acknowledgement may take before the message is sent again, doubled each time. */
const PATIENCE = 2;
const LONGEST = 16;
/** Identifiers of received messages that are remembered. */
const MEMORY = 4096;
/** Messages that are kept to be shown: a member who never stops writing must not fill the memory. */
const KEPT = 2000;

/** What the chat needs of a participant. */
export interface ChatPeer {
  readonly id: string;
  readonly name: string;
  readonly dataOpen: boolean;
  send(message: ChatTextMessage | ReceivedMessage, way: Way): Promise<void>;
}

/**
 * A channel's chat. Each message goes to each participant by the data channel if that is open, else by the
 * server, and again by the other way until it is acknowledged; so receivers may see it twice, and keep one.
 */
export class Chat {
  readonly messages: ChatMessage[] = [];
  readonly #added: (message: ChatMessage) => void;
  readonly #deliveries = new Set<Delivery>();
  readonly #received = new Set<string>();

  /** @param added - called when a message was added to `messages` */
  constructor(added: (message: ChatMessage) => void) {
    this.#added = added;
  }

  /** As {@link Channel.sendChat}. */
  async send(text: string, own: { id: string; name: string }, peers: Iterable<ChatPeer>): Promise<ChatMessage> {
    if (!isText(text)) throw new RangeError(`A message has 1 to ${TEXT_LENGTH} characters.`);
    const id = base64url.encode(crypto.getRandomValues(new Uint8Array(16)));
    const time = new Date();
    const message: ChatMessage = { id, from: own.id, name: own.name, text, time, own: true };
    const wire: ChatTextMessage = { kind: "chat", chat: id, text, time: time.getTime() };
    const deliveries = [...peers].map((peer) => new Delivery(wire, peer));
    for (const delivery of deliveries) this.#deliveries.add(delivery);
    this.#add(message);
    await Promise.all(deliveries.map(({ done }) => done));
    for (const delivery of deliveries) this.#deliveries.delete(delivery);
    return message;
  }

  /** Takes a message or an acknowledgement; a message is acknowledged each time, and added the first time. */
  receive(peer: ChatPeer, message: ChatTextMessage | ReceivedMessage, way: Way): void {
    if (message.kind === "received") {
      for (const delivery of this.#deliveries)
        if (delivery.peer === peer && delivery.message.chat === message.chat) delivery.end();
      return;
    }
    // If the way closed just now, the message comes again and is acknowledged then.
    void peer.send({ kind: "received", chat: message.chat }, way).catch(() => undefined);
    const { chat, text, time } = message;
    const known = `${peer.id} ${chat}`;
    if (this.#received.has(known)) return;
    this.#received.add(known);
    for (const oldest of this.#received) {
      if (this.#received.size <= MEMORY) break;
      this.#received.delete(oldest);
    }
    this.#add({ id: chat, from: peer.id, name: peer.name, text, time: new Date(time), own: false });
  }

  /** The data channel to a participant opened: what waits goes by it. */
  dataOpen(peer: ChatPeer): void {
    for (const delivery of this.#deliveries) if (delivery.peer === peer) delivery.dataOpen();
  }

  /** A participant left: nothing more can be delivered to it. */
  left(peer: ChatPeer): void {
    for (const delivery of this.#deliveries) if (delivery.peer === peer) delivery.end();
  }

  #add(message: ChatMessage): void {
    this.messages.push(message);
    if (this.messages.length > KEPT) this.messages.shift();
    this.#added(message);
  }
}

/** One message on its way to one participant. */
class Delivery {
  readonly message: ChatTextMessage;
  readonly peer: ChatPeer;
  /** Resolves when the participant has it, or left. */
  readonly done: Promise<void>;
  #resolve!: () => void;
  #ended = false;
  #attempts = 0;
  /** The server has it, or will: the session repeats it by itself. */
  #atServer = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(message: ChatTextMessage, peer: ChatPeer) {
    this.message = message;
    this.peer = peer;
    this.done = new Promise((resolve) => (this.#resolve = resolve));
    this.#attempt(peer.dataOpen ? "data" : "server");
  }

  dataOpen(): void {
    this.#attempt("data");
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#resolve();
  }

  #attempt(way: Way): void {
    if (this.#ended) return;
    clearTimeout(this.#timer);
    const wait = Math.min(PATIENCE * 2 ** this.#attempts, LONGEST);
    this.#attempts += 1;
    this.#timer = setTimeout(() => this.#attempt(way === "server" && this.peer.dataOpen ? "data" : "server"), wait * 1000);
    if (way === "data") void this.peer.send(this.message, "data").catch(() => undefined);
    else void this.#sendByServer();
  }

  async #sendByServer(): Promise<void> {
    if (this.#atServer) return;
    this.#atServer = true;
    await this.peer.send(this.message, "server").catch(() => undefined);
    this.#atServer = false;
  }
}
