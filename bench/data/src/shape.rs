//! What is measured, and what one measurement shows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::stacks::Name;

/// One kind of measurement.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum, Serialize, Deserialize)]
pub enum Shape {
    /// One stream of 64 KiB messages.
    Large,
    /// One stream of 1 KiB messages.
    Small,
    /// A 64-byte message to and fro.
    Ping,
    /// Connections made and closed, one after the other.
    Setup,
    /// Many open connections that say nothing.
    Idle,
}

impl Shape {
    /// All, in the order of the table.
    pub const ALL: [Self; 5] = [Self::Large, Self::Small, Self::Ping, Self::Setup, Self::Idle];

    /// Whether it makes sense for the machine's limit, which has no handshake.
    pub fn is_for(self, name: Name) -> bool {
        name != Name::Limit || matches!(self, Self::Large | Self::Small | Self::Ping)
    }
}

/// One measurement of one stack, as the two processes are told.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Task {
    /// Who.
    pub name: Name,
    /// What.
    pub shape: Shape,
    /// Bytes of a stream of 64 KiB messages; the one of 1 KiB messages has a quarter.
    pub bytes: u64,
    /// A stream ends after this, even with bytes left.
    pub longest: Duration,
    /// Round trips of a ping.
    pub round_trips: u32,
    /// Connections made one after the other.
    pub pairs: usize,
    /// Connections held idle.
    pub idle: usize,
}

/// What one measurement showed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Outcome {
    /// A stream, both processes together.
    Stream {
        /// Million bytes of payload a second.
        rate: f64,
        /// CPU seconds per 10⁹ bytes of payload.
        cpu: f64,
    },
    /// Round trips, µs.
    Ping {
        /// The median.
        median: f64,
        /// The 99th percentile.
        slow: f64,
    },
    /// Making a connection.
    Setup {
        /// From nothing to the first message's echo, median, ms.
        milliseconds: f64,
        /// CPU milliseconds of both processes per pair, made and closed.
        cpu: f64,
    },
    /// Memory of an idle connection in the answering process, which may have one port for all, KiB.
    Idle {
        /// Resident, more than with the first connection alone.
        kibibytes: f64,
    },
}
