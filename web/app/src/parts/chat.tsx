import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sendMessage } from "../state/call";
import { chatOpen, messages, unread, type Message } from "../state/model";
import { clockText } from "../text/amounts";
import { t } from "../text/text";
import { hueOf } from "./initials";
import { CloseIcon, SendIcon } from "./icons";

/** The longest text of a message (docs/signaling.md §9). */
const TEXT_LENGTH = 8_000;

/** Opens the chat: all in it counts as read. */
export function openChat(): void {
  chatOpen.value = true;
  unread.value = 0;
}

/** Closes the chat; the focus goes back to its button. */
export function closeChat(): void {
  chatOpen.value = false;
  document.querySelector<HTMLElement>("[aria-controls=chat]")?.focus();
}

/** The chat: beside the call on a wide screen, over it on a phone. */
export function Chat(): JSX.Element {
  const [text, setText] = useState("");
  const log = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const count = messages.value.length;
  const latest = messages.value.at(-1)?.id;

  useEffect(() => input.current?.focus(), []);
  useEffect(() => {
    log.current?.scrollTo({ top: log.current.scrollHeight });
  }, [latest]);

  const send = (event: Event) => {
    event.preventDefault();
    const written = text.trim();
    if (written === "") return;
    void sendMessage(written);
    setText("");
    input.current?.focus();
  };

  return (
    <aside
      class="chat"
      id="chat"
      aria-label={t("call.chat")}
      onKeyDown={(event) => {
        if (event.key === "Escape") closeChat();
      }}
    >
      <header class="chat-header">
        <h2>{t("call.chat")}</h2>
        <button type="button" class="plain" aria-label={t("chat.close")} onClick={closeChat}>
          <CloseIcon />
        </button>
      </header>
      <div class="chat-log" role="log" aria-label={t("chat.log")} tabIndex={0} ref={log}>
        {count === 0 && <p class="hint chat-empty">{t("chat.empty")}</p>}
        {messages.value.map((message, index) => (
          <Line key={`${message.from} ${message.id}`} message={message} before={messages.value[index - 1]} />
        ))}
      </div>
      <form class="chat-form" onSubmit={send}>
        <input
          ref={input}
          type="text"
          aria-label={t("chat.message")}
          placeholder={t("chat.message")}
          autocomplete="off"
          enterKeyHint="send"
          maxLength={TEXT_LENGTH}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button type="submit" class="plain send" aria-label={t("chat.send")} disabled={text.trim() === ""}>
          <SendIcon />
        </button>
      </form>
    </aside>
  );
}

/** Messages of one person that follow each other within this time, in milliseconds, share one heading. */
const TOGETHER = 120_000;

function Line({ message, before }: { message: Message; before: Message | undefined }): JSX.Element {
  const follows = before !== undefined && before.from === message.from && message.time - before.time < TOGETHER;
  const own = message.from === null;
  return (
    <div class={["line", own && "own", follows && "follows"].filter(Boolean).join(" ")}>
      {!follows && (
        <p class="line-head">
          <span class={`line-name hue-${hueOf(message.from ?? "")}`}>{own ? t("call.you") : message.name}</span>{" "}
          <time dateTime={new Date(message.time).toISOString()}>{clockText(message.time)}</time>
        </p>
      )}
      <p class="line-text" dir="auto">
        {message.text}
      </p>
    </div>
  );
}
