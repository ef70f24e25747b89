//! Files and folders to another participant, browser or native (`docs/transfer.md`).
//!
//! The sender collects files and offers them; [`Sending::next_event`] tells how it goes.
//!
//! ```no_run
//! # async fn example(peer: peerline::PeerConnection) -> Result<(), Box<dyn std::error::Error>> {
//! use peerline::transfer::{Files, Sending};
//!
//! let files = Files::collect(["report.pdf", "photos"])?;
//! let outcome = Sending::offer(&peer, &files)?.finish().await;
//! println!("{outcome:?}");
//! # Ok(())
//! # }
//! ```
//!
//! The receiver gets a data channel with the label [`LABEL`], looks at the offer, and takes it into a directory or not.
//!
//! ```no_run
//! # async fn example(channel: peerline::DataChannel) -> Result<(), Box<dyn std::error::Error>> {
//! use peerline::transfer::{Directory, Existing, IncomingOffer};
//!
//! let incoming = IncomingOffer::receive(channel).await?;
//! let plan = incoming.plan(&Directory::create("downloads")?).await?;
//! let outcome = incoming.accept(plan, Existing::Keep)?.finish().await;
//! println!("{outcome:?}");
//! # Ok(())
//! # }
//! ```
//!
//! A transfer that was broken off goes on when the same files are offered again: whole chunks that are still good on the
//! receiver's disk are not sent a second time. Nothing is ever written outside of the directory, through a symbolic link,
//! or over a file that is there, unless [`Existing::Replace`] says so.

mod directory;
mod disk;
mod files;
mod incoming;
mod part;
mod plan;
mod receiving;
mod sending;
mod wire;

pub use directory::Directory;
pub use files::{CollectError, Files, LeftOut};
pub use incoming::{IncomingOffer, OfferLost};
pub use peerline_transfer::receiver::Progress as ReceiveProgress;
pub use peerline_transfer::sender::Progress as SendProgress;
pub use peerline_transfer::{
    Cancelled, ChunkSize, DeclineReason, Error, ErrorCode, FileFailure, FileIndex, FilePath, InvalidOffer,
    InvalidPath, LABEL, Offer, OfferedFile, Outcome, PART_SUFFIX, PROTOCOL, STATE_SUFFIX, TransferId,
};
pub use plan::{Existing, Plan};
pub use receiving::{ReceiveEvent, Receiving};
pub use sending::{SendEvent, Sending};
