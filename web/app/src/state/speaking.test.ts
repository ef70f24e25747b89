import { beforeEach, describe, expect, it } from "vitest";
import { activeSpeaker, forget, hear } from "./speaking";

const LOUD = 0.8;
const QUIET = 0.1;

describe("the active speaker", () => {
  let now = 0;

  beforeEach(() => {
    now += 60_000;
    activeSpeaker.value = null;
    for (const id of ["ada", "bob"]) forget(id);
  });

  const listen = (milliseconds: number, levels: Record<string, number>) => {
    const seen: (string | null)[] = [];
    for (const end = now + milliseconds; now < end; now += 100) {
      for (const [id, level] of Object.entries(levels)) hear(id, level, now);
      if (seen.at(-1) !== activeSpeaker.value) seen.push(activeSpeaker.value);
    }
    return seen;
  };

  it("is whoever speaks, and stays when it gets quiet", () => {
    listen(500, { ada: LOUD, bob: QUIET });
    listen(5_000, { ada: QUIET, bob: QUIET });
    expect(activeSpeaker.value).toBe("ada");
  });

  it("is not interrupted by somebody who speaks at the same time", () => {
    listen(500, { ada: LOUD, bob: QUIET });
    expect(listen(20_000, { ada: LOUD, bob: LOUD })).toEqual(["ada"]);
  });

  it("changes at most every three seconds, however fast people take turns", () => {
    let changes = 0;
    let before: string | null = null;
    for (let turn = 0; turn < 30; turn += 1) {
      for (const speaker of listen(1_000, turn % 2 ? { ada: LOUD, bob: QUIET } : { ada: QUIET, bob: LOUD })) {
        if (speaker !== before) changes += 1;
        before = speaker;
      }
    }
    expect(changes).toBeGreaterThan(3);
    expect(changes).toBeLessThanOrEqual(11);
  });

  it("has spoken for a moment after the last loud sound, as words have gaps", () => {
    expect([hear("ada", LOUD, now), hear("ada", QUIET, now), hear("bob", QUIET, now)]).toEqual([true, true, false]);
  });
});
