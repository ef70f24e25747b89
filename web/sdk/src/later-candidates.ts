/** What each restart adds to a priority: two steps between a machine's networks, of 256 local preferences each (RFC 8445 §5.1.2.1). */
const STEP = 2 * 256 * 256;
/** So many restarts never make a candidate one of a better type. */
const MOST = 60;
const HIGHEST = 2 ** 31 - 1;

/**
 * Prefers candidates of later restarts to earlier ones, and changes nothing in the order of those that come together. Chromium, when it controls ICE, leaves a pair
 * that answers no more only after 3.5 seconds, but takes a better one at once; and after a change of network the candidates are seldom better by themselves.
 *
 * @param text - a description or a candidate of the other side
 * @param restarts - how many ICE restarts it comes after
 */
export function preferLater(text: string, restarts: number): string {
  const more = Math.min(restarts, MOST) * STEP;
  if (more === 0) return text;
  return text.replace(/^((?:a=)?candidate:\S+ \d+ \S+ )(\d+)/gm, (_, before: string, priority: string) => before + Math.min(Number(priority) + more, HIGHEST));
}
