//! Session descriptions in and out (RFC 9429): who offered what, and what was agreed on.
//!
//! [`Session`] knows no transports: it makes and checks descriptions, and says with [`Session::agreement`] what the
//! transports have to do. Offers and answers of media have their place here as sections that are refused.

mod answer;
mod candidates;
mod description;
mod offer;
mod remote;
mod section;
mod session;
mod validate;

pub use description::{Description, IceCandidate, SdpType};
pub(crate) use remote::RemoteTransport;
pub(crate) use session::{LocalSettings, Session};
