import type { JSX } from "preact";
import { plainText } from "../chat/markup";
import type { Message } from "../state/model";
import { t } from "../text/text";
import { hueOf } from "./initials";

/** Characters of a line that are shown and read out at most. */
const SHORT = 300;

/** A line that is answered, in short. */
export function Quote({ message }: { message: Message }): JSX.Element {
  const own = message.from === null;
  return (
    <span class="quote">
      <span class="unseen-text">{t("chat.in-reply-to")} </span>
      <span class={own ? "line-name own" : `line-name hue-${hueOf(message.from ?? "")}`}>{own ? t("call.you") : message.name}</span>{" "}
      <span class="quote-text" dir="auto">
        {plainText(message.text.slice(0, SHORT))}
      </span>
    </span>
  );
}
