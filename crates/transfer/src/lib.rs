//! Files and folders over one data channel (`docs/transfer.md`), both sides as machines without files, sockets
//! or a clock.
//!
//! [`Sender`] offers and asks its owner for bytes of files; [`Receiver`] takes an offer apart, asks its owner to
//! open files and hands it verified chunks to write. What is slow and can be done elsewhere is in the jobs that
//! they hand out: [`Read::hash`] and [`Write::verify`] run where the owner wants them to, on another thread for
//! instance, and the finished job goes back.
//!
//! One machine serves one data channel, made by the sender with [`LABEL`] and [`PROTOCOL`], reliable and ordered.
//! After every input the owner drains `poll_transmit` and `poll_event` until both are empty. Nothing here waits
//! for a time: whether the other side is still there is the connection's to know.

mod claim;
mod digest;
mod error;
mod job;
mod limits;
mod message;
mod offer;
mod part;
mod path;
mod piece;
pub mod receiver;
pub mod sender;

pub use digest::{Chain, Digest};
pub use error::{Cancelled, DeclineReason, Error, ErrorCode, FileFailure, Outcome};
pub use job::{Damaged, Hashed, Read, Verified, Write};
pub use limits::Limits;
pub use message::{Message, Transmit};
pub use offer::{ChunkSize, FileIndex, InvalidOffer, Offer, OfferedFile, TransferId};
pub use part::{ForeignState, PartState, RECORD_LENGTH};
pub use path::{FilePath, InvalidPath, PART_SUFFIX, STATE_SUFFIX};
pub use receiver::Receiver;
pub use sender::Sender;

/// The data channel's label (`docs/transfer.md` §1).
pub const LABEL: &str = "peerline-transfer";

/// The data channel's protocol (`docs/transfer.md` §1).
pub const PROTOCOL: &str = "peerline.transfer.v1";
