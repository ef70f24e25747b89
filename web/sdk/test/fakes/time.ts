import { vi } from "vitest";

/** How many operations WebCrypto's threads have in hand. */
let working = 0;

/** Timers and the clock stand still until {@link pass}; work in WebCrypto's threads goes on. */
export function stopTime(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  for (const name of ["encrypt", "decrypt", "digest", "importKey", "exportKey", "deriveBits", "deriveKey", "generateKey", "sign"] as const) {
    const original = crypto.subtle[name].bind(crypto.subtle) as (...given: unknown[]) => Promise<unknown>;
    const counted = async (...given: unknown[]) => {
      working += 1;
      try {
        return await original(...given);
      } finally {
        working -= 1;
      }
    };
    vi.spyOn(crypto.subtle, name).mockImplementation(counted as never);
  }
}

/** Waits until everything that needs no time has happened. */
export async function settle(): Promise<void> {
  for (let idle = 0; idle < 5; idle++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (working > 0) idle = 0;
  }
}

/** Lets time pass, in steps, with all that happens meanwhile. */
export async function pass(milliseconds: number, step = 100): Promise<void> {
  await settle();
  for (let passed = 0; passed < milliseconds; passed += step) {
    await vi.advanceTimersByTimeAsync(Math.min(step, milliseconds - passed));
    await settle();
  }
}
