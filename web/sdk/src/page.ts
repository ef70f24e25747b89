/** What the page tells us about itself and the network. */
export interface PageListener {
  /** The page is looked at again, or goes on after it was frozen: what it holds may be dead. */
  wake(): void;
  networkchange(): void;
  /** The page goes away. */
  hide(): void;
  /** The page came back from the browser's cache. */
  show(): void;
}

/** The Network Information API, which not every browser has. */
interface NetworkInformation extends EventTarget {
  readonly type?: string;
}

/** @returns a function that ends watching */
export function watchPage(listener: PageListener): () => void {
  if (typeof window === "undefined") return () => undefined;
  const ended = new AbortController();
  const { signal } = ended;
  window.addEventListener("online", () => listener.networkchange(), { signal });
  window.addEventListener("pagehide", () => listener.hide(), { signal });
  window.addEventListener("pageshow", ({ persisted }) => persisted && listener.show(), { signal });
  const visible = () => document.visibilityState === "visible" && listener.wake();
  document.addEventListener("visibilitychange", visible, { signal });
  // A page that was frozen needn't have been out of sight (Page Lifecycle).
  document.addEventListener("resume", () => listener.wake(), { signal });
  const { connection } = navigator as { connection?: NetworkInformation };
  let type = connection?.type;
  // It changes with each new estimate of the speed, too; only another kind of network is another network.
  const changed = () => {
    if (connection?.type === type) return;
    type = connection?.type;
    listener.networkchange();
  };
  connection?.addEventListener("change", changed, { signal });
  return () => ended.abort();
}
