import {
  type Channel,
  type ChannelEvents,
  type ChannelState,
  ChatEvent,
  type ChatMessage,
  type JoinOptions,
  ParticipantEvent,
  ReactionEvent,
} from "./api.js";
import { ChannelCipher } from "./channel-cipher.js";
import { Chat } from "./chat.js";
import { TypedEventTarget } from "./events.js";
import type { ClientFrame, Ice, Member, ServerEvent } from "./frames.js";
import type { IceServers } from "./ice-servers.js";
import type { Identity } from "./identity.js";
import type { Link } from "./link.js";
import type { Message, Profile } from "./messages.js";
import { OutgoingMedia } from "./outgoing-media.js";
import { OutgoingScreen } from "./outgoing-screen.js";
import { type ChannelMessage, type ParticipantEnvironment, RemoteParticipant, type Way } from "./participant.js";
import { receivingLimit, type Reaction, sendingLimit } from "./reactions.js";
import { SentPictures } from "./sent-pictures.js";
import type { Session } from "./session.js";
import { openStore } from "./transfer/open-store.js";
import { OpfsStore } from "./transfer/opfs-store.js";
import { Transfers } from "./transfer/transfers.js";

/** Milliseconds that a participant is kept whom the server doesn't know any more; longer while the connection holds. */
const GRACE = 60_000;
/** The same when the connection broke later than that. */
const LAST_CHANCE = 5_000;
/** Milliseconds until a channel that the server refused to let us back into is tried again. */
const REJOIN = 10_000;

/** What a channel needs of its surroundings. */
export interface ChannelEnvironment {
  readonly session: Session;
  readonly identity: Identity;
  readonly ice: IceServers;
  updateIce(ice: Ice): void;
  left(channel: MeshChannel): void;
}

/** The events of the server that concern one channel. */
export type ChannelServerEvent = Extract<ServerEvent, { channel: string }>;

/** A channel in which each participant is connected to each other. */
export class MeshChannel extends TypedEventTarget<ChannelEvents> implements Channel, ParticipantEnvironment {
  readonly link: Link;
  readonly identifier: string;
  readonly media = new OutgoingMedia();
  readonly outgoingScreen = new OutgoingScreen();
  readonly transfers = new Transfers({ open: openStore, accepted: OpfsStore.accepted }, () => this.participants.values());
  readonly #pictures = new SentPictures(() => this.#participants.values(), () => this.media.lines);
  readonly #cipher: ChannelCipher;
  readonly #environment: ChannelEnvironment;
  readonly #participants = new Map<string, RemoteParticipant>();
  readonly #chat = new Chat((message) => this.dispatchEvent(new ChatEvent(message)));
  readonly #reactionsSent = sendingLimit();
  readonly #reactionsReceived = new WeakMap<RemoteParticipant, ReturnType<typeof receivingLimit>>();
  /** Pages that were loaded again, as the server still has them. Should one come back after all, it is met again. */
  readonly #superseded = new Map<string, { profile: Profile; polite: boolean }>();
  /** When participants whom the server doesn't know any more are let go. */
  readonly #deadlines = new Map<string, { time: number; timer: ReturnType<typeof setTimeout> | undefined }>();
  #state: ChannelState = "reconnecting";
  /** Whether the server ever had us in the channel, and whether it has now. */
  #membership: "none" | "lost" | "held" = "none";
  #name: string;
  #stream: MediaStream | null = null;
  #screen: MediaStream | null = null;
  /** What was asked for, whatever tracks there are; undefined: as the tracks are. */
  #wanted: { audio?: boolean; video?: boolean } = {};
  #hand: number | undefined;
  #recording = false;
  #sealedProfile = "";
  #inbox: Promise<void> = Promise.resolve();
  #outbox: Promise<unknown> = Promise.resolve();

  private constructor(link: Link, identifier: string, key: CryptoKey, name: string, environment: ChannelEnvironment) {
    super();
    this.link = link;
    this.identifier = identifier;
    this.#cipher = new ChannelCipher(key, identifier);
    this.#name = name;
    this.#environment = environment;
  }

