import { computed, effect, signal } from "@preact/signals";
import type { ChatMessage } from "peerline";
import { language } from "../text/languages";
import { t } from "../text/text";
import { ownChannel } from "./call";
import { forgetLines, keepLines, keptLines } from "./kept-chat";
import * as model from "./model";
import { notify } from "./notices";

/** Keeping takes as long as all lines take together: it is done so many milliseconds after one came, for all that came meanwhile. */
const KEEP_AFTER = 1_000;

/** So many of the latest lines are drawn: a long conversation would cost the call time and memory. */
export const DRAWN = 100;

/** The line that the user is about to answer. */
export const answered = signal<model.Message | null>(null);

/** Where the lines begin that are drawn, once the user wanted to see earlier ones. */
const wanted = signal<number | null>(null);

/** Where the lines begin that are drawn. */
export const firstDrawn = computed(() => Math.max(0, Math.min(wanted.value ?? Number.POSITIVE_INFINITY, model.messages.value.length - DRAWN)));

/** Draws earlier lines, too: up to this one, or some more. */
export function drawEarlier(upTo = firstDrawn.value - DRAWN): void {
  if (upTo < firstDrawn.value) wanted.value = upTo;
}

/** Draws the latest lines only, as at first. */
export function drawLatest(): void {
  wanted.value = null;
}

/** Follows the chat of the call; returns what ends that, and forgets it. */
export function followChat(): () => void {
  const channel = ownChannel();
  if (channel === null) return () => undefined;
  let identifier: string | null = null;
  let earlier: readonly model.Message[] = [];
  // A line that is the same object as before is not drawn again.
  let lines = new WeakMap<ChatMessage, model.Message>();
  const lineOf = (message: ChatMessage): model.Message => {
    const known = lines.get(message) ?? line(message);
    lines.set(message, known);
    return known;
  };
  const show = () => {
    // What was here before the page was loaded again may be sent again: the page took it, and had no time to say so.
    const known = new Set(earlier.map(keyOf));
    model.messages.value = inOrder([...earlier, ...channel.chat.map(lineOf).filter((one) => !known.has(keyOf(one)))]);
    keeping ??= setTimeout(keep, KEEP_AFTER);
  };
  let keeping: ReturnType<typeof setTimeout> | undefined;
  const keep = () => {
    clearTimeout(keeping);
    keeping = undefined;
    if (identifier !== null) keepLines(identifier, model.messages.value);
  };
  const added = ({ message }: { message: ChatMessage }) => {
    show();
    const key = keyOf(lineOf(message));
    const isKnown = earlier.some((one) => keyOf(one) === key);
    if (!model.chatOpen.value && !message.own && !isKnown) model.unread.value += 1;
  };
  model.unread.value = channel.chat.filter(({ own }) => !own).length;
  channel.addEventListener("chat", added);
  // The time for which it is kept begins with the end of the page.
  addEventListener("pagehide", keep);
  void channel.link.channel().then((found) => {
    identifier = found;
    earlier = keptLines(found);
    show();
  });
  // "Guest" in the language of the page.
  const stop = effect(() => {
    void language.value;
    lines = new WeakMap();
    show();
  });
  return () => {
    identifier = null;
    clearTimeout(keeping);
    channel.removeEventListener("chat", added);
    removeEventListener("pagehide", keep);
    stop();
    answered.value = null;
    drawLatest();
    forgetLines();
  };
}

/** Sends a message to everybody in the call. */
export async function sendMessage(text: string): Promise<void> {
  const reply = answered.value?.id;
  answered.value = null;
  try {
    const sent = await ownChannel()?.sendChat(text, reply);
    if (sent !== undefined) model.delivered.value = new Set([...model.delivered.value, sent.id]);
  } catch {
    notify(t("chat.not-delivered"));
  }
}

/** Several people resend what was missed, each their own: those lines are put in the order of their times. */
export function inOrder(lines: readonly model.Message[]): readonly model.Message[] {
  const ordered = [...lines];
  for (let from = 0; from < ordered.length; from += 1) {
    let to = from;
    while (ordered[to]?.missed === true) to += 1;
    if (to === from) continue;
    ordered.splice(from, to - from, ...ordered.slice(from, to).sort((one, other) => one.time - other.time));
    from = to;
  }
  return ordered;
}

function keyOf({ from, id }: model.Message): string {
  return `${from} ${id}`;
}

function line(message: ChatMessage): model.Message {
  return {
    id: message.id,
    from: message.own ? null : message.from,
    name: message.name || t("call.unnamed"),
    text: message.text,
    time: message.time.getTime(),
    reply: message.reply ?? null,
    missed: message.missed,
  };
}
