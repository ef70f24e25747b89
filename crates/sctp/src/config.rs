//! What an owner decides about an association.

use std::time::Duration;

/// Options of an [`Association`](crate::Association). The defaults suit WebRTC: SCTP over DTLS over a path that ICE keeps alive.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Our SCTP port. Over DTLS it only has to be what our `a=sctp-port` says (RFC 8841 §5). Default 5000.
    pub local_port: u16,
    /// The peer's SCTP port. [`Association::set_remote`](crate::Association::set_remote) sets it later. Default 5000.
    pub remote_port: u16,
    /// Streams we ask for in each direction (RFC 9260 §3.3.2); the peer's wish may lower it. Default 65,535.
    pub streams: u16,
    /// The largest message that may be sent, in bytes: the peer's `a=max-message-size` (RFC 8841 §6).
    /// [`Association::set_remote`](crate::Association::set_remote) sets it later. Default 65,536, which is what its absence means.
    pub max_send_message_size: usize,
    /// The largest message that is assembled, in bytes: our `a=max-message-size`. A longer one is dropped and announced
    /// by [`Event::MessageTooLarge`](crate::Event::MessageTooLarge). It doesn't bind streams that are delivered in parts.
    /// Default 256 KiB.
    pub max_receive_message_size: usize,
    /// Bytes that may wait unsent; beyond, [`send`](crate::Association::send) refuses. A message is taken while there is
    /// less than this, however long it is. Default 64 MiB.
    pub max_buffered_amount: usize,
    /// Bytes that the peer may make us hold in all: what waits for its turn, what is being assembled, and what the owner
    /// has [yet to read](crate::Association::set_unread). Default 320 MiB.
    pub receive_limit: usize,
    /// The receive window announced at first, in bytes (at least 1,500, RFC 9260 §3.3.2). Default 1 MiB.
    pub receive_window: u32,
    /// How far the receive window may grow to follow the path's bandwidth-delay product. Default 32 MiB.
    pub max_receive_window: u32,
    /// Packets without checksum are accepted, and sent when the peer accepts them (RFC 9653). Only over DTLS. Default true.
    pub zero_checksum: bool,
    /// Messages may be interleaved (RFC 8260), if the peer can too. Default true.
    pub interleaving: bool,
    /// The largest SCTP packet on any path, in bytes, without what DTLS, UDP and IP add. It has to be a multiple of 4.
    /// Default 1,188, which makes UDP datagrams of about 1,230 bytes, safe for IPv6's smallest link.
    pub packet_size: usize,
    /// The largest SCTP packet that path MTU discovery (RFC 8899) looks for; nothing larger than
    /// [`packet_size`](Self::packet_size) is looked for where it isn't greater. Chunks stay within `packet_size`, so that
    /// they can be sent again on a narrower path: a greater size pays from about twice of it on (loopback, jumbo frames).
    /// Default 1,188.
    pub max_packet_size: usize,
    /// The SCTP packet that is taken to pass when `packet_size` doesn't. Default 480.
    pub min_packet_size: usize,
    /// The first retransmission timeout (RFC 9260 §6.3.1), until the round trip is known. Default 1 s.
    pub rto_initial: Duration,
    /// The least retransmission timeout; probes (RFC 8985 §7) come earlier. Default 220 ms.
    pub rto_min: Duration,
    /// The greatest retransmission timeout, which is also how late a path's recovery may be noticed. Default 3 s.
    pub rto_max: Duration,
    /// How long an acknowledgement may wait for company (RFC 9260 §6.2). Default 25 ms.
    pub acknowledgement_delay: Duration,
    /// How long the path may be idle before it is probed (RFC 9260 §8.3); `None` for never. Default 30 s.
    pub heartbeat_interval: Option<Duration>,
    /// Timeouts in a row after which the association has failed (RFC 9260 §8.1); `None` for never, when ICE's consent
    /// decides. Default `None`.
    pub max_retransmissions: Option<u32>,
    /// INITs and COOKIE ECHOs after which the handshake has failed (RFC 9260 §5.1); `None` for never. Default `None`.
    pub max_init_retransmissions: Option<u32>,
    /// How long a state cookie is good for (RFC 9260 §5.1.3). Default 60 s.
    pub cookie_lifetime: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            local_port: 5000,
            remote_port: 5000,
            streams: 65_535,
            max_send_message_size: 65_536,
            max_receive_message_size: 256 << 10,
            max_buffered_amount: 64 << 20,
            receive_limit: 320 << 20,
            receive_window: 1 << 20,
            max_receive_window: 32 << 20,
            zero_checksum: true,
            interleaving: true,
            packet_size: 1188,
            max_packet_size: 1188,
            min_packet_size: 480,
            rto_initial: Duration::from_secs(1),
            rto_min: Duration::from_millis(220),
            rto_max: Duration::from_secs(3),
            acknowledgement_delay: Duration::from_millis(25),
            heartbeat_interval: Some(Duration::from_secs(30)),
            max_retransmissions: None,
            max_init_retransmissions: None,
            cookie_lifetime: Duration::from_secs(60),
        }
    }
}

/// How long a message is worth sending (RFC 3758, RFC 7496 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reliability {
    /// Until it has arrived.
    #[default]
    Reliable,
    /// For this long after it was handed over, in whole milliseconds. Zero: if it can be sent at once.
    MaxLifetime(Duration),
    /// With so many retransmissions of each of its chunks.
    MaxRetransmissions(u16),
}

/// How one message is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SendOptions {
    /// Delivered in the order of the stream, or as soon as it is complete.
    pub ordered: bool,
    /// When to give it up.
    pub reliability: Reliability,
}

impl Default for SendOptions {
    /// Ordered and reliable.
    fn default() -> Self {
        Self { ordered: true, reliability: Reliability::Reliable }
    }
}

/// How a stream's messages reach the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// As [`Event::Message`](crate::Event::Message), whole.
    #[default]
    Whole,
    /// As [`Event::Part`](crate::Event::Part)s as they come in, so that nothing is held for long messages.
    Parts,
}
