import type { Channel, IncomingTransfer } from "peerline";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const { saving } = vi.hoisted(() => ({ saving: { save: async (..._given: unknown[]): Promise<string> => "downloaded" } }));
vi.mock("../files/saving", () => ({ save: (...given: unknown[]) => saving.save(...given) }));

const { dismiss, followTransfers, sendFiles, transferNews, transfers, transfersOpen } = await import("./transfers");
const { percentOf, sentenceOf } = await import("./transfer-view");

class FakeTransfer extends EventTarget {
  participant = { name: "Grace" };
  files = [{ path: "film.mkv", size: 1_000_000 }];
  bytes = 1_000_000;
  state = "offered";
  reason: string | undefined;
  progress = { files: 0, bytes: 0, kept: 0 };
  unreadable = new Set<number>();
  accept = vi.fn();
  decline = vi.fn();
  cancel = vi.fn();
  remove = vi.fn(async () => undefined);

  become(state: string, reason?: string): void {
    this.state = state;
    this.reason = reason;
    this.dispatchEvent(new Event("change"));
  }

  proceed(bytes: number, kept = 0): void {
    this.progress = { files: 0, bytes, kept };
    this.dispatchEvent(new Event("progress"));
  }
}

class FakeParticipant extends EventTarget {
  readonly sent: FakeTransfer[] = [];
  constructor(readonly id: string) {
    super();
  }
  sendFiles(): FakeTransfer {
    const transfer = new FakeTransfer();
    this.sent.push(transfer);
    return transfer;
  }
  offer(transfer = new FakeTransfer()): FakeTransfer {
    this.dispatchEvent(Object.assign(new Event("offer"), { transfer: transfer as unknown as IncomingTransfer }));
    return transfer;
  }
}

class FakeChannel extends EventTarget {
  readonly participants = new Map([["grace", new FakeParticipant("grace")]]);
}

const shown = () => transfers.value[0]!;
const says = () => sentenceOf(shown().view.value, shown());

