/** What a page and the app in a frame of it say to each other, over a port that the page hands in. */

/** How the page begins: `{ peerline: "embed", name }`, with a port, to the window of the frame. */
export interface EmbedBegin {
  readonly peerline: "embed";
  /** The name that the lobby proposes; empty: the one that it remembers. */
  readonly name: string;
}

/** What the app says: at first where it stands, and then what changes. */
export interface EmbedState {
  readonly phase: "lobby" | "joining" | "call" | "left";
  /** How many others are in the call. */
  readonly others: number;
}

/** What the page may ask for. */
export type EmbedCommand = "leave";

/** @returns the page's beginning, or undefined if that is something else */
export function asEmbedBegin(data: unknown): EmbedBegin | undefined {
  if (typeof data !== "object" || data === null || !("peerline" in data) || data.peerline !== "embed") return undefined;
  const name = "name" in data && typeof data.name === "string" ? data.name : "";
  return { peerline: "embed", name };
}

/** @returns the app's state, or undefined if that is something else */
export function asEmbedState(data: unknown): EmbedState | undefined {
  if (typeof data !== "object" || data === null || !("phase" in data) || !("others" in data)) return undefined;
  const { phase, others } = data;
  if (typeof others !== "number") return undefined;
  return phase === "lobby" || phase === "joining" || phase === "call" || phase === "left" ? { phase, others } : undefined;
}
