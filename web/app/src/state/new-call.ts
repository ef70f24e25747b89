import { Link } from "peerline";
import { navigate } from "../router";

/** Makes a new link, and goes there. */
export function newCall(): void {
  navigate(Link.create(location.origin).href);
}
