//! What goes wrong, as it is told on the wire (`docs/signaling.md` §4 and §10).

use serde::{Deserialize, Serialize};

/// The stable code of an `error` frame (§10).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum ErrorCode {
    /// Not JSON, not an object, a member missing or of the wrong kind.
    BadFrame,
    /// The frame is over 65,536 bytes; the connection closes.
    TooLarge,
    /// No such type.
    UnknownType,
    /// A frame before `hello`; the connection closes.
    HelloFirst,
    /// Not 43 characters of base64url.
    BadChannel,
    /// This session is not in that channel.
    NotJoined,
    /// The channel has as many members as it may.
    ChannelFull,
    /// This session is in as many channels as it may.
    TooManyChannels,
    /// The receiver is not there, or did not come back.
    PeerGone,
    /// The receiver's queue is full.
    PeerBusy,
    /// Too many frames.
    RateLimited,
    /// This address has joined, or failed to join, too often.
    TooManyJoins,
    /// The name is empty, too long or has characters that it may not have.
    BadName,
    /// No such invitation, or nobody findable by that identifier.
    NotFound,
    /// The server is about to stop.
    Draining,
    /// The server holds as many sessions as it may.
    Overloaded,
}

impl ErrorCode {
    /// Every code, in the order of §10.
    pub const ALL: [Self; 16] = [
        Self::BadFrame,
        Self::TooLarge,
        Self::UnknownType,
        Self::HelloFirst,
        Self::BadChannel,
        Self::NotJoined,
        Self::ChannelFull,
        Self::TooManyChannels,
        Self::PeerGone,
        Self::PeerBusy,
        Self::RateLimited,
        Self::TooManyJoins,
        Self::BadName,
        Self::NotFound,
        Self::Draining,
        Self::Overloaded,
    ];

    /// The code as it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadFrame => "bad_frame",
            Self::TooLarge => "too_large",
            Self::UnknownType => "unknown_type",
            Self::HelloFirst => "hello_first",
            Self::BadChannel => "bad_channel",
            Self::NotJoined => "not_joined",
            Self::ChannelFull => "channel_full",
            Self::TooManyChannels => "too_many_channels",
            Self::PeerGone => "peer_gone",
            Self::PeerBusy => "peer_busy",
            Self::RateLimited => "rate_limited",
            Self::TooManyJoins => "too_many_joins",
            Self::BadName => "bad_name",
            Self::NotFound => "not_found",
            Self::Draining => "draining",
            Self::Overloaded => "overloaded",
        }
    }

    /// A sentence for people; unlike the code it may change.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::BadFrame => "That is not a frame of this protocol.",
            Self::TooLarge => "A frame may have at most 65,536 bytes.",
            Self::UnknownType => "There is no frame of that type.",
            Self::HelloFirst => "The first frame has to be hello.",
            Self::BadChannel => "A channel is 43 characters of base64url.",
            Self::NotJoined => "You are not in that channel.",
            Self::ChannelFull => "That channel is full.",
            Self::TooManyChannels => "You are in as many channels as you may be.",
            Self::PeerGone => "That participant is not there.",
            Self::PeerBusy => "That participant does not keep up.",
            Self::RateLimited => "Too many frames at once.",
            Self::TooManyJoins => "Too many joins from your address.",
            Self::BadName => "A name has 1 to 64 characters, and no control characters.",
            Self::NotFound => "There is nothing of that kind.",
            Self::Draining => "The server is about to restart.",
            Self::Overloaded => "The server is full.",
        }
    }
}

/// Why the hub closes a connection: the close code of §4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// A binary message.
    Unsupported,
    /// A frame over 65,536 bytes.
    TooLarge,
    /// The server restarts.
    Restart,
    /// The same participant has a newer connection.
    Fenced,
    /// `hello` is missing, late or refused.
    NoHello,
    /// Too many frames that are none.
    TooManyErrors,
    /// Nothing heard for two heartbeats.
    Idle,
    /// The client doesn't read its answers.
    Unread,
}

impl CloseCode {
    /// The number, as a WebSocket close frame carries it.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Unsupported => 1003,
            Self::TooLarge => 1009,
            Self::Restart => 1012,
            Self::Fenced => 4001,
            Self::NoHello => 4002,
            Self::TooManyErrors => 4003,
            Self::Idle => 4004,
            Self::Unread => 4005,
        }
    }
}
