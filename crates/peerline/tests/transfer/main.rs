//! Files between two peers of this machine, over real sockets and on a real disk (`docs/transfer.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod disk;
mod resume;
mod stranger;
mod whole;
mod world;
