/**
 * What a user of the SDK sees: channels, the participants in them, chat, discovery and invitations.
 * The classes behind these interfaces stand in the files named after them.
 */
import type { Diagnostics } from "./diagnostics/diagnostics.js";
import type { TypedEventTarget } from "./events.js";
import type { Link } from "./link.js";
import type { Reaction } from "./reactions.js";
import type { FileWithPath, OfferEvent, OutgoingTransfer } from "./transfer/api.js";

/**
 * How things stand with the server.
 *
 * - `connecting`: the first connection is being made
 * - `online`: connected
 * - `offline`: the connection broke; it is being made again (calls go on meanwhile)
 * - `draining`: connected to a server that said it is about to restart
 * - `closed`: ended by {@link Peerline.close}, or not begun
 */
export type ConnectionState = "connecting" | "online" | "offline" | "draining" | "closed";

/** A protocol between a client and the relay: TURN over UDP, over TCP, or over TLS. */
export type RelayProtocol = "udp" | "tcp" | "tls";

/** Settings of a {@link Peerline}. */
export interface PeerlineOptions {
  /** The server's address. Default: where this module was loaded from. */
  server?: URL | string;
  /** `relay` sends media and data through the relay only. Default: `all`. */
  iceTransportPolicy?: RTCIceTransportPolicy;
  /** Which ways to the relay may be used. Default: all of them. */
  relayProtocols?: readonly RelayProtocol[];
}

/** Events of a {@link Peerline}. */
export interface PeerlineEvents {
  /** `state` changed. */
  statechange: Event;
  /** Somebody rings. */
  invitation: InvitationEvent;
}

/** How one enters a channel. */
export interface JoinOptions {
  /** The name that the others see, 1 to 64 characters. */
  name: string;
  /** What the others are to see and hear. More can be given later with {@link Channel.setStream}. */
  stream?: MediaStream | null;
  /** Ends the wait, which lasts for as long as the server is away. */
  signal?: AbortSignal;
}

/**
 * - `joined`: the server has us in the channel
 * - `reconnecting`: the connection to the server broke; the calls go on
 * - `left`: the end, by {@link Channel.leave}, {@link Peerline.close}, or because another connection has taken this client's key
 */
export type ChannelState = "joined" | "reconnecting" | "left";

/** Events of a {@link Channel}. */
export interface ChannelEvents {
  participantjoin: ParticipantEvent;
  participantleave: ParticipantEvent;
  /** A chat message was added to `chat`, from anybody, oneself included. */
  chat: ChatEvent;
  /** Somebody else shows a reaction. */
  reaction: ReactionEvent;
  /** `state` changed. */
  statechange: Event;
  /** `screen` changed: by {@link Channel.setScreen}, or because the browser ended it. */
  screenchange: Event;
}

/** A place where participants meet: each is connected to each other directly. */
export interface Channel extends TypedEventTarget<ChannelEvents> {
  readonly link: Link;
  readonly state: ChannelState;
  /** One's own participant identifier. */
  readonly id: string;
  /** The name that the others see. */
  readonly name: string;
  /** The others, by their identifier, in order of arrival. */
  readonly participants: ReadonlyMap<string, Participant>;
  /** The messages of this channel since one joined, in order of arrival, one's own included: the latest 2,000. */
  readonly chat: readonly ChatMessage[];
  /** What the others see and hear. */
  readonly stream: MediaStream | null;
  /** The screen, window or tab that one shares. */
  readonly screen: MediaStream | null;
  /** Whether one's own microphone is there and on, as the others are told. */
  readonly microphone: boolean;
  /** Whether one's own camera is there and on, as the others are told. */
  readonly camera: boolean;
  /** One's own raised hand, as {@link Participant.hand}. */
  readonly hand: number | undefined;
  /** Whether the others are told that one records. */
  readonly recording: boolean;

