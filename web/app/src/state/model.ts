import { signal } from "@preact/signals";
import type { Diagnosis, Diagnostics, ParticipantState, Verification } from "peerline";
import type { TextKey } from "../text/text";

/** How things stand with a participant; as in the SDK, with a first connection told apart from a later one. */
export type PeerState = ParticipantState | "reconnecting";

/** Somebody else in the call. */
export interface Participant {
  readonly id: string;
  readonly name: string;
  /** Whether they say that their microphone and camera are on. */
  readonly microphone: boolean;
  readonly camera: boolean;
  readonly state: PeerState;
  /** The same object for as long as they are here. */
  readonly stream: MediaStream;
  readonly audioTrack: MediaStreamTrack | null;
  /** What can be compared with them. */
  readonly verification: Verification | undefined;
  /** What they share of their screen; the same object each time. */
  readonly screen: MediaStream | null;
  /** What there is to know about the connection; the same object for as long as they are here. */
  readonly diagnostics: Diagnostics;
  /** Set while their hand is raised; lower ones were raised earlier. */
  readonly hand: number | undefined;
  /** Whether they say that they record. */
  readonly recording: boolean;
  /** What is wrong with the connection. */
  readonly diagnosis: Diagnosis | null;
}

/** A line of the chat. */
export interface Message {
  readonly id: string;
  /** Its writer's participant identifier; null: the user. */
  readonly from: string | null;
  readonly name: string;
  readonly text: string;
  /** Milliseconds since 1970. */
  readonly time: number;
  /** The line that it answers, which needn't be here. */
  readonly reply: string | null;
  /** Whether it was written while the user was away. */
  readonly missed: boolean;
}

/** Where the user stands with the channel in the address. */
export type Phase = "lobby" | "joining" | "call" | "left";

export const phase = signal<Phase>("lobby");
/** The user's own participant identifier, in a call. */
export const ownId = signal("");
export const participants = signal<readonly Participant[]>([]);
export const messages = signal<readonly Message[]>([]);
/** The user's own messages that everybody who was there has. */
export const delivered = signal<ReadonlySet<string>>(new Set());
export const chatOpen = signal(false);
/** How many messages of others came since the chat was last looked at. */
export const unread = signal(0);
/** Whether the server answers. Calls go on without it. */
export const serverReachable = signal(true);
/** What went wrong with joining or with the call. */
export const failure = signal<TextKey | null>(null);
/** Whether the browser holds the sound back until the user touches something. */
export const soundHeldBack = signal(false);
