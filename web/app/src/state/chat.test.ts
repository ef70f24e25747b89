import { beforeEach, describe, expect, it, vi } from "vitest";
import type { Message } from "./model";

const { call } = vi.hoisted(() => ({ call: { channel: null as unknown } }));
vi.mock("./call", () => ({ ownChannel: () => call.channel }));

const { answered, DRAWN, drawEarlier, drawLatest, firstDrawn, followChat, inOrder, sendMessage } = await import("./chat");
const { keptLines } = await import("./kept-chat");
const model = await import("./model");

class FakeChannel extends EventTarget {
  chat: unknown[] = [];
  readonly link: { channel: () => Promise<string> };
  sendChat = vi.fn(async () => ({ id: "sent" }));
  constructor(identifier: string) {
    super();
    this.link = { channel: async () => identifier };
  }
  say(text: string, own = false): void {
    const message = { id: text, from: "grace", name: "Grace", text, time: new Date(1), own, reply: undefined, missed: false };
    this.chat.push(message);
    this.dispatchEvent(Object.assign(new Event("chat"), { message }));
  }
}

class FakeStorage {
  room = 5_000_000;
  #items = new Map<string, string>();
  getItem = (key: string) => this.#items.get(key) ?? null;
  setItem = (key: string, text: string) => {
    if (text.length > this.room) throw new DOMException("Full", "QuotaExceededError");
    this.#items.set(key, text);
  };
  removeItem = (key: string) => void this.#items.delete(key);
}

const said = () => model.messages.value.map(({ text }) => text);
/** Loads the page, and comes into a call. */
const enter = async (identifier: string) => {
  dispatchEvent(new Event("pagehide"));
  const channel = new FakeChannel(identifier);
  call.channel = channel;
  const end = followChat();
  await channel.link.channel();
  return { channel, end };
};

