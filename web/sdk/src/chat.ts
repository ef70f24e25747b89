import type { ChatMessage } from "./api.js";
import * as base64url from "./base64url.js";
import { Absences } from "./absences.js";
import type { ChatTextMessage, ReceivedMessage } from "./messages.js";
import { isChatId, isText, TEXT_LENGTH } from "./messages.js";
import type { Way } from "./participant.js";

/** Seconds that an acknowledgement may take before the message is sent again, doubled each time. */
const PATIENCE = 2;
const LONGEST = 16;
/** Milliseconds after which a message that goes out was missed, rather than slow. */
const LATE = 10_000;
/** Identifiers of received messages that are remembered. */
const MEMORY = 4096;
/** Messages that are kept to be shown: a member who never stops writing must not fill the memory. */
const KEPT = 2000;

/** What the chat needs of a participant. */
export interface ChatPeer {
  readonly id: string;
  readonly name: string;
  /** The public key that it has shown to own. */
  readonly provenIdentity: string | undefined;
  readonly dataOpen: boolean;
  /** Whether the server has it in the channel, with a connection. */
  readonly present: boolean;
  send(message: ChatTextMessage | ReceivedMessage, way: Way): Promise<void>;
}

/**
 * A channel's chat. Each message goes to each participant by the data channel if that is open, else by the
 * server, and again by the other way until it is acknowledged; so receivers may see it twice, and keep one.
 * Who goes and comes back is sent what was written meanwhile.
 */
export class Chat {
  readonly messages: ChatMessage[] = [];
  readonly #added: (message: ChatMessage) => void;
  readonly #deliveries = new Set<Delivery>();
  readonly #received = new Set<string>();
  readonly #absences = new Absences();

  /** @param added - called when a message was added to `messages` */
  constructor(added: (message: ChatMessage) => void) {
    this.#added = added;
  }

  /** As {@link Channel.sendChat}. */
  async send(text: string, reply: string | undefined, own: { id: string; name: string }, peers: Iterable<ChatPeer>): Promise<ChatMessage> {
    if (!isText(text)) throw new RangeError(`A message has 1 to ${TEXT_LENGTH} characters.`);
    if (reply !== undefined && !isChatId(reply)) throw new RangeError("A reply names a message by its id.");
    const id = base64url.encode(crypto.getRandomValues(new Uint8Array(16)));
    const time = new Date();
    const message: ChatMessage = { id, from: own.id, name: own.name, text, time, own: true, reply, missed: false };
    const wire: ChatTextMessage = { kind: "chat", chat: id, text, time: time.getTime(), ...(reply !== undefined && { reply }) };
    const delivered = [...peers].map((peer) => this.#deliver(wire, peer));
    this.#absences.wrote(wire);
    this.#add(message);
    await Promise.all(delivered);
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
    const { chat, text, time, reply, missed } = message;
    const known = `${peer.id} ${chat}`;
    if (this.#received.has(known)) return;
    this.#received.add(known);
    for (const oldest of this.#received) {
      if (this.#received.size <= MEMORY) break;
      this.#received.delete(oldest);
    }
    this.#add({ id: chat, from: peer.id, name: peer.name, text, time: new Date(time), own: false, reply, missed: missed === true });
  }

  /** The data channel to a participant opened: what waits goes by it, and what it missed. */
  dataOpen(peer: ChatPeer): void {
    for (const delivery of this.#deliveries) if (delivery.peer === peer) delivery.dataOpen();
    this.#catchUp(peer);
  }

  /** A participant has shown its identity: it may be one who was here, and whose page was loaded again. */
  proven(peer: ChatPeer): void {
    this.#catchUp(peer);
  }

  /** A participant left: nothing more can be delivered to it, unless it comes back. */
  left(peer: ChatPeer, onPurpose: boolean): void {
    const open = [...this.#deliveries].filter((delivery) => delivery.peer === peer);
    this.#absences.left(peer, onPurpose, open.map(({ message }) => message));
    for (const delivery of open) delivery.end();
  }

  #catchUp(peer: ChatPeer): void {
    for (const message of this.#absences.returned(peer)) void this.#deliver({ ...message, missed: true }, peer);
  }

  /** Resolves when the participant has it, or left. */
  async #deliver(message: ChatTextMessage, peer: ChatPeer): Promise<void> {
    const delivery = new Delivery(message, peer);
    this.#deliveries.add(delivery);
    await delivery.done;
    this.#deliveries.delete(delivery);
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
    if (way === "data") void this.peer.send(this.#onTheWay(false), "data").catch(() => undefined);
    else void this.#sendByServer();
  }

  async #sendByServer(): Promise<void> {
    if (this.#atServer) return;
    this.#atServer = true;
    await this.peer.send(this.#onTheWay(!this.peer.present), "server").catch(() => undefined);
    this.#atServer = false;
  }

  /** @param waits - whether it lies at the server until its receiver is back */
  #onTheWay(waits: boolean): ChatTextMessage {
    const late = Date.now() - this.message.time > LATE;
    return late || waits ? { ...this.message, missed: true } : this.message;
  }
}
