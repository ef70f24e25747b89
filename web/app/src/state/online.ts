import { signal } from "@preact/signals";

/** Whether the browser has a network at all. */
export const online = signal(typeof navigator === "undefined" || navigator.onLine !== false);

/** Follows the browser. */
export function followNetwork(): void {
  const update = () => {
    online.value = navigator.onLine;
  };
  addEventListener("online", update);
  addEventListener("offline", update);
}
