/**
 * Peerline in the browser: meet in a channel, see, hear and write to each other, directly and encrypted.
 *
 * @packageDocumentation
 */
export * from "./api.js";
export * from "./transfer/api.js";
export { Link } from "./link.js";
export { Peerline } from "./peerline.js";
export type { TypedEventTarget } from "./events.js";
