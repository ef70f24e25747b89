//! The channel protocol of `docs/signaling.md`: links and keys, sealed payloads, frames, the hub and the client.
//!
//! The [`hub`] is the server's side as plain state, the [`client`] the participant's: neither has sockets or a
//! clock, or knows what carries its frames. Everything else here serves both sides.

mod base64url;
pub mod client;
pub mod code;
pub mod error;
pub mod frame;
pub mod hub;
pub mod identifier;
pub mod limits;
pub mod link;
pub mod message;
pub mod name;
pub mod seal;

pub use code::Code;
pub use error::{CloseCode, ErrorCode};
pub use identifier::{ChannelId, ParticipantId, ParticipantKey};
pub use limits::Limits;
pub use link::Link;