  /** Replaces what the others see and hear, without a new negotiation: its first audio and its first video track are sent. The stream stays the caller's, to stop. */
  setStream(stream: MediaStream | null): Promise<void>;
  /**
   * Shares a screen beside camera and microphone, or stops with null: the first video track of `stream`, and its first audio track if there is one.
   * It ends by itself when the browser ends the video track. The stream stays the caller's, to stop.
   */
  setScreen(stream: MediaStream | null): Promise<void>;
  /** Mutes or unmutes, and tells the others. */
  setMicrophone(enabled: boolean): void;
  /** Turns the picture off or on, and tells the others. The camera itself stays open until its track is stopped. */
  setCamera(enabled: boolean): void;
  /** Raises one's hand, behind those that are raised, or lowers it; and tells the others. */
  setHand(raised: boolean): void;
  /**
   * Tells the others that one records, or doesn't any more. Whoever joins later is told as well.
   *
   * @returns when the server has it for all of them: a recording may begin then, not before
   */
  setRecording(recording: boolean): Promise<void>;
  /**
   * Shows a reaction to everybody who is connected now. It is not kept, and not repeated.
   *
   * @returns false if that was too often: it was not sent
   */
  sendReaction(reaction: Reaction): boolean;
  /** Changes the name that the others see. */
  setName(name: string): void;
  /**
   * Sends a message to everybody who is present, and to those who went a while ago if they come back. It stands in `chat` at once.
   *
   * @param text - 1 to 8,000 characters
   * @param reply - the `id` of the message that it answers
   * @returns the message, when everybody who was present has it or has left
   * @throws RangeError if the text is empty or too long, or `reply` is no such `id`
   */
  sendChat(text: string, reply?: string): Promise<ChatMessage>;
  /** Leaves the channel and ends its connections. */
  leave(): void;
}

/**
 * How things stand with a participant's connection.
 *
 * - `connecting`: the connection is being made, or made again after it broke
 * - `connected`: sound, picture and data flow
 * - `away`: neither connected to us nor to the server at the moment; expected back
 * - `failed`: several attempts failed; further ones follow
 */
export type ParticipantState = "connecting" | "connected" | "away" | "failed";

/** The way that a connection takes. */
export interface Path {
  readonly kind: "direct" | "relayed";
  /** For a direct path `udp` or `tcp`; for a relayed one the protocol between us and our relay, or `udp` where only the other side uses one. */
  readonly protocol: RelayProtocol;
}

/**
 * - `pending`: both sides are about to agree on what there is to compare; with a program that doesn't take part it stays so
 * - `ready`: there are words to compare
 * - `broken`: the other side did not keep to its word, or does not own the identity that it named: somebody may be in between
 */
export type VerificationState = "pending" | "ready" | "broken";

/** By which two people make sure that nobody is between them (`docs/verification.md`). It belongs to one connection. */
export interface Verification {
  readonly state: VerificationState;
  /** The public key that the other side has shown to own; undefined until `ready`. */
  readonly identity: string | undefined;
  /**
   * Four English words: the same on both sides exactly if there is nobody in between.
   *
   * @throws DOMException `InvalidStateError` unless `ready`
   */
  words(): Promise<readonly string[]>;
}

/** Events of a {@link Participant}. */
export interface ParticipantEvents {
  /** `name`, `state`, `microphone`, `camera`, `screen`, `hand`, `recording`, `path`, `verification` or the tracks of `stream` changed. */
  change: Event;
  /** This participant offers files. An offer that nobody answers waits. */
  offer: OfferEvent;
}

/** Somebody else in a channel. */
export interface Participant extends TypedEventTarget<ParticipantEvents> {
  /** 22 characters; the same for as long as this participant's page lives. */
  readonly id: string;
  /** At most 64 characters, without those that could turn or break the text around it; may be empty. */
  readonly name: string;
  /** The public key of this participant's client, as it says. */
  readonly identity: string | undefined;
  readonly state: ParticipantState;
  /** What this participant sends: at most one audio and one video track. The same object for as long as the participant is here. */
  readonly stream: MediaStream;
  /** The screen that this participant shares, with its sound where there is one; null while it shares none. The same object each time. */
  readonly screen: MediaStream | null;
  /** Whether this participant's microphone is on. */
  readonly microphone: boolean;
  /** Whether this participant's camera is on. */
  readonly camera: boolean;
  /** Set while this participant's hand is raised: lower ones were raised earlier. Of equal ones the lower `id` is the earlier. */
  readonly hand: number | undefined;
  /** Whether this participant says that it records the call. */
  readonly recording: boolean;
  /** Known while connected. */
  readonly path: Path | undefined;
  /** What can be compared; undefined before there is a direct connection. Another one with each new connection. */
  readonly verification: Verification | undefined;
  /**
   * Offers files. They go straight from their place on the disk, and go on by themselves after a broken connection, or when this
   * participant's page was loaded again.
   *
   * @param files - one or more; a file of a chosen folder (`webkitRelativePath`) keeps its path
   * @throws RangeError if there are none, over 65,536, or one whose name can't be sent
   */
  sendFiles(files: Iterable<File | FileWithPath>): OutgoingTransfer;
  /**
   * Says how large this participant's camera is shown here, so that it sends its picture no larger than that. Until then it comes as large as it is.
   * What is shown smaller for less than two seconds is not told.
   *
   * @param height - of the picture, in pixels of the device; 0 where it can't be seen: it comes small and slow then
   */
  show(height: number): void;
  /** How the connection does, what happened to it, and what is wrong with it. */
  readonly diagnostics: Diagnostics;
  /** The W3C statistics of the connection; empty where there is none. */
  getStats(): Promise<Map<string, Record<string, unknown>>>;
}