  /** Prepares; {@link MeshChannel.join} enters. */
  static async create(link: Link, options: JoinOptions, environment: ChannelEnvironment): Promise<MeshChannel> {
    const [identifier, key] = await Promise.all([link.channel(), link.sealKey()]);
    const channel = new MeshChannel(link, identifier, key, options.name, environment);
    channel.#take(options.stream ?? null);
    return channel;
  }

  get id(): string {
    return this.#environment.session.participant;
  }

  get identity(): Identity {
    return this.#environment.identity;
  }

  get state(): ChannelState {
    return this.#state;
  }

  get name(): string {
    return this.#name;
  }

  get participants(): ReadonlyMap<string, RemoteParticipant> {
    return this.#participants;
  }

  get chat(): readonly ChatMessage[] {
    return this.#chat.messages;
  }

  get stream(): MediaStream | null {
    return this.#stream;
  }

  get screen(): MediaStream | null {
    return this.#screen;
  }

  get microphone(): boolean {
    return isOn(this.media.audio);
  }

  get camera(): boolean {
    return isOn(this.media.video);
  }

  get hand(): number | undefined {
    return this.#hand;
  }

  get recording(): boolean {
    return this.#recording;
  }

  get configuration(): RTCConfiguration {
    return this.#environment.ice.configuration;
  }

  get online(): boolean {
    return this.#environment.session.online && this.#state === "joined";
  }

  get isCertain(): boolean {
    return this.online && this.#environment.session.certain;
  }

