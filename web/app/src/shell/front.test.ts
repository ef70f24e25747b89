import { expect, it, vi } from "vitest";
import { bringToFront } from "./front";

it("a notice that is clicked leads to the page that was looked at last, or to a new one where there is none", async () => {
  const latest = { focus: vi.fn(async () => undefined) };
  const other = { focus: vi.fn(async () => undefined) };
  const openWindow = vi.fn(async () => undefined);
  await bringToFront({ matchAll: async () => [latest, other], openWindow });
  expect([latest, other].map(({ focus }) => focus.mock.calls.length)).toEqual([1, 0]);
  expect(openWindow).not.toHaveBeenCalled();
  await bringToFront({ matchAll: async () => [], openWindow });
  expect(openWindow).toHaveBeenCalledExactlyOnceWith("/");
});
