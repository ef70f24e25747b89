import { signal, type ReadonlySignal } from "@preact/signals";
import { Link } from "peerline";

/** Where in the app an address leads. */
export type Route =
  | { readonly view: "start" }
  /** `/c/#v1.<secret>`: a channel; `link` is the whole address, which is what people share. */
  | { readonly view: "channel"; readonly link: string }
  /** `/c/` with a fragment that is no link. */
  | { readonly view: "invalid" }
  /** `/check`: what this network allows. */
  | { readonly view: "check" };

/** The route of an address. Only `/`, `/c/` and `/check` are the app's. */
export function parseRoute(address: string): Route {
  const url = new URL(address);
  if (/^\/check\/?$/.test(url.pathname)) return { view: "check" };
  if (!/^\/c\/?$/.test(url.pathname)) return { view: "start" };
  const link = Link.tryParse(`${url.origin}/c/${url.hash}`);
  return link === undefined ? { view: "invalid" } : { view: "channel", link: link.href };
}

const current = signal<Route>(
  typeof location === "undefined" ? { view: "start" } : parseRoute(location.href),
);

/** The route that is shown. */
export const route: ReadonlySignal<Route> = current;

/** Goes to an address of this app, as a new entry of the history. */
export function navigate(address: string): void {
  const url = new URL(address, location.href);
  history.pushState(null, "", url.pathname + url.hash);
  current.value = parseRoute(location.href);
}

/** Follows the browser's back, forward and edits of the address. */
export function followHistory(): void {
  const update = () => {
    current.value = parseRoute(location.href);
  };
  addEventListener("popstate", update);
  addEventListener("hashchange", update);
}
