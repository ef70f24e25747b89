import type { JSX } from "preact";
import { notices } from "../state/notices";

/** Short messages at the edge of the screen, read out by assistive technology. */
export function Notices(): JSX.Element {
  return (
    <div class="notices" role="status">
      {notices.value.map((notice) => (
        <p key={notice.id} class="notice">
          {notice.text}
        </p>
      ))}
    </div>
  );
}
