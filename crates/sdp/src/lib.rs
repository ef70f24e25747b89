//! Session descriptions (RFC 8866) with the attributes that WebRTC uses, read and written without loss.
//!
//! * [`SessionDescription`] keeps every line as it came, in its order, known or not:
//!   what is parsed and written again is the same, byte for byte (with CRLF as line ends).
//! * [`Attribute`] is a typed view of an `a=` line. [`SessionDescription::parse`] refuses a description whose
//!   known attributes are malformed, so a view of a parsed description misses nothing.
//! * [`Candidate`] is a transport address to try, in an `a=candidate` line or alone as applications exchange it.
//!
//! What the lines mean together (bundling, which section a candidate belongs to) is for the offer/answer machine.

mod attribute;
mod candidate;
mod description;
mod dtls;
mod error;
mod grouping;
mod ice;
mod line;
mod media;
mod origin;
mod rtp;
mod scanner;
mod sctp;
mod section;
mod simulcast;

pub use attribute::{Attribute, Direction, flag};
pub use candidate::{Address, Candidate, CandidateType, MAX_CANDIDATE_LENGTH, TcpType, Transport};
pub use description::{MAX_LENGTH, MAX_LINES, MAX_MEDIA, SessionDescription};
pub use dtls::{Fingerprint, Setup, TlsId};
pub use error::{ErrorKind, ParseError, ValueError};
pub use grouping::{BUNDLE, Group, Mid, Msid};
pub use ice::{IceOptions, IcePacing, IcePwd, IceUfrag};
pub use line::Line;
pub use media::{MediaDescription, MediaLine};
pub use origin::Origin;
pub use rtp::{ExtMap, Fmtp, PayloadTypes, RtcpFeedback, RtpMap, Ssrc, SsrcGroup};
pub use sctp::{MaxMessageSize, SctpInit, SctpPort};
pub use section::Section;
pub use simulcast::{Rid, RidDirection, Simulcast, SimulcastStream};
