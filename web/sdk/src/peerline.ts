import {
  type Channel,
  type ConnectionState,
  type Found,
  InvitationEvent,
  type JoinOptions,
  type OutgoingInvitation,
  type PeerlineEvents,
  PeerlineError,
  type PeerlineOptions,
  type Person,
  type Presence,
} from "./api.js";
import type { MeshChannel } from "./channel.js";
import { Discovery } from "./discovery.js";
import { TypedEventTarget } from "./events.js";
import type { Ice, ServerEvent } from "./frames.js";
import { IceServers } from "./ice-servers.js";
import { Identity } from "./identity.js";
import { Link } from "./link.js";
import { watchPage } from "./page.js";
import { Session } from "./session.js";
import { webSocket } from "./transport.js";

/** Milliseconds until what only a channel needs is asked for again where it didn't come. */
const AGAIN = 2000;

/** Whoever is not in a channel, but is found and rung, needs none of it. It waits for as long as the server is away. */
async function loadChannel(signal?: AbortSignal): Promise<typeof import("./channel.js")> {
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await import("./channel.js");
    } catch {
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
    }
  }
}

/** A connection to a Peerline server. It is made when it is first needed, and made again whenever it breaks. */
export class Peerline extends TypedEventTarget<PeerlineEvents> {
  /** The server's address. */
  readonly server: URL;
  readonly #session: Session;
  readonly #ice: IceServers;
  readonly #discovery: Discovery;
  readonly #channels = new Map<string, MeshChannel>();
  #identity: Promise<Identity> | undefined;
  #unwatchPage: (() => void) | undefined;

  constructor(options: PeerlineOptions = {}) {
    super();
    this.server = new URL(options.server ?? new URL("/", import.meta.url));
    const session = new Session(webSocket(this.server), {
      statechange: () => this.#connectionChanged(),
      event: (event) => this.#take(event),
      reset: () => this.#reset(),
      fenced: () => this.close(),
      certain: () => {
        for (const channel of this.#channels.values()) channel.certain();
      },
    });
    this.#session = session;
    this.#ice = new IceServers({
      iceTransportPolicy: options.iceTransportPolicy ?? "all",
      relayProtocols: options.relayProtocols,
      refresh: () => void this.#refreshIce().catch(() => undefined),
    });
    this.#discovery = new Discovery({
      session,
      identity: () => this.#loadIdentity(),
      invited: (invitation) => this.dispatchEvent(new InvitationEvent(invitation)),
    });
  }

  get state(): ConnectionState {
    return this.#session.state;
  }

  /** One's own participant identifier; undefined before {@link Peerline.connect}. */
  get id(): string | undefined {
    return this.#session.participant || undefined;
  }

  /** Connects before it is needed, so that the first `join` is quicker. Resolves when {@link Peerline.id} is known. */
  async connect(): Promise<void> {
    this.#unwatchPage ??= watchPage({
      wake: () => this.#session.wake(),
      networkchange: () => {
        this.#session.networkChanged();
        for (const channel of this.#channels.values()) channel.networkChanged();
      },
      hide: () => this.#hide(),
      show: () => void this.#session.open(),
    });
    await this.#session.open();
  }

  /** Loads what only a channel needs, so that the first `join` is quicker. */
  async prepare(): Promise<void> {
    await loadChannel();
  }

  /**
   * Enters a channel and connects to everybody in it.
   *
   * @throws PeerlineError if the server refuses, with `code` `channel_full` for example, or `already_joined`
   * @throws the reason of `options.signal` when that was aborted
   */
  async join(link: Link | string, options: JoinOptions): Promise<Channel> {
    const [{ MeshChannel }, identity] = await Promise.all([loadChannel(options.signal), this.#loadIdentity(), this.connect()]);
    const channel = await MeshChannel.create(typeof link === "string" ? Link.parse(link) : link, options, {
      session: this.#session,
      identity,
      ice: this.#ice,
      updateIce: (ice) => this.#updateIce(ice),
      left: (left) => {
        if (this.#channels.get(left.identifier) === left) this.#channels.delete(left.identifier);
      },
    });
    const { signal } = options;
    const leave = () => channel.leave();
    try {
      signal?.throwIfAborted();
      if (this.#channels.has(channel.identifier))
        throw new PeerlineError("already_joined", "This channel has been joined already.");
      this.#channels.set(channel.identifier, channel);
      signal?.addEventListener("abort", leave);
      await channel.join();
      signal?.throwIfAborted();
      return channel;
    } catch (error) {
      channel.end();
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Makes oneself findable by name; again to change name or presence. It lasts until {@link Peerline.unannounce}. */
  async announce({ name, presence = "online" }: { name: string; presence?: Presence }): Promise<void> {
    await this.connect();
    await this.#discovery.announce(name, presence);
  }

  async unannounce(): Promise<void> {
    await this.connect();
    await this.#discovery.unannounce();
  }

  /** The people who are findable and whose name begins with `prefix`. */
  async find(prefix = ""): Promise<Found> {
    await this.connect();
    return this.#discovery.find(prefix);
  }

  /**
   * Rings somebody.
   *
   * @param options.name - the name that the other side sees
   * @param options.timeout - seconds, 5 to 120; default 30
   */
  invite(person: Person, link: Link, { name, timeout }: { name: string; timeout?: number }): OutgoingInvitation {
    void this.connect();
    return this.#discovery.invite(person, link, name, timeout);
  }

  /** Leaves every channel, is not findable any more, and ends the connection. */
  close(): void {
    for (const channel of this.#channels.values()) channel.leave();
    this.#unwatchPage?.();
    this.#unwatchPage = undefined;
    this.#ice.close();
    this.#discovery.close();
    this.#session.close();
  }

  /** The page goes: the others hear it at once. If it comes back from the browser's cache, it enters again. */
  #hide(): void {
    for (const channel of this.#channels.values()) channel.hide();
    this.#discovery.hide();
    this.#session.suspend();
  }

  #loadIdentity(): Promise<Identity> {
    return (this.#identity ??= Identity.load());
  }

  #connectionChanged(): void {
    for (const channel of this.#channels.values()) channel.connectionChanged();
    this.dispatchEvent(new Event("statechange"));
  }

  #reset(): void {
    for (const channel of this.#channels.values()) channel.rejoin();
    this.#discovery.reset();
  }

  #take(event: ServerEvent): void {
    if (event.type === "ice") this.#updateIce(event);
    else if (event.type === "resync")
      for (const { channel, members } of event.channels) this.#channels.get(channel)?.resync(members);
    else if (event.type === "invitation" || event.type === "invitation_ended") void this.#discovery.take(event);
    else if (event.type !== "drain") this.#channels.get(event.channel)?.take(event);
  }

  #updateIce(ice: Ice): void {
    this.#ice.update(ice);
    for (const channel of this.#channels.values()) channel.configure();
  }

  async #refreshIce(): Promise<void> {
    if (this.#channels.size === 0) return;
    const answer = await this.#session.request({ type: "ice", id: this.#session.nextId() });
    if (answer.type === "ice") this.#updateIce(answer);
  }
}
