/**
 * Peerline in the browser: meet in a channel, see, hear and write to each other, directly and encrypted.
 *
 * @packageDocumentation
 */
export * from "./api.js";
export * from "./transfer/api.js";
export type { Candidate } from "./diagnostics/candidate.js";
export type { Diagnosis, DegradationDiagnosis, FailureDiagnosis } from "./diagnostics/diagnosis.js";
export type { Diagnostics, DiagnosticsEvents } from "./diagnostics/diagnostics.js";
export type { ConnectionEvent, ConnectionIncident } from "./diagnostics/event-log.js";
export type { ConnectionReport } from "./diagnostics/report.js";
export type { RelayReason, Route } from "./diagnostics/route.js";
export type { ConnectionSample } from "./diagnostics/sample.js";
export type { CandidatePair, ConnectionSnapshot, MediaFigures } from "./diagnostics/snapshot.js";
export { Link } from "./link.js";
export { REACTIONS, type Reaction } from "./reactions.js";
export { Peerline } from "./peerline.js";
export type { TypedEventTarget } from "./events.js";
