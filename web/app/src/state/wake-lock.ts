/** Keeps the screen on during a call, where the browser can. Returns what ends it. */
export function keepAwake(): () => void {
  if (!("wakeLock" in navigator)) return () => undefined;
  let lock: WakeLockSentinel | null = null;
  let ended = false;
  const request = async () => {
    // A hidden page loses its lock, and may ask again when it is seen.
    if (ended || document.visibilityState !== "visible") return;
    try {
      lock = await navigator.wakeLock.request("screen");
      if (ended) await lock.release();
    } catch {
      // Low battery or a policy: the screen goes dark as ever.
    }
  };
  document.addEventListener("visibilitychange", request);
  void request();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", request);
    void lock?.release().catch(() => undefined);
  };
}