describe("the chat", () => {
  let storage: FakeStorage;
  let page: EventTarget;
  beforeEach(() => {
    storage = new FakeStorage();
    page = new EventTarget();
    vi.stubGlobal("sessionStorage", storage);
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    vi.stubGlobal("dispatchEvent", page.dispatchEvent.bind(page));
    model.messages.value = [];
    model.chatOpen.value = false;
  });

  it("draws the latest lines, and earlier ones when they are wanted", async () => {
    const { channel, end } = await enter("one");
    const writeUpTo = (count: number) => {
      while (channel.chat.length < count) channel.say(String(channel.chat.length));
    };
    writeUpTo(DRAWN);
    expect(firstDrawn.value).toBe(0);
    writeUpTo(3 * DRAWN);
    expect(firstDrawn.value).toBe(2 * DRAWN);
    drawEarlier();
    expect(firstDrawn.value).toBe(DRAWN);
    // What is being read doesn't go away while others write.
    writeUpTo(4 * DRAWN);
    expect(firstDrawn.value).toBe(DRAWN);
    drawEarlier(7);
    expect(firstDrawn.value).toBe(7);
    drawEarlier(DRAWN);
    expect(firstDrawn.value).toBe(7);
    drawEarlier();
    expect(firstDrawn.value).toBe(0);
    drawLatest();
    expect(firstDrawn.value).toBe(3 * DRAWN);
    drawEarlier();
    end();
    await enter("two");
    model.messages.value = Array.from({ length: 3 * DRAWN }, (_, index) => ({ ...(model.messages.value[0] as Message), id: String(index) }));
    expect(firstDrawn.value).toBe(2 * DRAWN);
  });

  it("counts what others wrote as unread while it is closed", async () => {
    const { channel } = await enter("one");
    channel.say("hello");
    channel.say("mine", true);
    model.chatOpen.value = true;
    channel.say("seen");
    expect(model.unread.value).toBe(1);
  });

  it("is there again when the page was loaded again, and in no other call", async () => {
    (await enter("one")).channel.say("hello");
    (await enter("one")).channel.say("again");
    expect(said()).toEqual(["hello", "again"]);
    await enter("other");
    expect(said()).toEqual([]);
  });

  it("has once what was sent again after the page was loaded again", async () => {
    (await enter("one")).channel.say("hello");
    const { channel } = await enter("one");
    channel.say("hello");
    channel.say("again");
    expect(said()).toEqual(["hello", "again"]);
    expect(model.unread.value).toBe(1);
  });

  it("is there for ten minutes after the end of the page, and no longer", async () => {
    const now = vi.spyOn(Date, "now").mockReturnValue(0);
    (await enter("one")).channel.say("hello");
    now.mockReturnValue(3_600_000);
    dispatchEvent(new Event("pagehide"));
    now.mockReturnValue(3_600_000 + 600_000);
    expect(keptLines("one").map(({ text }) => text)).toEqual(["hello"]);
    now.mockReturnValue(3_600_000 + 600_001);
    expect(keptLines("one")).toEqual([]);
    expect(storage.getItem("peerline.chat")).toBeNull();
    now.mockRestore();
  });

  it("keeps the latest lines where it is too much for a tab, and nothing that is out of date where nothing fits", async () => {
    const { channel } = await enter("one");
    for (let count = 100; count < 240; count += 1) channel.say(`${count}`.padEnd(8000));
    dispatchEvent(new Event("pagehide"));
    const kept = keptLines("one").map(({ text }) => Number(text));
    expect(kept.at(-1)).toBe(239);
    expect(kept.length).toBeGreaterThan(50);
    expect(storage.getItem("peerline.chat")?.length).toBeLessThan(1_100_000);
    storage.room = 1000;
    channel.say("more");
    dispatchEvent(new Event("pagehide"));
    expect(storage.getItem("peerline.chat")).toBeNull();
  });

  it("is kept once for all that was written in a second, and not after one has left", async () => {
    vi.useFakeTimers();
    const keep = vi.spyOn(storage, "setItem");
    const { channel, end } = await enter("one");
    for (const text of ["one", "two", "three"]) channel.say(text);
    vi.advanceTimersByTime(1000);
    expect(keptLines("one").map(({ text }) => text)).toEqual(["one", "two", "three"]);
    expect(keep).toHaveBeenCalledTimes(1);
    channel.say("four");
    end();
    vi.advanceTimersByTime(1000);
    expect(keep).toHaveBeenCalledTimes(1);
    vi.useRealTimers();
  });

  it("keeps the lines that it has when another comes: they are not drawn again", async () => {
    const { channel } = await enter("one");
    channel.say("hello");
    const [hello] = model.messages.value;
    channel.say("again");
    expect(model.messages.value[0]).toBe(hello);
  });

  it("is gone when one leaves", async () => {
    const { channel, end } = await enter("one");
    channel.say("hello");
    end();
    await enter("one");
    expect(said()).toEqual([]);
  });

  it("goes on although the storage holds something else", async () => {
    for (const kept of ["no JSON", "3", '{"channel":"one","lines":[null,{"id":1}]}']) {
      sessionStorage.setItem("peerline.chat", kept);
      await enter("one");
      expect(said()).toEqual([]);
    }
  });

  it("sends an answer once", async () => {
    const { channel } = await enter("one");
    channel.say("Shall we?");
    answered.value = model.messages.value[0] ?? null;
    await sendMessage("We shall.");
    await sendMessage("Now.");
    expect(channel.sendChat.mock.calls).toEqual([["We shall.", "Shall we?"], ["Now.", undefined]]);
  });

  it("puts what was missed in the order of its times, and nothing else", () => {
    const line = (time: number, missed: boolean) => ({ time, missed }) as Message;
    const ordered = inOrder([line(9, false), line(3, true), line(5, true), line(4, true), line(2, false), line(8, true), line(7, true)]);
    expect(ordered.map(({ time }) => time)).toEqual([9, 3, 4, 5, 2, 7, 8]);
  });
});