  /** Enters the channel, for the first time or again; rejects with the server's refusal. */
  async join(): Promise<void> {
    const { session } = this.#environment;
    this.#sealedProfile ||= await this.#sealProfile();
    session.abandon((frame) => frame.type === "join" && frame.channel === this.identifier);
    const frame = { type: "join", id: session.nextId(), channel: this.identifier, profile: this.#sealedProfile } as const;
    const answer = await session.request(frame);
    if (answer.type !== "joined" || this.#state === "left") return;
    this.#environment.updateIce(answer.ice);
    this.#membership = "held";
    this.#setState("joined");
    await this.#inOrder(() => this.#meet(answer.members, true));
  }

  /** The server forgot us: enters again. The participants stay. */
  rejoin(): void {
    if (this.#membership === "none" || this.#state === "left") return;
    this.#membership = "lost";
    this.join().catch(({ code }: { code?: string }) => {
      // Others may have filled the channel meanwhile. The connections stay, and there may be room later.
      if (code !== "closed") setTimeout(() => this.#membership === "lost" && this.rejoin(), REJOIN);
    });
  }

  /** The connection to the server broke, or is back. */
  connectionChanged(): void {
    if (this.#state === "left") return;
    this.#setState(this.#environment.session.online && this.#membership === "held" ? "joined" : "reconnecting");
    for (const participant of this.#participants.values()) {
      participant.diagnostics.recorder.server(this.online ? "online" : "unreachable");
      if (this.online) participant.reached();
      else participant.suspect();
    }
  }

  /** The server, which was in doubt, has answered. */
  certain(): void {
    for (const participant of this.#participants.values()) participant.certain();
  }

  /** Our network changed. */
  networkChanged(): void {
    for (const participant of this.#participants.values()) participant.networkChanged();
  }

  /** There are new servers or credentials. */
  configure(): void {
    for (const participant of this.#participants.values()) participant.configure();
  }

  /** Takes what the server says about this channel. */
  take(event: ChannelServerEvent): void {
    void this.#inOrder(() => this.#takeEvent(event));
  }

  /** Takes the members as they are now. */
  resync(members: Member[]): void {
    void this.#inOrder(() => this.#meet(members, false));
  }

  async setStream(stream: MediaStream | null): Promise<void> {
    if (this.#state === "left") return;
    this.#take(stream);
    this.#pictures.change();
    this.#publishProfile();
    await Promise.all([...this.#participants.values()].map((participant) => participant.replaceTracks()));
  }

  async setScreen(stream: MediaStream | null): Promise<void> {
    if (this.#state === "left" || stream === this.#screen) return;
    this.#takeScreen(stream);
    this.#publishProfile();
    this.dispatchEvent(new Event("screenchange"));
    await Promise.all([...this.#participants.values()].map((participant) => participant.replaceScreen()));
  }

  setMicrophone(enabled: boolean): void {
    this.#wanted.audio = enabled;
    this.#enableTracks();
    this.#publishProfile();
  }

  setCamera(enabled: boolean): void {
    this.#wanted.video = enabled;
    this.#enableTracks();
    this.#publishProfile();
  }

  setHand(raised: boolean): void {
    if (raised === (this.#hand !== undefined)) return;
    // Counted up rather than taken from a clock: clocks differ from each other.
    const hands = [...this.#participants.values()].map(({ hand }) => hand ?? 0);
    this.#hand = raised ? Math.min(Math.max(0, ...hands) + 1, Number.MAX_SAFE_INTEGER) : undefined;
    this.#publishProfile();
  }

  setRecording(recording: boolean): Promise<void> {
    this.#recording = recording;
    return this.#tellProfile();
  }

  sendReaction(reaction: Reaction): boolean {
    if (this.#state === "left" || !this.#reactionsSent.pass()) return false;
    for (const participant of this.#participants.values())
      // Whoever isn't connected now misses it, and nothing with it.
      if (participant.dataOpen) void participant.send({ kind: "reaction", reaction }, "data").catch(() => undefined);
    return true;
  }

  setName(name: string): void {
    this.#name = name;
    this.#publishProfile();
  }

  sendChat(text: string, reply?: string): Promise<ChatMessage> {
    return this.#chat.send(text, reply, this, this.#participants.values());
  }

  leave(): void {
    if (this.#state === "left") return;
    const { session } = this.#environment;
    session.abandon((frame) => "channel" in frame && frame.channel === this.identifier);
    session.request({ type: "leave", id: session.nextId(), channel: this.identifier }).catch(() => undefined);
    this.end();
  }

  /** Ends without a word to the server: it doesn't have us in the channel, or has been told. */
  end(): void {
    if (this.#state === "left") return;
    this.transfers.close();
    for (const participant of this.#participants.values()) this.#remove(participant, false, true);
    this.#pictures.close();
    this.#take(null);
    this.#takeScreen(null);
    this.#setState("left");
    this.#environment.left(this);
  }

  /** The page goes, perhaps to come back: tells everybody, and ends the connections. */
  hide(): void {
    const { session } = this.#environment;
    session.notify({ type: "leave", id: session.nextId(), channel: this.identifier });
    // What these belong to ends here; repeated on return, they would confuse the connections that begin then.
    session.abandon((frame) => frame.type === "send" && frame.channel === this.identifier);
    for (const participant of this.#participants.values()) this.#remove(participant, false, true);
  }

  /** Seals a message for one participant and hands it to the server. Messages keep their order. */
  send(to: string, message: Message): Promise<void> {
    const sent = this.#outbox.then(async () => {
      const { session } = this.#environment;
      const id = session.nextId();
      const payload = await this.#cipher.seal(message, this.id, to, id);
      // The answer may take long; the next message needn't wait for it.
      return { answer: session.request({ type: "send", id, channel: this.identifier, to, payload }) };
    });
    this.#outbox = sent.catch(() => undefined);
    return sent.then(async ({ answer }) => void (await answer));
  }

  doubt(): void {
    this.#environment.session.doubt();
  }

  /** When the connection to the server was lost the last time, in milliseconds since 1970. */
  get lostAt(): number {
    return this.#environment.session.lostAt;
  }

  report(report: Extract<ClientFrame, { type: "report" }>): void {
    this.#environment.session.notify(report);
  }

  receive(participant: RemoteParticipant, message: ChannelMessage, way: Way): void {
    if (message.kind === "bye") this.#remove(participant, true);
    else if (message.kind === "reaction") this.#react(participant, message.reaction);
    else this.#chat.receive(participant, message, way);
  }

  dataOpen(participant: RemoteParticipant): void {
    this.#chat.dataOpen(participant);
  }

  pictureShown(): void {
    this.#pictures.change();
  }

  proven(participant: RemoteParticipant): void {
    this.#supersede();
    this.#chat.proven(participant);
  }

  statechange(participant: RemoteParticipant): void {
    this.transfers.update();
    this.#supersede();
    const deadline = this.#deadlines.get(participant.id);
    if (!deadline) return;
    deadline.time = Math.max(deadline.time, Date.now() + LAST_CHANCE);
    this.#letGo(participant);
  }

  async #takeEvent(event: ChannelServerEvent): Promise<void> {
    switch (event.type) {
      case "arrived":
        return this.#meetOne(event.member, false);
      case "message": {
        const message = await this.#cipher.open(event, this.id);
        if (message) this.#participants.get(event.from)?.receive(message);
        return;
      }
      case "profile": {
        const profile = await this.#cipher.openProfile(event.participant, event.profile);
        if (profile) this.#participants.get(event.participant)?.setProfile(profile);
        return;
      }
      case "state": {
        const old = this.#superseded.get(event.participant);
        if (old && event.state === "present") this.#add(event.participant, old.profile, old.polite, false);
        else this.#participants.get(event.participant)?.setPresence(event.state);
        return;
      }
      case "left": {
        this.#superseded.delete(event.participant);
        const participant = this.#participants.get(event.participant);
        if (!participant) return;
        if (event.reason === "left") this.#remove(participant, true);
        else this.#miss(participant, 0);
      }
    }
  }

  /** Takes the server's list of the other members. Those who are not in it are kept for a while: the server may have restarted. */
  async #meet(members: Member[], offers: boolean): Promise<void> {
    const present = new Set(members.map(({ participant }) => participant));
    for (const participant of this.#participants.values()) if (!present.has(participant.id)) this.#miss(participant, GRACE);
    for (const member of members) await this.#meetOne(member, offers);
  }

  /** @param offers - whether we came later, and so make the first offer */
  async #meetOne(member: Member, offers: boolean): Promise<void> {
    const profile = await this.#cipher.openProfile(member.participant, member.profile);
    // Whoever cannot seal a profile does not have the link.
    if (!profile || this.#state === "left" || member.participant === this.id) return;
    const known = this.#participants.get(member.participant);
    if (known) {
      this.#keep(known);
      known.setProfile(profile);
      known.setPresence(member.state);
      known.reached();
      return;
    }
    const { polite } = member;
    const isAway = member.state === "away";
    if (isAway && (this.#superseded.has(member.participant) || profile.identity === this.identity.publicKey)) {
      this.#superseded.set(member.participant, { profile, polite });
      return;
    }
    const participant = this.#add(member.participant, profile, polite, offers);
    if (isAway) participant.setPresence("away");
  }

  #add(id: string, profile: Profile, polite: boolean, offers: boolean): RemoteParticipant {
    this.#superseded.delete(id);
    const participant = new RemoteParticipant({ id, profile, polite, offers }, this);
    this.#participants.set(id, participant);
    this.#pictures.change();
    this.dispatchEvent(new ParticipantEvent("participantjoin", participant));
    return participant;
  }

  /**
   * Lets those go who are away, where they are oneself before the page was loaded again, or somebody who is here anew:
   * a browser may end a page before it could say goodbye.
   */
  #supersede(): void {
    for (const old of this.#participants.values()) {
      // As long as the connection holds, the page is there.
      if (old.present || old.connected) continue;
      if (!this.#others(old).some(({ connected }) => connected) && old.identity !== this.identity.publicKey) continue;
      this.#superseded.set(old.id, { profile: old.profile, polite: old.polite });
      this.#remove(old, false);
    }
  }

  /** Who has shown the same identity as this participant, in the order in which they came. */
  #others(participant: RemoteParticipant): RemoteParticipant[] {
    const owner = participant.provenIdentity;
    if (owner === undefined) return [];
    return [...this.#participants.values()].filter((other) => other !== participant && other.provenIdentity === owner);
  }

  /** The server doesn't know this participant any more. */
  #miss(participant: RemoteParticipant, grace: number): void {
    if (!this.#deadlines.has(participant.id) || grace === 0) {
      this.#keep(participant);
      this.#deadlines.set(participant.id, { time: Date.now() + grace, timer: undefined });
    }
    participant.setPresence("missing");
    this.#letGo(participant);
  }

  #keep(participant: RemoteParticipant): void {
    clearTimeout(this.#deadlines.get(participant.id)?.timer);
    this.#deadlines.delete(participant.id);
  }

  /** Removes a missing participant when its time is over, unless the connection holds. */
  #letGo(participant: RemoteParticipant): void {
    const deadline = this.#deadlines.get(participant.id);
    if (!deadline) return;
    clearTimeout(deadline.timer);
    if (participant.connected) return;
    const wait = deadline.time - Date.now();
    if (wait <= 0) this.#remove(participant, false);
    else deadline.timer = setTimeout(() => this.#letGo(participant), wait);
  }

  /**
   * @param onPurpose - whether it said that it goes
   * @param bye - whether to tell it that the connection ends
   */
  #remove(participant: RemoteParticipant, onPurpose: boolean, bye = false): void {
    this.#keep(participant);
    const order = [...this.#participants.keys()];
    if (!this.#participants.delete(participant.id)) return;
    participant.close(bye);
    this.#pictures.change();
    this.#chat.left(participant, onPurpose);
    // The page that takes its place may have shown that before anybody knew that the old one was gone.
    const anew = this.#others(participant).find(({ id, connected }) => connected && order.indexOf(id) > order.indexOf(participant.id));
    if (anew && !onPurpose && !bye) this.#chat.proven(anew);
    this.dispatchEvent(new ParticipantEvent("participantleave", participant));
  }

  #react(participant: RemoteParticipant, reaction: Reaction): void {
    const limit = this.#reactionsReceived.get(participant) ?? receivingLimit();
    this.#reactionsReceived.set(participant, limit);
    if (limit.pass()) this.dispatchEvent(new ReactionEvent(participant, reaction));
  }

  #take(stream: MediaStream | null): void {
    for (const track of [this.media.audio, this.media.video]) track?.removeEventListener("ended", this.#publishProfile);
    this.#stream = stream;
    this.media.take(stream);
    for (const track of [this.media.audio, this.media.video]) track?.addEventListener("ended", this.#publishProfile);
    this.#enableTracks();
  }

  #takeScreen(stream: MediaStream | null): void {
    const { outgoingScreen } = this;
    outgoingScreen.video?.removeEventListener("ended", this.#screenEnded);
    outgoingScreen.take(stream);
    // Without a picture there is nothing to share.
    this.#screen = outgoingScreen.video && stream;
    outgoingScreen.video?.addEventListener("ended", this.#screenEnded);
  }

  /** By the browser's own control, or because the shared window closed. */
  readonly #screenEnded = (): void => void this.setScreen(null);

  #enableTracks(): void {
    const { audio, video } = this.media;
    if (audio) audio.enabled = this.#wanted.audio ?? audio.enabled;
    if (video) video.enabled = this.#wanted.video ?? video.enabled;
  }

  readonly #publishProfile = (): void => {
    // A refusal means that we are not in the channel; joining brings the profile along.
    if (this.#state !== "left") this.#tellProfile().catch(() => undefined);
  };

  /** Resolves when the server has it for everybody. */
  #tellProfile(): Promise<void> {
    const told = this.#outbox.then(async () => {
      const { session } = this.#environment;
      this.#sealedProfile = await this.#sealProfile();
      const frame = { type: "profile", id: session.nextId(), channel: this.identifier, profile: this.#sealedProfile } as const;
      return { answer: session.request(frame) };
    });
    this.#outbox = told.catch(() => undefined);
    return told.then(async ({ answer }) => void (await answer));
  }

  #sealProfile(): Promise<string> {
    const profile: Profile = {
      kind: "profile",
      name: this.#name,
      identity: this.identity.publicKey,
      microphone: this.microphone,
      camera: this.camera,
      screen: this.#screen !== null,
      ...(this.#hand !== undefined && { hand: this.#hand }),
      ...(this.#recording && { recording: true }),
    };
    return this.#cipher.sealProfile(profile, this.id);
  }

  /** What the server says is taken in its order, although opening takes time. */
  #inOrder(take: () => Promise<void>): Promise<void> {
    const taken = this.#inbox.then(() => (this.#state === "left" ? undefined : take()));
    this.#inbox = taken.catch(() => undefined);
    return taken;
  }

  #setState(state: ChannelState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new Event("statechange"));
  }
}

function isOn(track: MediaStreamTrack | null): boolean {
  return track !== null && track.readyState === "live" && track.enabled;
}
