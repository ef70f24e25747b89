import type { TextKey } from "../text/text";

/** The sentence for an error code of the server (docs/signaling.md §10) or of the SDK. */
export function failureOf(code: string): TextKey {
  switch (code) {
    case "channel_full":
      return "error.channel-full";
    case "too_many_joins":
    case "rate_limited":
      return "error.too-many-joins";
    case "overloaded":
    case "draining":
      return "error.overloaded";
    case "bad_channel":
      return "error.invalid-link";
    case "bad_name":
      return "error.bad-name";
    case "closed":
      return "error.closed";
    default:
      return "error.other";
  }
}
