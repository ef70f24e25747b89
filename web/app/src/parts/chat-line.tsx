import type { JSX } from "preact";
import { answered, drawEarlier, firstDrawn } from "../state/chat";
import { messages, type Message } from "../state/model";
import { clockText } from "../text/amounts";
import { t } from "../text/text";
import { Quote } from "./chat-quote";
import { ChatText } from "./chat-text";
import { ReplyIcon } from "./icons";
import { hueOf } from "./initials";

/** Messages of one person that follow each other within this time, in milliseconds, share one heading. */
const TOGETHER = 120_000;

interface LineProps {
  readonly message: Message;
  readonly before: Message | undefined;
  readonly isLatest: boolean;
  /** Whether this is the last of the user's messages that everybody has: nothing is said of those before it. */
  readonly isNewestDelivered: boolean;
}

/** One message, with what it answers, and the way to answer it. */
export function ChatLine({ message, before, isLatest, isNewestDelivered }: LineProps): JSX.Element {
  const isFirstMissed = message.missed && before?.missed !== true;
  const follows = !isFirstMissed && before !== undefined && before.from === message.from && message.time - before.time < TOGETHER;
  const own = message.from === null;
  const id = `line-${message.id}`;
  return (
    <>
      {isFirstMissed && <p class="chat-missed">{t("chat.missed")}</p>}
      <div class={["line", own && "own", follows && "follows"].filter(Boolean).join(" ")} id={id} tabIndex={-1}>
        {!follows && (
          <p class="line-head">
            <span class={`line-name hue-${hueOf(message.from ?? "")}`}>{own ? t("call.you") : message.name}</span>{" "}
            <time dateTime={new Date(message.time).toISOString()}>{clockText(message.time)}</time>
          </p>
        )}
        {message.reply !== null && <Answered id={message.reply} />}
        <div class="line-body">
          <div class="line-words" id={`${id}-text`}>
            <ChatText text={message.text} />
          </div>
          <button
            type="button"
            class="plain line-reply"
            aria-label={t("chat.reply")}
            aria-describedby={`${id}-text`}
            title={t("chat.reply")}
            tabIndex={isLatest ? 0 : -1}
            onClick={() => (answered.value = message)}
          >
            <ReplyIcon />
          </button>
        </div>
        {isNewestDelivered && <p class="line-state">{t("chat.delivered")}</p>}
      </div>
    </>
  );
}

/** What a message answers, and the way to it. */
function Answered({ id }: { id: string }): JSX.Element {
  const original = messages.value.find((message) => message.id === id);
  if (original === undefined) return <p class="line-answered hint">{t("chat.reply-gone")}</p>;
  return (
    <button type="button" class="line-answered" tabIndex={-1} onClick={() => goTo(id)}>
      <Quote message={original} />
    </button>
  );
}

function goTo(id: string): void {
  const index = messages.value.findIndex((message) => message.id === id);
  if (index >= firstDrawn.value) return show(id);
  drawEarlier(index);
  // By then it is drawn.
  setTimeout(() => show(id));
}

/** The line of a message, if it is drawn. */
export function lineOf({ id }: { readonly id: string }): HTMLElement | null {
  return document.getElementById(`line-${id}`);
}

function show(id: string): void {
  const line = lineOf({ id });
  line?.scrollIntoView({ block: "center" });
  line?.focus({ preventScroll: true });
}

/** What can be pressed in the lines is reached by the arrows: by the tab key alone, a long conversation would stand in the way. */
export function walkLines(event: KeyboardEvent): void {
  const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  const log = event.currentTarget as HTMLElement;
  if (step === undefined || event.target === log) return;
  const stops = [...log.querySelectorAll<HTMLElement>(".line-answered, .line-reply")].filter(({ tagName }) => tagName === "BUTTON");
  const held = stops.indexOf(document.activeElement as HTMLElement);
  // From a line itself, which a quote led to: on to what follows in it.
  const at = held >= 0 ? held + step : stops.findIndex((stop) => document.activeElement?.contains(stop));
  if (stops[at] === undefined) return;
  event.preventDefault();
  stops[at].focus();
}
