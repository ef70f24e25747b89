/** Lets the app open without a network. Where the browser doesn't allow it, everything else is as it was. */
export function registerServiceWorker(): void {
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  const register = () => void navigator.serviceWorker.register("/service-worker.js").catch(() => undefined);
  // The page comes first.
  if (document.readyState === "complete") register();
  else addEventListener("load", register, { once: true });
}
