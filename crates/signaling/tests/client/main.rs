//! The client, in the words of `docs/signaling.md`, against the real hub.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong stops")]

mod discovery;
mod lossless;
mod membership;
mod network;
mod session;
