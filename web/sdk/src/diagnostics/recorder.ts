import { COUNTERS, type LogEvent, type LoggedCandidate, type LogRecord, withoutAddress } from "./record.js";
import { selectedPair, type Statistics } from "./snapshot.js";

/** Lines that are kept. */
const CAPACITY = 4000;
/** Longer lines are nobody's candidates: the other side may write what it likes. */
const LINE = 512;

/** What the time is, in milliseconds: since 1970, and by a clock that never jumps. */
export interface Clock {
  time(): number;
  elapsed(): number;
}

const CLOCK: Clock = { time: () => Date.now(), elapsed: () => performance.now() };

interface Description {
  readonly type: string;
  readonly sdp: string;
}

/** Keeps the event log of the connections with one participant (`docs/event-log.md`), for `peerline explain`. */
export class Recorder {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #head: LogRecord;
  #records: LogRecord[] = [];
  #dropped = 0;
  #connection = 0;
  #call: string | undefined;
  /** The names of candidates and pairs in this connection. */
  #names = new Map<string, string>();
  #counts = { L: 0, R: 0, P: 0 };
  /** The state of each pair that was written last. */
  #pairs = new Map<string, string>();
  #selected: string | undefined;
  /** The description of each side that was written last, and its ICE user name fragment. */
  #described: { local?: string; remote?: string } = {};
  #ufrags: { local?: string | undefined; remote?: string | undefined } = {};
  #channels = 0;
  #open = false;
  #server = "";

  constructor(agent: string, clock: Clock = CLOCK) {
    this.#clock = clock;
    this.#began = clock.elapsed();
    this.#head = { ...this.#now(), event: "log", format: "peerline-event-log", version: 1, agent };
  }

  /** What both sides call the connection, once both have described themselves. */
  set call(call: string) {
    this.#call = call;
  }

  /** A peer connection begins. */
  begin(participant: string, options: { offers: boolean; relayOnly: boolean; servers: readonly string[] }): void {
    this.#connection += 1;
    this.#call = this.#selected = undefined;
    this.#names.clear();
    this.#pairs.clear();
    this.#counts = { L: 0, R: 0, P: 0 };
    this.#described = {};
    this.#ufrags = {};
    this.#channels = 0;
    this.#open = true;
    this.#write({ event: "connection", participant, ...options });
  }

