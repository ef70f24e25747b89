//! `docs/transfer.md`, section by section, with two machines and a disk between runs.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that goes wrong stops")]

mod limits;
mod paths;
mod resume;
mod stranger;
mod vectors;
mod whole;
mod world;
