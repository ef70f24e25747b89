//! STUN (RFC 8489) without sockets, clock or allocation.
//!
//! * [`Message`] reads a message where it lies; [`MessageWriter`] writes one into the caller's buffer.
//! * [`integrity`] is MESSAGE-INTEGRITY in both forms and the keys of credentials; [`nonce_cookie`] is what a nonce tells a client.
//! * [`framing`] finds messages in a stream of bytes.
//! * [`transaction`] says when a client sends its request again.
//! * [`binding`] answers Binding requests: RFC 8489, NAT behaviour discovery (RFC 5780) and clients of RFC 3489.
//!
//! User names, realms and passwords are used as they are: whoever wants them prepared by the OpaqueString profile
//! (RFC 8265) does so before handing them in.

pub mod address;
pub mod attribute;
pub mod binding;
mod error_code;
mod fingerprint;
pub mod framing;
pub mod integrity;
mod message;
pub mod nonce_cookie;
pub mod transaction;
mod writer;

pub use error_code::ErrorCode;
pub use fingerprint::crc32;
pub use message::{Attribute, Attributes, Class, MAGIC_COOKIE, Message, Method, ParseError, TransactionId};
pub use writer::{Full, MessageWriter};