  /** The connection is over. */
  close(): void {
    if (this.#open) this.#write({ event: "closed" });
    this.#open = false;
  }

  /** How things stand with the server. */
  server(state: "online" | "unreachable"): void {
    if (state === this.#server) return;
    this.#server = state;
    this.#keep({ ...this.#now(), event: "server", state });
  }

  /** What the server says of the other one. */
  participant(participant: string, state: "present" | "away" | "missing"): void {
    this.#keep({ ...this.#now(), event: "participant", participant, state });
  }

  /** A state of the W3C's. */
  state(event: "signaling" | "state" | "gathering" | "ice" | "dtls", state: string): void {
    this.#write({ event, state });
  }

  /** A side's description may have been set. */
  describe(side: "local" | "remote", description: Description | null): void {
    if (description === null) return;
    const { type, sdp } = description;
    const ufrag = /^a=ice-ufrag:(\S+)/m.exec(sdp)?.[1];
    const identity = JSON.stringify([type, /^o=.*/m.exec(sdp)?.[0], ufrag]);
    if (identity === this.#described[side]) return;
    this.#described[side] = identity;
    const candidates = sdp.match(/^a=candidate:/gm)?.length ?? 0;
    this.#write({ event: "description", side, kind: type, ...(ufrag !== undefined && { ufrag }), candidates });
    const before = this.#ufrags[side];
    this.#ufrags[side] = ufrag;
    if (before !== undefined && ufrag !== undefined && before !== ufrag) this.#write({ event: "restart", side });
  }

  /** A candidate of ours. */
  local(candidate: string, { url, relayProtocol }: { url?: string | null | undefined; relayProtocol?: string | null | undefined }): void {
    this.#candidate("local", parse(candidate), { ...(url && { url }), ...(relayProtocol && { relayProtocol }) });
  }

  /** Candidates of the other side's: a line of one, or a description with some. */
  remote(text: string): void {
    for (const line of text.split(/\r?\n/)) this.#candidate("remote", parse(line), {});
  }

  serverFailed(url: string, code: number, local: string): void {
    this.#write({ event: "server-failed", url, local, code });
  }

  /** A data channel opened. Returns its number. */
  channelOpen(label: string): number {
    this.#channels += 1;
    this.#write({ event: "data-channel", channel: this.#channels, label, state: "open" });
    return this.#channels;
  }

  channelClosed(channel: number, label: string): void {
    this.#write({ event: "data-channel", channel, label, state: "closed" });
  }

  /** What the statistics show. A browser tells of its pairs only when it is asked. */
  look(report: Statistics): void {
    if (!this.#open || report.size === 0) return;
    const pairs = [...report.values()].filter(({ type }) => type === "candidate-pair");
    for (const pair of pairs) this.#pair(pair, report);
    const selected = selectedPair(report);
    const name = selected && this.#names.get(`P ${String(selected["id"])}`);
    if (name !== this.#selected) {
      this.#selected = name;
      this.#write({ event: "selected", ...(name !== undefined && { pair: name }) });
    }
    if (pairs.length === 0) return;
    const roundTrip = milliseconds(selected);
    const sum = (counter: string) => pairs.reduce((total, pair) => total + (amount(pair[counter]) ?? 0), 0);
    const sums = Object.fromEntries(COUNTERS.map((counter) => [counter, sum(counter)])) as Record<(typeof COUNTERS)[number], number>;
    this.#write({ event: "statistics", ...(name !== undefined && { pair: name }), ...(roundTrip !== undefined && { roundTrip }), ...sums });
  }

  /** The log as it is a file's content. */
  lines({ addresses = true }: { addresses?: boolean } = {}): string {
    const { time, elapsed } = this.#now();
    const dropped: LogRecord[] = this.#dropped > 0 ? [{ time, elapsed, event: "dropped", records: this.#dropped }] : [];
    const records = [this.#head, ...this.#records, ...dropped];
    return records.map((record) => `${JSON.stringify(addresses ? record : withoutAddress(record))}\n`).join("");
  }

  #pair(pair: Record<string, unknown>, report: Statistics): void {
    const [local, remote] = (["local", "remote"] as const).map((side) =>
      this.#candidate(side, ofStatistics(report.get(String(pair[`${side}CandidateId`])) ?? {}), {}),
    );
    if (local === undefined || remote === undefined) return;
    const name = this.#name("P", String(pair["id"]));
    const state = String(pair["state"]);
    if (this.#pairs.get(name) === state) return;
    this.#pairs.set(name, state);
    const roundTrip = state === "succeeded" ? milliseconds(pair) : undefined;
    this.#write({ event: "pair", pair: name, local, remote, state, ...(roundTrip !== undefined && { roundTrip }) });
  }

  /** Names a candidate; one that is new is written. */
  #candidate(side: "local" | "remote", found: Omit<LoggedCandidate, "candidate"> | undefined, more: Partial<LoggedCandidate>): string | undefined {
    if (found === undefined) return undefined;
    const letter = side === "local" ? "L" : "R";
    // Statistics hide addresses that candidates name, and don't tell fragments everywhere.
    const identity = [found.type, found.protocol, found.port, found.priority].join(" ");
    const known = this.#names.get(`${letter} ${identity}`);
    if (known !== undefined) return known;
    const candidate = this.#name(letter, identity);
    this.#write({ event: `${side}-candidate`, candidate, ...found, ...more });
    return candidate;
  }

  #name(letter: "L" | "R" | "P", identity: string): string {
    const key = `${letter} ${identity}`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    this.#counts[letter] += 1;
    const name = `${letter}${this.#counts[letter]}`;
    this.#names.set(key, name);
    return name;
  }

  #write(event: LogEvent): void {
    const call = this.#call === undefined ? {} : { call: this.#call };
    this.#keep({ ...this.#now(), connection: this.#connection, ...call, ...event });
  }

  /** Counters grow anyway, so the oldest of them go first. */
  #keep(record: LogRecord): void {
    this.#records.push(record);
    if (this.#records.length <= CAPACITY) return;
    const oldest = this.#records.findIndex(({ event }) => event === "statistics");
    this.#records.splice(Math.max(oldest, 0), 1);
    this.#dropped += 1;
  }

  #now(): { time: number; elapsed: number } {
    const tenths = (value: number) => Math.round(value * 10) / 10;
    return { time: tenths(this.#clock.time()), elapsed: tenths(this.#clock.elapsed() - this.#began) };
  }
}

/** Reads a line of `RTCIceCandidate.candidate` (RFC 8839 §5.1); undefined for what is none. */
function parse(line: string): Omit<LoggedCandidate, "candidate"> | undefined {
  if (line.length > LINE) return undefined;
  const [, protocol, priority, address = "", port, type] = /^(?:a=)?candidate:\S+ \d+ (udp|tcp) (\d{1,10}) (\S+) (\d{1,5}) typ (host|srflx|prflx|relay)\b/i.exec(line) ?? [];
  if (protocol === undefined || type === undefined) return undefined;
  const ufrag = / ufrag (\S+)/.exec(line)?.[1];
  const [, relatedAddress, relatedPort] = / raddr (\S+) rport (\d{1,5})\b/.exec(line) ?? [];
  // An address that stands for none.
  const isTold = relatedAddress !== undefined && !/^(0\.0\.0\.0|::)$/.test(relatedAddress);
  return {
    ...{ type: type.toLowerCase(), protocol: protocol.toLowerCase(), address, port: Math.min(Number(port), 0xffff), priority: Math.min(Number(priority), 0xffff_ffff) },
    ...(ufrag !== undefined && { ufrag }),
    ...(isTold && { relatedAddress, relatedPort: Math.min(Number(relatedPort), 0xffff) }),
  };
}

/** Reads a candidate of the statistics; undefined for what is none. */
function ofStatistics(entry: Record<string, unknown>): Omit<LoggedCandidate, "candidate"> | undefined {
  const { candidateType: type, protocol, relayProtocol, address, port, priority, usernameFragment: ufrag, url } = entry;
  if (typeof type !== "string" || typeof protocol !== "string") return undefined;
  return {
    ...{ type, protocol, address: typeof address === "string" ? address : "", port: amount(port) ?? 0, priority: amount(priority) ?? 0 },
    ...(typeof ufrag === "string" && { ufrag }),
    ...(typeof url === "string" && url !== "" && { url }),
    ...(typeof relayProtocol === "string" && relayProtocol !== "" && { relayProtocol }),
  };
}

function milliseconds(pair: Record<string, unknown> | undefined): number | undefined {
  const seconds = amount(pair?.["currentRoundTripTime"]);
  return seconds === undefined ? undefined : Math.round(seconds * 10_000) / 10;
}

function amount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : undefined;
}
