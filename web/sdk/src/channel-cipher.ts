import type { ServerEvent } from "./frames.js";
import { type Message, parseMessage, parseProfile, type Profile } from "./messages.js";
import { ReplayWindow } from "./replay-window.js";
import { open, seal } from "./sealing.js";

/** Seals what one says in a channel, opens what the others say, and refuses what was said before. */
export class ChannelCipher {
  readonly #key: CryptoKey;
  readonly #channel: string;
  readonly #windows = new Map<string, ReplayWindow>();

  constructor(key: CryptoKey, channel: string) {
    this.#key = key;
    this.#channel = channel;
  }

  /** @param message - to `receiver`, in the frame `id` */
  seal(message: Message, sender: string, receiver: string, id: number): Promise<string> {
    return seal(this.#key, { channel: this.#channel, sender, receiver, id }, JSON.stringify(message));
  }

  /** @returns undefined for what was not sealed for us, comes again, or is of an unknown kind */
  async open({ from, to, id, payload }: Extract<ServerEvent, { type: "message" }>, own: string): Promise<Message | undefined> {
    const window = this.#windows.get(from) ?? new ReplayWindow();
    if (!window.accepts(id)) return undefined;
    const context = { channel: this.#channel, sender: from, receiver: to === undefined ? "*" : own, id };
    const plaintext = await open(this.#key, context, payload);
    if (plaintext === undefined) return undefined;
    window.add(id);
    this.#windows.set(from, window);
    return parseMessage(plaintext);
  }

  sealProfile(profile: Profile, sender: string): Promise<string> {
    return seal(this.#key, this.#profileContext(sender), JSON.stringify(profile));
  }

  async openProfile(sender: string, sealed: string): Promise<Profile | undefined> {
    const plaintext = await open(this.#key, this.#profileContext(sender), sealed);
    return plaintext === undefined ? undefined : parseProfile(plaintext);
  }

  #profileContext(sender: string) {
    return { channel: this.#channel, sender, receiver: "*", id: "profile" } as const;
  }
}
