import { beforeEach, describe, expect, it, vi } from "vitest";
import { linesIn, watchShownLines } from "./shown-lines";

describe("a picture's lines", () => {
  const wide = { width: 640, height: 360 };

  it("are those of its frame where both have one shape", () => {
    expect(linesIn({ width: 320, height: 180 }, wide, false)).toBe(180);
    expect(linesIn({ width: 320, height: 180 }, wide, true)).toBe(180);
  });

  it("are more where some are cut off, and fewer where there is room above and below", () => {
    expect(linesIn({ width: 320, height: 180 }, { width: 640, height: 480 }, false)).toBe(240);
    expect(linesIn({ width: 390, height: 700 }, wide, true)).toBeCloseTo(219.375);
  });

  it("are its frame's before there is a picture", () => {
    expect(linesIn({ width: 320, height: 180 }, { width: 0, height: 0 }, false)).toBe(180);
  });
});

describe("how large a video is shown", () => {
  let page: EventTarget & { visibilityState: string; pictureInPictureEnabled?: boolean };
  let video: EventTarget & { clientWidth: number; clientHeight: number };
  let resized: () => void;
  let seen: (entries: { isIntersecting: boolean }[]) => void;
  let told: number[];
  let end: () => void;

  beforeEach(() => {
    page = Object.assign(new EventTarget(), { visibilityState: "visible", pictureInPictureEnabled: true });
    video = Object.assign(new EventTarget(), { clientWidth: 320, clientHeight: 180, videoWidth: 640, videoHeight: 360, classList: { contains: () => false } });
    told = [];
    class Observer {
      observe = () => undefined;
      disconnect = () => undefined;
    }
    vi.stubGlobal("document", page);
    vi.stubGlobal("devicePixelRatio", 2);
    vi.stubGlobal("ResizeObserver", class extends Observer { constructor(look: typeof resized) { super(); resized = look; } });
    vi.stubGlobal("IntersectionObserver", class extends Observer { constructor(look: typeof seen) { super(); seen = look; } });
    end = watchShownLines(video as unknown as HTMLVideoElement, (lines) => told.push(lines));
  });

  const hide = () => {
    page.visibilityState = "hidden";
    page.dispatchEvent(new Event("visibilitychange"));
  };

  it("is told in pixels of the device", () => {
    resized();
    [video.clientWidth, video.clientHeight] = [640, 360];
    resized();
    expect(told).toEqual([360, 720]);
  });

  it("is nothing where it lies out of view, or the page is hidden", () => {
    seen([{ isIntersecting: false }]);
    seen([{ isIntersecting: true }]);
    hide();
    expect(told).toEqual([0, 360, 0]);
  });

  it("is its own window's size while it floats, whatever becomes of the page", () => {
    const floating = Object.assign(new EventTarget(), { width: 480, height: 270 });
    video.dispatchEvent(Object.assign(new Event("enterpictureinpicture"), { pictureInPictureWindow: floating }));
    hide();
    Object.assign(floating, { width: 800, height: 450 });
    floating.dispatchEvent(new Event("resize"));
    video.dispatchEvent(new Event("leavepictureinpicture"));
    expect(told).toEqual([540, 540, 900, 0]);
  });

  it("doesn't become less with the page where the browser keeps to itself whether it floats", () => {
    delete page.pictureInPictureEnabled;
    hide();
    expect(told).toEqual([360]);
  });

  it("is told no longer when that has ended", () => {
    end();
    hide();
    expect(told).toEqual([]);
  });
});
