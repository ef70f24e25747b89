import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { callViews } from "../views/call-views";
import { phase } from "./model";
import { incoming, outgoing } from "./ringing";
import { outdated, renew, type Page } from "./version";

/** What the server has for a page in one version. */
const version = (number: number) => `<script type="module" src="/assets/index-${number}.js"></script>`;

describe("a page of which a part is gone", () => {
  let server: string | Error;
  let reloads: number;
  const page: Page = {
    script: "/assets/index-1.js",
    current: async () => {
      if (server instanceof Error) throw server;
      return server;
    },
    reload: () => (reloads += 1),
  };

  beforeEach(() => {
    vi.useFakeTimers({ now: 1_700_000_000_000 });
    const kept = new Map<string, string>();
    vi.stubGlobal("sessionStorage", {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => void kept.set(key, value),
    });
    server = version(2);
    reloads = 0;
    outdated.value = false;
    phase.value = "joining";
  });

  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
    phase.value = "lobby";
    callViews.value = null;
    incoming.value = null;
    outgoing.value = null;
  });

  it("is loaded anew when the server has another version", async () => {
    await renew(page);
    expect([reloads, outdated.value]).toEqual([1, false]);
  });

  it("is loaded anew once: when that brought nothing new, the user is told", async () => {
    await renew(page);
    await renew(page);
    expect([reloads, outdated.value]).toEqual([1, true]);
  });

  it("is loaded anew after the next update, too", async () => {
    await renew(page);
    vi.advanceTimersByTime(3_600_000);
    await renew(page);
    expect([reloads, outdated.value]).toEqual([2, false]);
  });

  it.each([
    ["doesn't answer", new TypeError("Failed to fetch")],
    ["has the same version", version(1)],
    ["has something else in its place", "<title>Log in</title>"],
  ])("stays when the server %s", async (_, answer) => {
    server = answer;
    await renew(page);
    expect([reloads, outdated.value]).toEqual([0, false]);
  });

  it.each(["call", "left"] as const)("stays in the phase %s, which has all that it needs", async (now) => {
    phase.value = now;
    callViews.value = {} as never;
    await renew(page);
    expect([reloads, outdated.value]).toEqual([0, false]);
  });

  it.each([
    ["somebody calls the user", incoming],
    ["the user calls somebody", outgoing],
  ])("stays while %s, and is loaded anew when that ends", async (_, ringing) => {
    phase.value = "lobby";
    ringing.value = {} as never;
    const renewed = renew(page);
    await vi.advanceTimersByTimeAsync(30_000);
    expect([reloads, outdated.value]).toEqual([0, false]);
    ringing.value = null;
    await renewed;
    expect(reloads).toBe(1);
  });

  it("stays when somebody calls while the server is asked", async () => {
    phase.value = "lobby";
    const current = vi.fn(page.current).mockImplementationOnce(async () => {
      incoming.value = {} as never;
      return version(2);
    });
    const renewed = renew({ ...page, current });
    await vi.advanceTimersByTimeAsync(30_000);
    expect(reloads).toBe(0);
    incoming.value = null;
    await renewed;
    expect(reloads).toBe(1);
  });

  it("is loaded anew in a call of which there is nothing to show", async () => {
    phase.value = "call";
    await renew(page);
    expect(reloads).toBe(1);
  });

  it("tells the user where nothing can be kept that would end a loop", async () => {
    vi.stubGlobal("sessionStorage", undefined);
    await renew(page);
    expect([reloads, outdated.value]).toEqual([0, true]);
  });
});
