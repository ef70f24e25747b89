import { effect, signal, type Signal } from "@preact/signals";
import type { Contact } from "./contacts";
import type { MissedCall } from "./missed";

/** By which transport the relay can be reached. */
export const RELAY_PROTOCOLS = ["auto", "udp", "tcp", "tls"] as const;
export type RelayProtocol = (typeof RELAY_PROTOCOLS)[number];

/** What is remembered on this device. */
interface Settings {
  language: string;
  name: string;
  findable: boolean;
  relayOnly: boolean;
  relayProtocol: RelayProtocol;
  camera: string;
  microphone: string;
  speaker: string;
  keys: boolean;
  verified: readonly Contact[];
  added: readonly Contact[];
  missed: readonly MissedCall[];
}

const defaults: Settings = {
  language: "",
  name: "",
  findable: false,
  relayOnly: false,
  relayProtocol: "auto",
  camera: "",
  microphone: "",
  speaker: "",
  keys: true,
  verified: [],
  added: [],
  missed: [],
};

/** The longest name that the server takes (docs/signaling.md §8). */
export const NAME_LENGTH = 64;

const PREFIX = "peerline.";

/** A value kept in the browser's storage. Where storage is refused, it lives as long as the page. */
function remembered<Key extends keyof Settings>(key: Key): Signal<Settings[Key]> {
  const value = signal(read(key) ?? defaults[key]);
  effect(() => {
    const text = JSON.stringify(value.value);
    try {
      localStorage.setItem(PREFIX + key, text);
    } catch {
      // Private windows and full disks: nothing is remembered, nothing else changes.
    }
  });
  return value;
}

function read<Key extends keyof Settings>(key: Key): Settings[Key] | undefined {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(PREFIX + key) ?? "null");
    return typeof value === typeof defaults[key] ? (value as Settings[Key]) : undefined;
  } catch {
    return undefined;
  }
}

/** The chosen language of the app; empty: the browser's. */
export const language = remembered("language");
/** The user's own name, as typed. */
export const name = remembered("name");
/** Whether the user chose to be found on this server. */
export const findable = remembered("findable");
/** Whether media goes through the relay only. */
export const relayOnly = remembered("relayOnly");
/** By which transport the relay is reached. */
export const relayProtocol = remembered("relayProtocol");
/** The chosen devices' identifiers; empty: the system's default. */
export const camera = remembered("camera");
export const microphone = remembered("microphone");
export const speaker = remembered("speaker");
/** Whether single keys do something in a call. */
export const keysOn = remembered("keys");
/** Those whose words matched. */
export const verified = remembered("verified");
/** Those whom the user added to their contacts without that. */
export const added = remembered("added");
/** The calls that the user didn't take. */
export const missed = remembered("missed");
