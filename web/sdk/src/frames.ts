/** The frames between client and server (`docs/signaling.md` §4 to §8, §10, §12). */
import type { InvitationResult, Person, Presence } from "./api.js";

/** What a client writes. */
export type ClientFrame =
  | { type: "hello"; id: number; key: string; agent: string; resume?: { token: string; epoch: string; offset: number } }
  | { type: "ack"; offset: number }
  | { type: "report"; path: "direct" | "relayed" | "failed"; reason?: FailureReason }
  | RequestFrame;

/** What a client writes and the server answers. */
export type RequestFrame =
  | { type: "ping"; id: number }
  | { type: "ice"; id: number }
  | { type: "join"; id: number; channel: string; profile: string }
  | { type: "profile"; id: number; channel: string; profile: string }
  | { type: "leave"; id: number; channel: string }
  | { type: "send"; id: number; channel: string; to: string; payload: string }
  | { type: "announce"; id: number; name: string; identity: string; presence: Presence }
  | { type: "unannounce"; id: number }
  | { type: "find"; id: number; prefix: string }
  | { type: "invite"; id: number; to: string; payload: string; timeout: number }
  | { type: "respond"; id: number; to: string; invitation: number; answer: "accept" | "decline" | "busy" }
  | { type: "cancel"; id: number; invitation: number };

/** Why a connection between two participants failed (§12). */
export type FailureReason = "ice_failed" | "no_candidates" | "dtls_failed" | "peer_gone" | "other";

/** A member of a channel, as the server sees it. */
export interface Member {
  participant: string;
  profile: string;
  state: "present" | "away";
  /** Whether the reader of this yields to that member. */
  polite: boolean;
}

/** STUN and TURN servers with their credential. */
export interface Ice {
  servers: RTCIceServer[];
  /** When the credential ends, in seconds since 1970. */
  expires: number;
}

export interface Welcome {
  type: "welcome";
  re: number;
  participant: string;
  epoch: string;
  resume: string;
  /** Seconds that the server keeps the session after the connection broke. */
  grace: number;
  /** Seconds. */
  heartbeat: number;
  recovered: boolean;
}

export interface ErrorFrame {
  type: "error";
  re?: number;
  code: string;
  message: string;
  retry?: number;
}

/** The answers to requests; `re` is the request's `id`. */
export type AnswerFrame =
  | { type: "ok"; re: number }
  | { type: "pong"; re: number }
  | { type: "joined"; re: number; channel: string; members: Member[]; ice: Ice }
  | { type: "found"; re: number; people: Person[] }
  | ({ type: "ice"; re: number } & Ice);

/** What the server says by itself; `offset` counts these. */
export type ServerEvent =
  | { type: "arrived"; offset: number; channel: string; member: Member }
  | { type: "state"; offset: number; channel: string; participant: string; state: "present" | "away" }
  | { type: "profile"; offset: number; channel: string; participant: string; profile: string }
  | { type: "left"; offset: number; channel: string; participant: string; reason: "left" | "timeout" }
  | { type: "message"; offset: number; channel: string; from: string; to?: string; id: number; payload: string }
  | { type: "resync"; offset: number; channels: { channel: string; members: Member[] }[] }
  | ({ type: "ice"; offset: number } & Ice)
  | { type: "drain"; offset: number; reconnect: [number, number] }
  | { type: "invitation"; offset: number; from: string; id: number; name: string | null; payload: string; timeout: number }
  | { type: "invitation_ended"; offset: number; from: string; to: string; invitation: number; result: InvitationResult };

/** What a client reads. */
export type ServerFrame = Welcome | ErrorFrame | AnswerFrame | ServerEvent;

type Check = (value: unknown) => boolean;
type Shape = Record<string, Check>;

const text: Check = (value) => typeof value === "string";
const flag: Check = (value) => typeof value === "boolean";
const amount: Check = (value) => typeof value === "number" && value >= 0;
/** At most a day; a timer that is set to 25 days or more fires at once. */
const seconds: Check = (value) => amount(value) && (value as number) <= 86_400;
const number: Check = (value) => Number.isSafeInteger(value) && (value as number) > 0;
const optional = (check: Check): Check => (value) => value === undefined || check(value);
const nullable = (check: Check): Check => (value) => value === null || check(value);
const oneOf = (...values: string[]): Check => (value) => typeof value === "string" && values.includes(value);
const listOf = (check: Check): Check => (value) => Array.isArray(value) && value.every(check);
const shaped = (shape: Shape): Check => (value) => isObject(value) && Object.entries(shape).every(([name, check]) => check(value[name]));

const presence = oneOf("present", "away");
const member = shaped({ participant: text, profile: text, state: presence, polite: flag });
const urls: Check = (value) => text(value) || listOf(text)(value);
const ice: Shape = {
  servers: listOf(shaped({ urls, username: optional(text), credential: optional(text) })),
  expires: amount,
};
const membership: Shape = { offset: number, channel: text, participant: text };

const SHAPES: Record<ServerFrame["type"], Shape> = {
  welcome: { re: number, participant: text, epoch: text, resume: text, grace: seconds, heartbeat: seconds, recovered: flag },
  error: { re: optional(number), code: text, message: text, retry: optional(seconds) },
  ok: { re: number },
  pong: { re: number },
  joined: { re: number, channel: text, members: listOf(member), ice: shaped(ice) },
  found: {
    re: number,
    people: listOf(shaped({ name: text, participant: text, identity: text, presence: oneOf("online", "away", "in_call") })),
  },
  ice: { re: optional(number), offset: optional(number), ...ice },
  arrived: { offset: number, channel: text, member },
  state: { ...membership, state: presence },
  profile: { ...membership, profile: text },
  left: { ...membership, reason: oneOf("left", "timeout") },
  message: { offset: number, channel: text, from: text, to: optional(text), id: number, payload: text },
  resync: { offset: number, channels: listOf(shaped({ channel: text, members: listOf(member) })) },
  drain: { offset: number, reconnect: (value) => listOf(seconds)(value) && (value as number[]).length === 2 },
  invitation: { offset: number, from: text, id: number, name: nullable(text), payload: text, timeout: seconds },
  invitation_ended: {
    offset: number,
    from: text,
    to: text,
    invitation: number,
    result: oneOf("accepted", "declined", "busy", "timeout", "cancelled", "gone"),
  },
};

/** @returns undefined for what is no frame, or of a type that this client doesn't know, which it ignores */
export function parseServerFrame(json: string): ServerFrame | undefined {
  const frame = parseObject(json);
  if (!frame || typeof frame["type"] !== "string" || !Object.hasOwn(SHAPES, frame["type"])) return undefined;
  const shape = SHAPES[frame["type"] as ServerFrame["type"]];
  return shaped(shape)(frame) ? (frame as unknown as ServerFrame) : undefined;
}

/** @returns undefined for what is not a JSON object */
export function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
