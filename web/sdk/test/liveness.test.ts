import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Statistics } from "../src/diagnostics/snapshot.js";
import { Liveness } from "../src/liveness.js";
import { pass, stopTime } from "./fakes/time.js";

const HOUR = 3_600_000;

/** A connection on which nothing comes by itself. */
class Line {
  packetsReceived = 0;
  /** Bytes by a pair that isn't the selected one. */
  elsewhere = 0;
  pair = "P1";
  /** Milliseconds until a probe is acknowledged. */
  roundTrip = 50;
  /** Whether the browser tells the round trip. */
  isMeasured = false;
  loses: () => boolean = () => false;
  hasData = true;
  media = 0;
  looks = 0;
  /** Milliseconds that a look takes. */
  lookTime = 0;
  /** What happened, with the milliseconds since the test began. */
  readonly told: [string, number][] = [];
  readonly #began = Date.now();
  #seen = 0;

  readonly liveness = new Liveness({
    media: () => {
      const came = this.media > this.#seen;
      this.#seen = this.media;
      return came;
    },
    statistics: async () => {
      if (this.lookTime > 0) await new Promise((resolve) => setTimeout(resolve, this.lookTime));
      return this.#statistics();
    },
    probe: () => this.#probe(),
    doubt: () => this.#tell("doubt"),
    silent: () => this.#tell("silent"),
    back: () => this.#tell("back"),
  });

  get alarms(): number {
    return this.told.filter(([what]) => what === "silent").length;
  }

  #tell(what: string): void {
    this.told.push([what, Date.now() - this.#began]);
  }

  #probe(): boolean {
    if (this.hasData && !this.loses()) setTimeout(() => (this.packetsReceived += 1), this.roundTrip);
    return this.hasData;
  }

  #statistics(): Statistics {
    this.looks += 1;
    const { packetsReceived, pair: id, roundTrip } = this;
    return new Map<string, Record<string, unknown>>([
      ["T", { type: "transport", selectedCandidatePairId: id }],
      ["P0", { type: "candidate-pair", id: "P0", bytesReceived: this.elsewhere }],
      [id, { type: "candidate-pair", id, packetsReceived, ...(this.isMeasured && { currentRoundTripTime: roundTrip / 1000 }) }],
    ]);
  }
}

