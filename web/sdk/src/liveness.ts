import { type Statistics, selectedPair } from "./diagnostics/snapshot.js";

/** Milliseconds between two looks, and while media come. */
const STEP = 250;
const CALM = 2 * STEP;
/** Milliseconds that probes may be without an answer; of a longer round trip, so many of them. Each alarm that was false doubles it. */
const PATIENCE = 1000;
const ROUND_TRIPS = 3;
const LONGEST = 4000;
/** Probes that have to be without an answer, however long ago they were sent. */
const PROBES = 3;
/** The same while there is a suspicion, how often it is looked then, and for how long. */
const HURRY = 300;
const HURRIED_STEP = 100;
const SUSPICION = 2000;
/** Milliseconds for which there is no judgement when a new path is being looked for. */
const SEARCH = 2000;

/** What grows or changes in a pair's statistics with everything that arrives (W3C webrtc-stats §8.16). */
const SIGNS = ["packetsReceived", "bytesReceived", "requestsReceived", "responsesReceived", "lastPacketReceivedTimestamp"];

export interface LivenessActions {
  /** Whether media came since it was asked last. */
  media(): boolean;
  statistics(): Promise<Statistics>;
  /** Sends something that the other side's transport acknowledges; false if it can't. */
  probe(): boolean;
  /** The answer is late: it may be our whole network. */
  doubt(): void;
  /** Nothing comes any more: a new path is needed. */
  silent(): void;
  /** After that, something comes again by the path that is now sent by: what was sent meanwhile is lost. */
  back(): void;
}

/**
 * Notices that nothing comes over a connection any more, seconds before the browser says so. Where media flow, their coming is enough.
 * Else it is looked whether anything came, and what is quiet is asked for a sign of life: the other side's transport acknowledges it, however busy
 * its page is. Only time for which we really listened counts: not a sleep, nor what a slow machine kept us waiting.
 */
export class Liveness {
  readonly #actions: LivenessActions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts runs: a look of an earlier one has nothing to say. */
  #run = 0;
  #looked = 0;
  #signs = "";
  #data = 0;
  #pair: unknown;
  /** Whether media flowed at the last look. */
  #flowed = false;
  /** Probes since something came last, and for how many milliseconds the first has no answer. */
  #probes = 0;
  #quiet = 0;
  #doubted = false;
  /** The pair that fell silent; undefined while all is well. */
  #alarmed: { pair: unknown } | undefined;
  /** Whether nothing has come by the path that is sent by since an alarm, here or on the other side. */
  #cutOff = false;
  #falseAlarms = 0;
  #roundTrip = 0;
  #judgesFrom = 0;
  #suspectedUntil = 0;
  #heardAt = 0;

  constructor(actions: LivenessActions) {
    this.#actions = actions;
  }

  /** Whether something is awaited that might be late. */
  get quiet(): boolean {
    return this.#probes > 0 || this.#alarmed !== undefined;
  }

  /** When it was seen last that something had come, in milliseconds since 1970; 0: never. */
  get heardAt(): number {
    return this.#heardAt;
  }

