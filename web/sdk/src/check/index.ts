/**
 * What this network allows, found out by the browser: `/check`.
 *
 * @packageDocumentation
 */
export type * from "./evidence.js";
export { type CheckStep, examine } from "./examine.js";
export { judge, type Seen, type Standing, type Verdict } from "./verdict.js";
