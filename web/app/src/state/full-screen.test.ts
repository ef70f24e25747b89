import { afterEach, expect, it, vi } from "vitest";
import { toggleFullScreen } from "./full-screen";

afterEach(() => vi.unstubAllGlobals());

it("gives the screen back, also while the event that tells of it is still on its way", () => {
  const page = { fullscreenElement: null as object | null, documentElement: { requestFullscreen: vi.fn() }, exitFullscreen: vi.fn() };
  page.documentElement.requestFullscreen.mockImplementation(async () => void (page.fullscreenElement = page.documentElement));
  page.exitFullscreen.mockImplementation(async () => void (page.fullscreenElement = null));
  vi.stubGlobal("document", page);
  toggleFullScreen();
  expect(page.documentElement.requestFullscreen).toHaveBeenCalledOnce();
  toggleFullScreen();
  expect(page.exitFullscreen).toHaveBeenCalledOnce();
  expect(page.documentElement.requestFullscreen).toHaveBeenCalledOnce();
});
