import type { JSX, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { answered, DRAWN, drawEarlier, drawLatest, firstDrawn, sendMessage } from "../state/chat";
import { chatOpen, delivered, messages, unread, type Message } from "../state/model";
import { t } from "../text/text";
import { ChatLine, lineOf, walkLines } from "./chat-line";
import { Quote } from "./chat-quote";
import { CloseIcon, SendIcon } from "./icons";
import { NewLines } from "./new-lines";
import { ReadingPlace } from "./reading-place";

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
  drawLatest();
  document.querySelector<HTMLElement>("[aria-controls=chat]")?.focus();
}

/** The chat: beside the call on a wide screen, over it on a phone. */
export function Chat(): JSX.Element {
  const [text, setText] = useState("");
  const log = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLTextAreaElement>(null);
  const place = useRef(new ReadingPlace()).current;
  const count = messages.value.length;

  // When it opens, and when there is something to answer.
  useEffect(() => input.current?.focus(), [answered.value]);

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
        if (event.key !== "Escape") return;
        if (answered.value === null) closeChat();
        else answered.value = null;
      }}
    >
      <header class="chat-header">
        <h2>{t("call.chat")}</h2>
        <button type="button" class="plain" aria-label={t("chat.close")} onClick={closeChat}>
          <CloseIcon />
        </button>
      </header>
      <div class="chat-log" role="log" aria-label={t("chat.log")} tabIndex={0} ref={log} onKeyDown={walkLines} onScroll={({ currentTarget }) => place.follow(currentTarget)}>
        {count === 0 && (
          <div class="hint chat-empty">
            <p>{t("chat.empty")}</p>
            <p>{t("chat.signs")}</p>
          </div>
        )}
        <Lines log={log} place={place} />
      </div>
      <NewLines log={log} place={place} />
      <form class="chat-form" onSubmit={send}>
        {answered.value !== null && (
          <div class="chat-answered">
            <Quote message={answered.value} />
            <button type="button" class="plain" aria-label={t("chat.reply-cancel")} onClick={() => (answered.value = null)}>
              <CloseIcon />
            </button>
          </div>
        )}
        <textarea
          ref={input}
          rows={1}
          aria-label={t("chat.message")}
          placeholder={t("chat.message")}
          enterkeyhint="send"
          maxLength={TEXT_LENGTH}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => {
            // Enter also ends what an input method composes.
            if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
            event.preventDefault();
            event.currentTarget.form?.requestSubmit();
          }}
        />
        <button type="submit" class="plain send" aria-label={t("chat.send")} disabled={text.trim() === ""}>
          <SendIcon />
        </button>
      </form>
    </aside>
  );
}

/** What was written. A part of its own, so that it is not drawn again with each letter that the user types. */
function Lines({ log, place }: { log: RefObject<HTMLDivElement | null>; place: ReadingPlace }): JSX.Element {
  const lines = messages.value;
  const first = firstDrawn.value;
  const latest = Math.max(first, lines.length - DRAWN);
  const newestDelivered = lines.findLast(({ from, id }) => from === null && delivered.value.has(id));
  const newest = lines.at(-1);
  const before = useRef(newest?.id);
  /** Which line the focus goes to when it is drawn. */
  const focused = useRef<Message | undefined>(undefined);

  if (log.current) place.remember(log.current);
  useLayoutEffect(() => {
    if (!log.current) return;
    place.keep(log.current, lines.length);
    if (newest?.from === null && newest.id !== before.current) place.toEnd(log.current);
    before.current = newest?.id;
    if (focused.current) lineOf(focused.current)?.focus({ preventScroll: true });
    focused.current = undefined;
  });

  // The button goes out of view, or is gone: who pressed it goes on upwards from where they were.
  const earlier = () => {
    focused.current = lines[first - 1];
    drawEarlier();
  };
  const drawn = (from: number, to: number): JSX.Element[] =>
    lines.slice(from, to).map((message, index) => (
      <ChatLine
        key={`${message.from} ${message.id}`}
        message={message}
        before={index === 0 && from === first ? undefined : lines[from + index - 1]}
        isLatest={from + index === lines.length - 1}
        isNewestDelivered={message === newestDelivered}
      />
    ));
  return (
    <>
      {first > 0 && (
        <button type="button" class="plain chat-earlier" onClick={earlier}>
          {t("chat.earlier")}
        </button>
      )}
      {/* Nothing new: nobody wants it read aloud. */}
      {first < latest && <div aria-live="off">{drawn(first, latest)}</div>}
      {drawn(latest, lines.length)}
    </>
  );
}