/** The same numbers in each run. */
function random(): () => number {
  let state = 1;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

describe("liveness", () => {
  let line: Line;

  beforeEach(() => {
    stopTime();
    line = new Line();
    line.liveness.start();
  });

  afterEach(() => {
    line.liveness.stop();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("says within a second and a half that nothing comes any more, and doubts the network before", async () => {
    await pass(10_000, 50);
    expect(line.told).toEqual([]);
    line.loses = () => true;
    await pass(10_000, 50);
    const [doubt, silent, ...later] = line.told;
    expect([doubt?.[0], silent?.[0]]).toEqual(["doubt", "silent"]);
    expect(later.every(([what]) => what === "doubt")).toBe(true);
    expect(doubt?.[1]).toBeLessThanOrEqual(11_000);
    expect(silent?.[1]).toBeLessThanOrEqual(11_500);
  });

  it("is content with media, and asks the browser for nothing else", async () => {
    await pass(1000, 50);
    const before = line.looks;
    line.loses = () => true;
    for (let packet = 0; packet < 200; packet++) {
      line.media += 1;
      await pass(100, 50);
    }
    expect([line.looks, line.told]).toEqual([before, []]);
    await pass(1750, 50);
    expect(line.alarms).toBe(1);
  });

  it("says once that something comes again, as soon as it comes by the path that is sent by", async () => {
    const back = () => line.told.filter(([what]) => what === "back").length;
    line.loses = () => true;
    await pass(5000, 50);
    expect([line.alarms, back()]).toEqual([1, 0]);
    // The other side has a new path before this one does.
    line.elsewhere += 40;
    await pass(250, 50);
    expect(back()).toBe(0);
    Object.assign(line, { pair: "P2", loses: () => false });
    await pass(250, 50);
    expect(back()).toBe(1);
    await pass(10_000, 50);
    expect(back()).toBe(1);
  });

  it("says so also where the other side noticed first, and media are what comes", async () => {
    line.loses = () => true;
    await pass(750, 50);
    line.liveness.search();
    line.elsewhere += 40;
    for (let packet = 0; packet < 20; packet++) {
      line.media += 1;
      if (packet === 10) line.pair = "P2";
      await pass(100, 50);
    }
    expect(line.told.filter(([what]) => what !== "doubt").map(([what]) => what)).toEqual(["back"]);
  });

  it("is content with data by a pair that the other side has taken already", async () => {
    line.loses = () => true;
    for (let second = 0; second < 20; second++) {
      line.elsewhere += 40;
      await pass(1000, 50);
    }
    expect(line.alarms).toBe(0);
    await pass(2000, 50);
    expect(line.alarms).toBe(1);
  });

  it("lets an answer take 900 ms", async () => {
    line.roundTrip = 900;
    await pass(60_000, 50);
    expect(line.alarms).toBe(0);
  });

  it("gives a long line as long as that takes", async () => {
    Object.assign(line, { roundTrip: 1300, isMeasured: true, packetsReceived: 1 });
    await pass(60_000, 50);
    expect(line.told).toEqual([]);
  });

  it("has hardly a false alarm in an hour of a line that loses each fifth round trip", async () => {
    const next = random();
    line.loses = () => next() < 0.2;
    await pass(HOUR, 250);
    expect(line.alarms).toBeLessThanOrEqual(3);
  });

  it("is more patient after a false alarm, and as before when a path was really gone", async () => {
    line.roundTrip = 1500;
    await pass(20_000, 50);
    expect(line.alarms).toBe(1);
    line.loses = () => true;
    await pass(10_000, 50);
    expect(line.alarms).toBe(2);
    Object.assign(line, { pair: "P2", roundTrip: 50, loses: () => false });
    await pass(10_000, 50);
    line.loses = () => true;
    await pass(1750, 50);
    expect(line.alarms).toBe(3);
  });

  it("says so once, until something came", async () => {
    line.loses = () => true;
    await pass(60_000, 50);
    expect(line.alarms).toBe(1);
    line.packetsReceived += 1;
    await pass(10_000, 50);
    expect(line.alarms).toBe(2);
  });

  it("goes on doubting the network as long as nothing comes", async () => {
    line.loses = () => true;
    await pass(10_000, 50);
    const doubts = line.told.filter(([what]) => what === "doubt").length;
    expect(doubts).toBeGreaterThanOrEqual(6);
    expect(doubts).toBeLessThanOrEqual(10);
    line.packetsReceived += 1;
    line.loses = () => false;
    const before = line.told.length;
    await pass(10_000, 50);
    expect(line.told.slice(before).map(([what]) => what)).toEqual(["back"]);
  });

  it("takes no sleep for silence", async () => {
    await pass(5000, 50);
    line.loses = () => true;
    vi.setSystemTime(Date.now() + HOUR);
    await pass(750, 50);
    expect(line.told).toEqual([]);
    line.loses = () => false;
    await pass(10_000, 50);
    expect(line.alarms).toBe(0);
  });

  it("asks often enough where a page in the background may look once a second only", async () => {
    const set = globalThis.setTimeout;
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((run: () => void, wait: number) => set(run, wait === 250 ? 1000 : wait)) as never);
    line.roundTrip = 900;
    await pass(60_000, 50);
    expect(line.alarms).toBe(0);
    line.loses = () => true;
    await pass(5000, 50);
    expect(line.alarms).toBe(1);
  });

  it("has no judgement where it can't ask", async () => {
    line.hasData = false;
    await pass(10_000, 50);
    expect(line.told).toEqual([]);
  });

  it("is quicker where there is another reason to believe that the path is gone", async () => {
    await pass(10_000, 50);
    line.loses = () => true;
    line.liveness.suspect();
    await pass(700, 50);
    expect(line.alarms).toBe(1);
  });

  it("waits for nothing more where the server is found to be gone after it was doubted", async () => {
    await pass(10_000, 50);
    line.loses = () => true;
    while (!line.told.some(([what]) => what === "doubt")) await pass(50, 50);
    line.liveness.suspect();
    await pass(50, 50);
    expect(line.alarms).toBe(1);
  });

  it.each([50, 250, 900])("is wrong in no suspicion where an answer takes %i ms as ever", async (roundTrip) => {
    Object.assign(line, { roundTrip, isMeasured: true });
    for (let moment = 0; moment < 40; moment++) {
      await pass(5000 + moment * 37, 50);
      line.liveness.suspect();
    }
    await pass(5000, 50);
    expect(line.alarms).toBe(0);
  });

  it("looks once at a time, however often there was a suspicion during a look", async () => {
    await pass(1000, 50);
    line.lookTime = 100;
    for (let time = 0; time < 5; time++) {
      line.liveness.suspect();
      await pass(50, 10);
    }
    await pass(5000, 50);
    line.lookTime = 0;
    const before = line.looks;
    await pass(10_000, 50);
    expect(line.looks - before).toBeLessThanOrEqual(10_000 / 250 + 1);
    expect(line.told).toEqual([]);
  });

  it("says when something came last", async () => {
    await pass(10_000, 50);
    line.loses = () => true;
    const since = Date.now();
    await pass(10_000, 50);
    expect(Math.abs(line.liveness.heardAt - since)).toBeLessThanOrEqual(300);
  });

  it("waits while a new path is being looked for", async () => {
    line.loses = () => true;
    await pass(750, 50);
    line.liveness.search();
    await pass(2000, 50);
    expect(line.alarms).toBe(0);
    await pass(1750, 50);
    expect(line.alarms).toBe(1);
  });
});
