import type { ParticipantState } from "../api.js";
import { TypedEventTarget } from "../events.js";
import { type Diagnosis, diagnoseDegradation, diagnoseFailure } from "./diagnosis.js";
import { type ConnectionEvent, type ConnectionIncident, EventLog } from "./event-log.js";
import { type Evidence, evidenceOf } from "./evidence.js";
import { Recorder } from "./recorder.js";
import { type ConnectionReport, withoutAddresses } from "./report.js";
import { type Route, routeOf } from "./route.js";
import { type ConnectionSample, sampleOf } from "./sample.js";
import { type ConnectionSnapshot, snapshotOf, type Statistics } from "./snapshot.js";

/** Milliseconds between two looks: while somebody watches, and while nobody does. */
const WATCHED = 1_000;
const UNWATCHED = 5_000;
/** Samples that are kept: an hour of a call that nobody watches, twelve minutes of one that somebody does. */
const CAPACITY = 720;
/** Samples that a report carries. */
const REPORTED = 300;

/** Who writes the event log, before the browser's own name. */
const AGENT = "peerline-sdk/0.1";

/** Events of {@link Diagnostics}. */
export interface DiagnosticsEvents {
  /** There is a new sample; `snapshot`, `samples`, `events` and `route` are as they are now. */
  sample: Event;
  /** `diagnosis` changed. */
  diagnosis: Event;
}

/** What there is to know about the connection with a participant. */
export interface Diagnostics extends TypedEventTarget<DiagnosticsEvents> {
  /** The latest look at the statistics. */
  readonly snapshot: ConnectionSnapshot | undefined;
  /** The way that the connection takes, while it holds. */
  readonly route: Route | undefined;
  /** The latest 720, oldest first. */
  readonly samples: readonly ConnectionSample[];
  /** The latest 400, oldest first, also of connections that were replaced. */
  readonly events: readonly ConnectionEvent[];
  /** Why the connection fails or is bad; undefined while nothing is wrong, or it isn't known yet. */
  readonly diagnosis: Diagnosis | undefined;
  /** Looks once a second instead of every five, until the returned function is called. */
  watch(): () => void;
  /** Everything of the above, for somebody else to read. It holds no secret, no name and no link. */
  report(options?: { addresses?: boolean }): ConnectionReport;
  /** What happened as JSON lines, the same that native peers write: `peerline explain` puts both sides' together. */
  eventLog(options?: { addresses?: boolean }): string;
}

/** How things stand, besides the statistics. */
export interface Situation extends Pick<Evidence, "presence" | "relayOnly" | "relays"> {
  readonly state: ParticipantState;
  readonly servers: readonly string[];
}

export class ConnectionDiagnostics extends TypedEventTarget<DiagnosticsEvents> implements Diagnostics {
  readonly #statistics: () => Promise<Statistics>;
  readonly #situation: () => Situation;
  readonly #log = new EventLog();
  readonly recorder = new Recorder(`${AGENT} ${globalThis.navigator?.userAgent ?? ""}`.trim());
  #call: string | undefined;
  readonly #samples: ConnectionSample[] = [];
  #snapshot: ConnectionSnapshot | undefined;
  #route: Route | undefined;
  #diagnosis: Diagnosis | undefined;
  #watchers = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(statistics: () => Promise<Statistics>, situation: () => Situation) {
    super();
    this.#statistics = statistics;
    this.#situation = situation;
    this.#schedule();
  }

  get snapshot(): ConnectionSnapshot | undefined {
    return this.#snapshot;
  }

  get route(): Route | undefined {
    return this.#route;
  }

  get samples(): readonly ConnectionSample[] {
    return this.#samples;
  }

  get events(): readonly ConnectionEvent[] {
    return this.#log.events;
  }

  get diagnosis(): Diagnosis | undefined {
    return this.#diagnosis;
  }

  /** What both sides call the connection, once both have described themselves; undefined again for a new one. */
  set call(call: string | undefined) {
    this.#call = call;
    if (call !== undefined) this.recorder.call = call;
  }

  watch(): () => void {
    this.#watchers += 1;
    void this.#look();
    let ended = false;
    return () => {
      if (!ended) this.#watchers -= 1;
      ended = true;
    };
  }

  report({ addresses = true }: { addresses?: boolean } = {}): ConnectionReport {
    const { state, relayOnly, servers } = this.#situation();
    const report: ConnectionReport = {
      format: "peerline-connection-report",
      version: 1,
      created: new Date().toISOString(),
      browser: globalThis.navigator?.userAgent ?? "",
      state,
      relayOnly,
      servers,
      ...(this.#call && { call: this.#call }),
      ...(this.#route && { route: this.#route }),
      ...(this.#diagnosis && { diagnosis: this.#diagnosis }),
      ...(this.#snapshot && { snapshot: this.#snapshot }),
      samples: this.#samples.slice(-REPORTED),
      events: [...this.events],
    };
    return addresses ? report : withoutAddresses(report);
  }

  eventLog(options?: { addresses?: boolean }): string {
    return this.recorder.lines(options);
  }

  log(incident: ConnectionIncident): void {
    this.#log.add(incident);
  }

  /** The participant's state changed. */
  update(): void {
    this.#diagnose();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#look(), this.#watchers > 0 ? WATCHED : UNWATCHED);
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    // A connection that was closed in this moment has no statistics.
    const report = await this.#statistics().catch((): Statistics => new Map());
    if (this.#closed) return;
    this.recorder.look(report);
    this.#take(snapshotOf(report, Date.now()));
    this.#schedule();
  }

  #take(snapshot: ConnectionSnapshot): void {
    const { state, relayOnly } = this.#situation();
    const before = this.#snapshot;
    this.#snapshot = snapshot;
    this.#route = state === "connected" ? routeOf(snapshot, relayOnly) : undefined;
    if (state === "connected") {
      this.#samples.push(sampleOf(snapshot, before));
      if (this.#samples.length > CAPACITY) this.#samples.shift();
    }
    this.#diagnose();
    this.dispatchEvent(new Event("sample"));
  }

  #diagnose(): void {
    const diagnosis = this.#currentDiagnosis();
    const changed = JSON.stringify(diagnosis) !== JSON.stringify(this.#diagnosis);
    this.#diagnosis = diagnosis;
    if (changed) this.dispatchEvent(new Event("diagnosis"));
  }

  #currentDiagnosis(): Diagnosis | undefined {
    const { state, ...situation } = this.#situation();
    // While the first attempts run it is too early to say.
    if (state === "connecting") return undefined;
    if (state === "connected") return this.#snapshot && diagnoseDegradation(this.#samples, this.#snapshot);
    return diagnoseFailure({ ...situation, ...evidenceOf(this.events) });
  }
}