  /** There is another reason to believe that the path is gone: it is looked at once, and for a while less is waited for. */
  suspect(): void {
    if (this.#timer === undefined) return;
    this.#suspectedUntil = Date.now() + SUSPICION;
    // The answer is late already, and this is the answer to the doubt.
    if (this.#doubted) this.#quiet = Math.max(this.#quiet, this.#patience);
    // A look that is under way would be followed by others beside this one.
    this.#run += 1;
    clearTimeout(this.#timer);
    this.#schedule(0);
  }

  /** The connection holds, as far as the browser knows. */
  start(): void {
    if (this.#timer !== undefined) return;
    this.#run += 1;
    this.#alarmed = undefined;
    this.#hear();
    this.#looked = this.#heardAt = Date.now();
    this.#schedule(STEP);
  }

  stop(): void {
    this.#run += 1;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A new path is being looked for: that takes a while. */
  search(): void {
    this.#cutOff ||= this.quiet;
    this.#judgesFrom = Date.now() + SEARCH;
    this.#hear();
  }

  get #isHurried(): boolean {
    return Date.now() < this.#suspectedUntil;
  }

  get #patience(): number {
    const least = this.#isHurried ? HURRY : PATIENCE;
    return Math.min(Math.max(least, ROUND_TRIPS * this.#roundTrip) * 2 ** this.#falseAlarms, LONGEST);
  }

  #schedule(wait: number): void {
    const run = this.#run;
    this.#timer = setTimeout(() => {
      if (this.#actions.media() && !this.#alarmed && !this.#cutOff) {
        this.#looked = this.#heardAt = Date.now();
        this.#flowed = true;
        this.#hear();
        this.#schedule(this.#isHurried ? HURRIED_STEP : CALM);
      } else void this.#look(run).finally(() => run === this.#run && this.#schedule(this.#isHurried ? HURRIED_STEP : STEP));
    }, wait);
  }

  async #look(run: number): Promise<void> {
    // A connection that was closed in this moment has no statistics.
    const report = await this.#actions.statistics().catch((): Statistics => new Map());
    if (run !== this.#run) return;
    const now = Date.now();
    const listened = Math.min(Math.max(now - this.#looked, 0), 2 * STEP);
    this.#looked = now;
    const pair = selectedPair(report);
    const signs = JSON.stringify([pair?.["id"], ...SIGNS.map((name) => pair?.[name])]);
    const [isHere, data] = [signs !== this.#signs, dataOf(report)];
    if (!isHere && data === this.#data && pair !== undefined) return this.#miss(listened, now);
    this.#signs = signs;
    this.#data = data;
    this.#heardAt = now;
    this.#pair = pair?.["id"];
    const { currentRoundTripTime: seconds } = pair ?? {};
    if (typeof seconds === "number") this.#roundTrip = seconds * 1000;
    if (pair) this.#judge();
    this.#hear();
    if (pair && isHere && this.#cutOff) {
      this.#cutOff = false;
      this.#actions.back();
    }
    // Media that flowed until now stopped: these signs are older, and nothing is known before the next look but by asking.
    if (this.#flowed) this.#miss(0, now);
    this.#flowed = false;
  }

  /** Something came. */
  #hear(): void {
    this.#probes = this.#quiet = 0;
    this.#doubted = false;
  }

  /** If it came by the pair that was thought to be gone, that was only slow. */
  #judge(): void {
    if (!this.#alarmed) return;
    this.#falseAlarms = this.#alarmed.pair === this.#pair ? this.#falseAlarms + 1 : 0;
    this.#alarmed = undefined;
  }

  /** Nothing came since the last look. */
  #miss(listened: number, now: number): void {
    if (now < this.#judgesFrom) return;
    if (this.#alarmed) return this.#wait(listened);
    if (this.#probes > 0) this.#quiet += listened;
    if (this.#probes >= PROBES && this.#quiet >= this.#patience) {
      this.#alarmed = { pair: this.#pair };
      this.#quiet = 0;
      this.#cutOff = true;
      this.#actions.silent();
      return;
    }
    if (!this.#actions.probe()) return this.#hear();
    this.#probes += 1;
    if (this.#doubted || this.#quiet < this.#patience / 2) return;
    this.#doubted = true;
    this.#actions.doubt();
  }

  /** A new path has been asked for, and doesn't come about: our network may have changed once more. */
  #wait(listened: number): void {
    this.#quiet += listened;
    if (this.#quiet < this.#patience) return;
    this.#quiet = 0;
    this.#actions.doubt();
  }
}

/** Bytes that came by any pair, checks aside: the other side may send by another one than the browser does. */
function dataOf(report: Statistics): number {
  const received = [...report.values()].filter(({ type }) => type === "candidate-pair").map(({ bytesReceived }) => Number(bytesReceived ?? 0));
  return received.reduce((sum, bytes) => sum + bytes, 0);
}