/** One message of a channel's chat. */
export interface ChatMessage {
  /** 22 random characters. */
  readonly id: string;
  /** The sender's participant identifier. */
  readonly from: string;
  /** The sender's name when the message was sent. */
  readonly name: string;
  readonly text: string;
  /** By the sender's clock. */
  readonly time: Date;
  /** Whether it is one's own. */
  readonly own: boolean;
  /** The `id` of the message that it answers; that may be one from before one came. */
  readonly reply: string | undefined;
  /** Whether it was written while one was away. */
  readonly missed: boolean;
}

/** Whether somebody who is findable can be called. */
export type Presence = "online" | "away" | "in_call";

/** Somebody who is findable. */
export interface Person {
  readonly name: string;
  readonly participant: string;
  readonly identity: string;
  readonly presence: Presence;
}

/** Who was found. */
export interface Found {
  /** By name, without oneself. Whoever is `away` is left out where the same identity is here by another session, too. */
  readonly people: readonly Person[];
  /** Whether these are all: the server names 50 at most. */
  readonly isComplete: boolean;
}

/** How an invitation ended. `gone`: the other side is not there any more. */
export type InvitationResult = "accepted" | "declined" | "busy" | "timeout" | "cancelled" | "gone";

/** Somebody is being rung. */
export interface OutgoingInvitation {
  readonly person: Person;
  readonly link: Link;
  /** How it ended. Rejects with a {@link PeerlineError} when the server could not let it ring. */
  readonly result: Promise<InvitationResult>;
  /** Stops ringing. */
  cancel(): void;
}

/** Events of an {@link IncomingInvitation}. */
export interface IncomingInvitationEvents {
  /** It does not ring any more: answered, cancelled, timed out. `result` is set. */
  ended: Event;
}

/** Somebody rings. */
export interface IncomingInvitation extends TypedEventTarget<IncomingInvitationEvents> {
  /** The caller's participant identifier. */
  readonly from: string;
  /** The caller's name, as the caller says; in the form of {@link Participant.name}. */
  readonly name: string;
  /** The caller's public key, as the caller says. */
  readonly identity: string;
  /** Where to meet. */
  readonly link: Link;
  /** How it ended; undefined while it rings. */
  readonly result: InvitationResult | undefined;
  /** Tells the caller that one comes; joining `link` is the application's to do. */
  accept(): void;
  decline(): void;
  /** Tells the caller that one is in another call. */
  busy(): void;
}

/** Carries the participant who came or left. */
export class ParticipantEvent extends Event {
  readonly participant: Participant;
  constructor(type: "participantjoin" | "participantleave", participant: Participant) {
    super(type);
    this.participant = participant;
  }
}

/** Carries a chat message. */
export class ChatEvent extends Event {
  readonly message: ChatMessage;
  constructor(message: ChatMessage) {
    super("chat");
    this.message = message;
  }
}

/** Carries a reaction. */
export class ReactionEvent extends Event {
  readonly participant: Participant;
  readonly reaction: Reaction;
  constructor(participant: Participant, reaction: Reaction) {
    super("reaction");
    this.participant = participant;
    this.reaction = reaction;
  }
}

/** Carries an invitation. */
export class InvitationEvent extends Event {
  readonly invitation: IncomingInvitation;
  constructor(invitation: IncomingInvitation) {
    super("invitation");
    this.invitation = invitation;
  }
}

/** What the server refused, or could not do. */
export class PeerlineError extends Error {
  /** One of the stable codes of `docs/signaling.md` §10, or `closed`, `already_joined`, `other`. */
  readonly code: string;
  /** Seconds after which trying again makes sense. */
  readonly retry: number | undefined;
  constructor(code: string, message: string, retry?: number) {
    super(message);
    this.name = "PeerlineError";
    this.code = code;
    this.retry = retry;
  }
}
