import type { JSX } from "preact";
import { chatOpen, unread } from "../state/model";
import { plural, t } from "../text/text";
import { closeChat, openChat } from "./chat";
import { ChatIcon } from "./icons";
import { ToolButton } from "./media-buttons";

/** Opens the chat, and says what there is to read in it. */
export function ChatButton(): JSX.Element {
  const count = unread.value;
  const toggle = () => {
    if (chatOpen.value) closeChat();
    else openChat();
  };
  return (
    <span class="tool-place">
      <ToolButton label={t("call.chat")} expanded={chatOpen.value} controls="chat" onClick={toggle}>
        <ChatIcon />
      </ToolButton>
      {count > 0 && (
        <span class="badge" aria-hidden="true">
          {count > 99 ? "99+" : count}
        </span>
      )}
      <span class="unseen-text" role="status">
        {count > 0 ? plural("chat.unread", count) : ""}
      </span>
    </span>
  );
}
