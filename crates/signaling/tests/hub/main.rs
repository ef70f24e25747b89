//! The hub, in the words of `docs/signaling.md`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong stops")]

mod channels;
mod discovery;
mod frames;
mod limits;
mod lossless;
mod messages;
mod session;
mod simulation;
mod slow_consumers;
mod strangers;
