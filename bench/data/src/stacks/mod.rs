//! The WebRTC implementations under measurement, each one file and one cargo feature.

mod limit;

#[cfg(feature = "libdatachannel")]
mod libdatachannel;
#[cfg(feature = "peerline")]
mod peerline;
#[cfg(feature = "str0m")]
mod str0m;
#[cfg(feature = "webrtc-rs")]
mod webrtc_rs;

use std::any::Any;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::{pipe::Pipe, work::Work};

/// Connections that live until this is dropped.
pub type Connections = Box<dyn Any>;

/// One implementation, in one process.
///
/// Both calls make one connection per work, on 127.0.0.1, each with one reliable, ordered data channel, and return as
/// soon as descriptions are exchanged; the works run on the stack's own threads and report their own end.
/// All offers go over the pipe before the first answer does: a pipe holds less than many descriptions.
pub trait Stack {
    /// Makes the connections, as the side that offers and opens the channels.
    fn offer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections>;

    /// Takes the connections, as the side that answers.
    fn answer(&mut self, pipe: &mut Pipe, works: Vec<Work>) -> Result<Connections>;
}

/// Which implementation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize, Deserialize)]
pub enum Name {
    /// str0m, aws-lc-rs, plain sockets.
    Str0m,
    /// The `webrtc` crate on tokio, aws-lc-rs.
    WebrtcRs,
    /// libdatachannel, by the `datachannel` crate.
    Libdatachannel,
    /// Ours.
    Peerline,
    /// No WebRTC: GSO/GRO UDP, AES-128-GCM and one copy each side, the machine's own limit.
    Limit,
}

impl Name {
    /// All, in the order of the table.
    pub const ALL: [Self; 5] =
        [Self::Str0m, Self::WebrtcRs, Self::Libdatachannel, Self::Peerline, Self::Limit];

    /// As the table and `--only` write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Str0m => "str0m",
            Self::WebrtcRs => "webrtc-rs",
            Self::Libdatachannel => "libdatachannel",
            Self::Peerline => "peerline",
            Self::Limit => "limit",
        }
    }

    /// Why this program can't measure it, if so: what to install, how to build.
    pub fn missing(self) -> Option<&'static str> {
        match self {
            Self::Str0m if cfg!(not(feature = "str0m")) => Some("not built: cargo feature str0m"),
            Self::WebrtcRs if cfg!(not(feature = "webrtc-rs")) => Some("not built: cargo feature webrtc-rs"),
            Self::Libdatachannel if cfg!(not(feature = "libdatachannel")) => Some(
                "not built: cargo feature libdatachannel; needs `apt-get install cmake g++ libssl-dev libclang-dev`",
            ),
            Self::Peerline if cfg!(not(feature = "peerline")) => Some("not built: cargo feature peerline"),
            _ => None,
        }
    }

    /// The implementation itself.
    pub fn stack(self) -> Result<Box<dyn Stack>> {
        match self {
            #[cfg(feature = "str0m")]
            Self::Str0m => Ok(Box::new(str0m::Str0m)),
            #[cfg(feature = "webrtc-rs")]
            Self::WebrtcRs => Ok(Box::new(webrtc_rs::WebrtcRs::new()?)),
            #[cfg(feature = "libdatachannel")]
            Self::Libdatachannel => Ok(Box::new(libdatachannel::Libdatachannel)),
            #[cfg(feature = "peerline")]
            Self::Peerline => Ok(Box::new(peerline::Peerline::new()?)),
            Self::Limit => Ok(Box::new(limit::Limit)),
            #[allow(unreachable_patterns, reason = "with every feature on, nothing is left")]
            _ => bail!("{} is {}", self.text(), self.missing().unwrap_or("not here")),
        }
    }
}
