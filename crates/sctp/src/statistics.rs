//! Figures of an association.

use std::time::Duration;

/// Counters and gauges, for the W3C's statistics and for diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Statistics {
    /// Packets written.
    pub packets_sent: u64,
    /// Packets of this association that were taken in.
    pub packets_received: u64,
    /// Packets dropped: malformed, with a wrong checksum or tag, or out of place.
    pub packets_dropped: u64,
    /// Payload bytes of DATA and I-DATA chunks written, retransmissions included.
    pub bytes_sent: u64,
    /// Payload bytes of DATA and I-DATA chunks received, duplicates not included.
    pub bytes_received: u64,
    /// Chunks sent again.
    pub retransmissions: u64,
    /// Retransmission timeouts (RFC 9260 §6.3.3).
    pub timeouts: u64,
    /// Chunks received more than once.
    pub duplicates: u64,
    /// Messages given up (RFC 3758).
    pub messages_abandoned: u64,
    /// The smoothed round trip, once measured.
    pub smoothed_round_trip: Option<Duration>,
    /// The congestion window, in bytes.
    pub congestion_window: usize,
    /// The peer's receive window as last heard, in bytes.
    pub peer_receive_window: u32,
    /// Our receive window, in bytes.
    pub receive_window: u32,
    /// Bytes sent and not acknowledged.
    pub bytes_in_flight: usize,
    /// The packet size that the path is known to carry, in bytes.
    pub packet_size: usize,
    /// Bytes that wait to be sent, of all streams.
    pub buffered_amount: usize,
}
