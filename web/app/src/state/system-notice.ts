import { signal } from "@preact/signals";

const supported = typeof Notification !== "undefined";

/** Whether the user could still be asked for the permission to be told of calls by the system. */
export const mayAsk = signal(supported && Notification.permission === "default");

/** Asks for it; browsers want a gesture of the user before. */
export async function askToNotify(): Promise<void> {
  await Notification.requestPermission().catch(() => undefined);
  mayAsk.value = Notification.permission === "default";
}

/** Tells something by the system, where that is allowed and nobody looks at the page. Returns what takes it back. */
export function tellBySystem(text: string, tag: string): () => void {
  if (!supported || Notification.permission !== "granted" || document.visibilityState === "visible") return () => undefined;
  try {
    const notification = new Notification(text, { tag, icon: "/favicon.svg" });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    return () => notification.close();
  } catch {
    // On phones only a service worker may tell something.
    const told = navigator.serviceWorker?.ready.then((worker) => worker.showNotification(text, { tag, icon: "/favicon.svg" }).then(() => worker.getNotifications({ tag })));
    return () => void told?.then((notifications) => notifications.forEach((notification) => notification.close()));
  }
}