describe("files in a call", () => {
  let grace: FakeParticipant;
  let channel: FakeChannel;
  let end: () => void;

  beforeEach(() => {
    vi.useFakeTimers();
    transfers.value = [];
    saving.save = async () => "downloaded";
    channel = new FakeChannel();
    grace = channel.participants.get("grace")!;
    end = followTransfers(channel as unknown as Channel);
  });

  afterEach(() => {
    end();
    vi.useRealTimers();
  });

  it("are shown when somebody offers them, also somebody who came later", () => {
    transfersOpen.value = false;
    grace.offer();
    expect([transfers.value.length, says(), transfersOpen.value]).toEqual([1, "Grace wants to send you film.mkv", true]);
    expect(transferNews.value).toBe("film.mkv: Grace wants to send you film.mkv");
    const linus = new FakeParticipant("linus");
    channel.dispatchEvent(Object.assign(new Event("participantjoin"), { participant: linus }));
    linus.offer();
    expect(transfers.value).toHaveLength(2);
  });

  it("go to one person, or to everybody", async () => {
    const linus = new FakeParticipant("linus");
    channel.participants.set("linus", linus);
    await sendFiles([new File(["x"], "x")], "linus");
    expect([grace.sent.length, linus.sent.length]).toEqual([0, 1]);
    await sendFiles([new File(["x"], "x")], null);
    expect([grace.sent.length, linus.sent.length, transfers.value.length]).toEqual([1, 2, 3]);
    expect(says()).toBe("Waiting for Grace to accept.");
  });

  it("are on their way with speed and time left, and stand still when nothing comes", () => {
    const transfer = grace.offer();
    transfer.become("running");
    expect(says()).toBe("Starting…");
    for (let tenth = 0; tenth <= 10; tenth += 1) {
      transfer.proceed(200_000 + tenth * 10_000, 200_000);
      vi.advanceTimersByTime(100);
    }
    expect(says()).toBe("300 kB of 1 MB\n100 kB/s · 7 seconds left");
    expect(percentOf(shown().view.value, shown())).toBe(30);
    vi.advanceTimersByTime(10_000);
    expect(says()).toBe("300 kB of 1 MB");
  });

  it("have no speed from before they stood still", () => {
    const transfer = grace.offer();
    transfer.become("running");
    transfer.proceed(0);
    vi.advanceTimersByTime(1000);
    transfer.proceed(500_000);
    transfer.become("waiting");
    expect(says()).toBe("The connection to Grace broke. It goes on by itself when it is back.");
    transfer.become("running");
    expect(shown().view.value.speed).toBeUndefined();
  });

  it("are saved by themselves where there is one, and can be saved again", async () => {
    const save = vi.spyOn(saving, "save");
    const transfer = grace.offer();
    transfer.become("running");
    transfer.become("completed");
    await vi.advanceTimersByTimeAsync(0);
    expect([save.mock.calls.length, says(), transferNews.value]).toEqual([1, "In your downloads, 1 MB.", "film.mkv: In your downloads, 1 MB."]);
    await shown().save();
    expect(save).toHaveBeenCalledTimes(2);
  });

  it("are saved where the user wants them", async () => {
    const transfer = new FakeTransfer();
    transfer.files = [{ path: "a/b", size: 1 }, { path: "a/c", size: 2 }];
    grace.offer(transfer);
    transfer.become("completed");
    expect(says()).toBe("Received, 1 MB.");
    let half!: () => void;
    saving.save = async (_transfer, _name, progress) => {
      (progress as (part: number) => void)(0.5);
      await new Promise<void>((resolve) => (half = resolve));
      return "written";
    };
    const saved = shown().save();
    expect([says(), percentOf(shown().view.value, shown())]).toEqual(["Saving… 50%", 50]);
    half();
    await saved;
    expect(says()).toBe("Saved, 1 MB.");
    saving.save = async () => "dismissed";
    await shown().save();
    expect(says()).toBe("Saved, 1 MB.");
    saving.save = async () => Promise.reject(new DOMException("Full", "QuotaExceededError"));
    await shown().save();
    expect(says()).toBe("It couldn't be saved there. Try another folder.");
  });

  it("are removed from the browser when they are dismissed, but not under a download", async () => {
    const [one, two] = [grace.offer(), new FakeTransfer()];
    one.become("completed");
    await vi.advanceTimersByTimeAsync(0);
    dismiss(shown());
    await vi.advanceTimersByTimeAsync(50_000);
    expect([transfers.value.length, one.remove.mock.calls.length]).toEqual([0, 0]);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(one.remove).toHaveBeenCalledTimes(1);
    two.files = [{ path: "a/b", size: 1 }, { path: "a/c", size: 2 }];
    grace.offer(two);
    two.become("completed");
    dismiss(shown());
    await vi.advanceTimersByTimeAsync(0);
    expect(two.remove).toHaveBeenCalledTimes(1);
  });

  it("stay when the call is over, until the next one takes up those that were stopped by that", () => {
    grace.offer().become("completed");
    grace.offer().become("failed", "closed");
    end();
    expect(says()).toBe("It stopped when you left. It goes on when you and Grace are in the call again.");
    end = followTransfers(new FakeChannel() as unknown as Channel);
    expect(transfers.value.map(({ view }) => view.value.state)).toEqual(["completed"]);
  });

  it.each([
    ["declined", "declined", "You declined.", "Grace declined."],
    ["declined", "busy", undefined, "Grace has many offers to answer first. Try again later."],
    ["declined", "no_space", "This browser has no room for it. Free some, and ask Grace to send it again.", "Grace has no room for it."],
    ["cancelled", "here", "You stopped it.", "You stopped it."],
    ["cancelled", "there", "Grace stopped it.", "Grace stopped it."],
    ["failed", "hash_mismatch", "It arrived damaged. Sent again, it goes on with what is good.", "It arrived damaged. Sent again, it goes on with what is good."],
    ["failed", "write_failed", "It couldn't be written. Sent again, it goes on with what has arrived.", "It couldn't be written. Sent again, it goes on with what has arrived."],
    ["failed", "bad_message", "It couldn't go on. Sent again, it goes on with what has arrived.", "It couldn't go on. Sent again, it goes on with what has arrived."],
  ])("say why they are %s: %s", async (state, reason, here, there) => {
    if (here !== undefined) {
      grace.offer().become(state, reason);
      expect(says()).toBe(here);
    }
    await sendFiles([new File(["x"], "x")], null);
    grace.sent[0]?.become(state, reason);
    expect(says()).toBe(there);
  });

  it("say what could not be read", () => {
    const save = vi.spyOn(saving, "save");
    const two = new FakeTransfer();
    two.files = [{ path: "a", size: 1 }, { path: "b", size: 1 }];
    for (const transfer of [two, new FakeTransfer()]) {
      transfer.unreadable.add(0);
      grace.offer(transfer).become("completed");
    }
    expect(transfers.value.map((transfer) => sentenceOf(transfer.view.value, transfer))).toEqual([
      "1 file couldn't be read by Grace.",
      "Received, 1 MB. 1 file couldn't be read by Grace.",
    ]);
    expect(save).not.toHaveBeenCalled();
  });
});
