//! DTLS 1.3 (RFC 9147) and 1.2 (RFC 6347) as WebRTC uses it (RFC 8827 §6.5), as a machine without sockets, clock or locks.
//!
//! Handshake and records are the crate `dimpl`'s; this crate is the face the rest of Peerline sees, so that it can be
//! replaced here alone. What it adds is what WebRTC asks for above plain DTLS: the peer is whoever holds the certificate
//! whose fingerprint came by signaling (RFC 8122 §5), and no application byte is delivered before that is proved.
//!
//! [`Dtls`] has the house's verbs. After each call to [`Dtls::handle_input`], [`Dtls::handle_timeout`] or [`Dtls::close`],
//! and after [`Dtls::new`], drain [`Dtls::poll_transmit`], [`Dtls::poll_data`] and [`Dtls::poll_event`] until they have
//! nothing more. Application data takes a short way past the queues: [`Dtls::seal_into`] writes the datagram into the
//! caller's buffer, [`Dtls::handle_input`] decrypts into the buffer the datagram came in.

mod certificate;
mod config;
mod dtls;
mod established;
mod event;
mod fingerprint;
mod key;
mod record;
mod secret;
mod steady;

pub use certificate::{Certificate, CertificateError};
pub use config::{Config, Role, Versions};
pub use dtls::{Dtls, NewError, SealError};
pub use event::{Connected, Event, Failure, SrtpKeys, SrtpProfile, Version};
pub use fingerprint::{Fingerprint, FingerprintError, HashFunction};
