/** What participants say to each other (`docs/signaling.md` §9): sealed through the server, or by the data channel. */
import * as base64url from "./base64url.js";
import { parseObject } from "./frames.js";
import { presentable } from "./name.js";
import { isReaction, type Reaction } from "./reactions.js";

export interface DescriptionMessage {
  kind: "description";
  negotiation: number;
  description: { type: "offer" | "answer"; sdp: string };
}

export interface CandidateMessage {
  kind: "candidate";
  negotiation: number;
  /** null: there are no more. */
  candidate: RTCIceCandidateInit | null;
}

/** "My path broke: please offer with an ICE restart." */
export interface RestartMessage {
  kind: "restart";
  negotiation: number;
}

export interface ChatTextMessage {
  kind: "chat";
  /** 22 random characters. */
  chat: string;
  text: string;
  /** Milliseconds since 1970. */
  time: number;
  /** The `chat` of the message that this one answers. */
  reply?: string;
  /** Present where it was written a while before it could be sent to this receiver. */
  missed?: true;
}

/** Acknowledges a chat message. */
export interface ReceivedMessage {
  kind: "received";
  chat: string;
}

/** Shown for a moment, and never kept: by the data channel only, and not repeated. */
export interface ReactionMessage {
  kind: "reaction";
  reaction: Reaction;
}

/** "Are you there?" What carries it to the other side is acknowledged there, and that is the answer: by the data channel only. */
export interface AliveMessage {
  kind: "alive";
}

/** "I show your camera's picture with so many lines": by the data channel only. */
export interface ShownMessage {
  kind: "shown";
  /** In pixels of the device; 0: it can't be seen. */
  height: number;
}

export interface ByeMessage {
  kind: "bye";
}

/** "I have chosen a random value, and this holds me to it" (`docs/verification.md`). */
export interface CommitmentMessage {
  kind: "commitment";
  commitment: string;
  identity: string;
}

/** The random value of the side that doesn't commit itself. */
export interface NonceMessage {
  kind: "nonce";
  nonce: string;
  identity: string;
}

/** The random value that was committed to. */
export interface OpeningMessage {
  kind: "opening";
  nonce: string;
  proof: string;
}

export interface ProofMessage {
  kind: "proof";
  proof: string;
}

export type VerificationMessage = CommitmentMessage | NonceMessage | OpeningMessage | ProofMessage;
export type NegotiationMessage = DescriptionMessage | CandidateMessage | RestartMessage;
export type Message = NegotiationMessage | ChatTextMessage | ReceivedMessage | ReactionMessage | AliveMessage | ShownMessage | ByeMessage | VerificationMessage;

/** What a participant tells everybody about itself. */
export interface Profile {
  kind: "profile";
  name: string;
  identity?: string;
  microphone: boolean;
  camera: boolean;
  /** Whether it shares a screen. */
  screen: boolean;
  /** Present while its hand is raised: its place in the order, from 1. */
  hand?: number;
  /** Present while it records the call. */
  recording?: true;
}

/** Characters of a chat message, at most. */
export const TEXT_LENGTH = 8000;
/** The last time that a `Date` can hold: further ones throw wherever they are shown. */
const LAST_TIME = 8.64e15;

/** @returns undefined for what is malformed or of a kind that this client doesn't know, which it ignores */
export function parseMessage(json: string): Message | undefined {
  const message = parseObject(json);
  if (!message) return undefined;
  const valid = {
    description: () => isNumber(message["negotiation"]) && isDescription(message["description"]),
    candidate: () => isNumber(message["negotiation"]) && typeof message["candidate"] === "object",
    restart: () => isNumber(message["negotiation"]),
    chat: () =>
      isChatId(message["chat"]) &&
      isText(message["text"]) &&
      isTime(message["time"]) &&
      (message["reply"] === undefined || isChatId(message["reply"])),
    received: () => isChatId(message["chat"]),
    reaction: () => isReaction(message["reaction"]),
    alive: () => true,
    shown: () => message["height"] === 0 || isNumber(message["height"]),
    bye: () => true,
    commitment: () => is32Bytes(message["commitment"]) && isPublicKey(message["identity"]),
    nonce: () => is32Bytes(message["nonce"]) && isPublicKey(message["identity"]),
    opening: () => is32Bytes(message["nonce"]) && is32Bytes(message["proof"]),
    proof: () => is32Bytes(message["proof"]),
  } satisfies Record<Message["kind"], () => boolean>;
  const kind = message["kind"];
  if (typeof kind !== "string" || !Object.hasOwn(valid, kind)) return undefined;
  return valid[kind as Message["kind"]]() ? (message as unknown as Message) : undefined;
}

/** @returns undefined for what is no profile */
export function parseProfile(json: string): Profile | undefined {
  const profile = parseObject(json);
  if (profile?.["kind"] !== "profile" || typeof profile["name"] !== "string") return undefined;
  const { name, identity, microphone, camera, screen, hand, recording } = profile;
  return {
    kind: "profile",
    name: presentable(name),
    ...(typeof identity === "string" && { identity }),
    microphone: microphone === true,
    camera: camera === true,
    screen: screen === true,
    ...(isNumber(hand) && { hand: hand as number }),
    ...(recording === true && { recording }),
  };
}

/** Whether it may be the text of a chat message. */
export function isText(text: unknown): text is string {
  return typeof text === "string" && text !== "" && (text.length <= TEXT_LENGTH || [...text].length <= TEXT_LENGTH);
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isTime(value: unknown): boolean {
  return typeof value === "number" && Math.abs(value) <= LAST_TIME;
}

export function isChatId(value: unknown): boolean {
  return typeof value === "string" && /^[A-Za-z0-9_-]{22}$/.test(value);
}

function is32Bytes(value: unknown): boolean {
  return typeof value === "string" && base64url.decode(value)?.length === 32;
}

function isPublicKey(value: unknown): boolean {
  return typeof value === "string" && base64url.decode(value)?.length === 65;
}

function isDescription(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  const { type, sdp } = value as Record<string, unknown>;
  return (type === "offer" || type === "answer") && typeof sdp === "string";
}
