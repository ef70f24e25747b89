const FIRST = 0.3;
const SECOND = 0.5;
const LONGEST = 5;

/**
 * How long to wait before connecting again: nearly nothing at first, then twice as long each time,
 * spread so that the clients of a server that failed don't come back in one wave.
 *
 * @param failures - how many attempts in a row have failed
 * @param random - 0 to 1
 * @returns seconds
 */
export function backoff(failures: number, random: number): number {
  if (failures === 0) return FIRST * random;
  const longest = Math.min(SECOND * 2 ** (failures - 1), LONGEST);
  return longest * (0.5 + random / 2);
}
