import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

vi.mock("../media/local", async () => {
  const { signal } = await import("@preact/signals");
  const muted = signal(false);
  const none = { starting: signal(false), cameraOff: signal(false), cameraLive: signal(false), cameraProblem: signal(null), microphoneProblem: signal(null) };
  const setMuted = vi.fn((value: boolean) => Promise.resolve(void (muted.value = value)));
  const microphoneLive = { get value() { return !muted.value; } };
  return { ...none, muted, microphoneLive, setMuted, setCameraOff: vi.fn(() => Promise.resolve()) };
});

const { muted, setCameraOff, setMuted } = await import("../media/local");
const { actionOf, followKeys, shortcut } = await import("./keys");
const { keysOn } = await import("./settings");

/** Something that has the focus within these elements. */
const within = (...elements: string[]) =>
  ({ closest: (places: string) => elements.find((element) => places.split(", ").includes(element)) ?? null }) as unknown as Element;

const key = (given: string, members: object = {}) => ({ key: given, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, target: within("body"), ...members });

describe("a key", () => {
  it.each([
    ["m", "microphone"],
    ["M", "microphone"],
    ["v", "camera"],
    ["h", "hand"],
    ["f", "full-screen"],
    [" ", "talk"],
    ["x", null],
    ["Enter", null],
  ])("%j asks for %s", (given, action) => {
    expect(actionOf(key(given))).toBe(action);
  });

  it("is text where one writes, and nothing of the call's in a dialog", () => {
    for (const place of ["input", "textarea", "select", "[contenteditable]", "dialog"])
      for (const given of ["m", "v", "f", " "]) expect(actionOf(key(given, { target: within(place) }))).toBeNull();
  });

  it("presses the button that has the focus, if it is the space bar", () => {
    expect(actionOf(key(" ", { target: within("button") }))).toBeNull();
    expect(actionOf(key("m", { target: within("button") }))).toBe("microphone");
  });

  it("is the browser's with Ctrl, Alt or the command key, and an input method's while it composes", () => {
    for (const member of ["ctrlKey", "metaKey", "altKey", "isComposing"]) expect(actionOf(key("f", { [member]: true }))).toBeNull();
  });
});

describe("in a call", () => {
  let page: EventTarget;
  let end: () => void;

  beforeEach(() => {
    page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    keysOn.value = true;
    muted.value = true;
    vi.mocked(setMuted).mockClear();
    end = followKeys();
  });

  afterEach(() => {
    end();
    vi.unstubAllGlobals();
  });

  const press = (type: string, given = "", members: object = {}) => {
    const event = new Event(type, { cancelable: true });
    // `target` is the event's own.
    const { target: _, ...rest } = key(given, members);
    page.dispatchEvent(Object.assign(event, { repeat: false, ...rest }));
    return event;
  };

  it("somebody muted is heard for as long as they hold the space bar", () => {
    expect(press("keydown", " ").defaultPrevented).toBe(true);
    press("keydown", " ", { repeat: true });
    expect(muted.value).toBe(false);
    press("keyup", " ");
    expect(muted.value).toBe(true);
    expect(setMuted).toHaveBeenCalledTimes(2);
  });

  it("they are muted again when the window loses the focus meanwhile, or the call ends", () => {
    press("keydown", " ");
    press("blur");
    expect(muted.value).toBe(true);
    press("keydown", " ");
    end();
    expect(muted.value).toBe(true);
  });

  it("the space bar mutes nobody", () => {
    muted.value = false;
    press("keydown", " ");
    press("keyup", " ");
    expect(muted.value).toBe(false);
  });

  it("M while the space bar is held decides for good", () => {
    press("keydown", " ");
    press("keydown", "m");
    press("keydown", "m");
    press("keyup", " ");
    expect(muted.value).toBe(false);
  });

  it("M and V act once, however long they are held", () => {
    press("keydown", "m");
    press("keydown", "m", { repeat: true });
    press("keydown", "v");
    expect(muted.value).toBe(false);
    expect(setCameraOff).toHaveBeenCalledTimes(1);
  });

  it("nothing happens when keys are switched off", () => {
    expect(shortcut("microphone")).toEqual({ "aria-keyshortcuts": "M Space" });
    keysOn.value = false;
    press("keydown", "m");
    expect([muted.value, shortcut("microphone")]).toEqual([true, {}]);
  });
});
