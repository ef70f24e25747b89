import { RateLimit } from "./rate-limit.js";

/** What somebody can show for a moment. */
export const REACTIONS = ["yes", "applause", "heart", "laughter", "surprise"] as const;
export type Reaction = (typeof REACTIONS)[number];

/** As often as a hand can press a button on purpose. */
const SENT = { count: 5, milliseconds: 4_000 };
/** What was sent over a time may arrive at once. */
const RECEIVED = { count: 2 * SENT.count, milliseconds: SENT.milliseconds };

export const sendingLimit = (): RateLimit => new RateLimit(SENT.count, SENT.milliseconds);
export const receivingLimit = (): RateLimit => new RateLimit(RECEIVED.count, RECEIVED.milliseconds);

export function isReaction(value: unknown): value is Reaction {
  return (REACTIONS as readonly unknown[]).includes(value);
}
