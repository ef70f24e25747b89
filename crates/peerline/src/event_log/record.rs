//! A line of the log (`docs/event-log.md`): what writes it and what reads it have the same types.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::CallId;

/// What the first line's `format` says.
pub const FORMAT: &str = "peerline-event-log";
/// What its `version` says. It changes when a member changes its meaning; readers ignore what they don't know.
pub const VERSION: u32 = 1;

/// A state's or a kind's name, mostly the W3C's.
pub type Word = Cow<'static, str>;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// When, in milliseconds since 1970 by this machine's clock.
    pub time: f64,
    /// The same in milliseconds since the log began, by a clock that never jumps.
    pub elapsed: f64,
    /// To which connection of this log, counted from 1; missing for what is no connection's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<u64>,
    /// What both sides call that connection, once both have described themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallId>,
    /// What happened.
    #[serde(flatten)]
    pub event: LogEvent,
}

/// What happened, by the member `event`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum LogEvent {
    /// A log begins: the first line of each run of a program.
    Log {
        /// [`FORMAT`]
        format: String,
        /// [`VERSION`]
        version: u32,
        /// The program's name and version.
        agent: String,
    },
    /// Lines that were lost because the reader was slow.
    Dropped {
        /// How many.
        records: u64,
    },

    /// A channel is entered.
    Channel {
        /// The server's origin.
        server: String,
        /// One's own identifier in it.
        participant: String,
    },
    /// How things stand with the server: `connecting`, `online`, `unreachable`, `refused` or `closed`.
    Server {
        /// How.
        state: Word,
        /// Why, where it is known: a sentence.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// What the server says of somebody else: `present`, `away`, `missing` or `left`.
    Participant {
        /// Its identifier.
        participant: String,
        /// What.
        state: Word,
    },

    /// A peer connection begins.
    Connection {
        /// To whom; missing outside of channels.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        participant: Option<String>,
        /// Whether this side makes the first offer, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        offers: Option<bool>,
        /// Only the relay may be used.
        relay_only: bool,
        /// The STUN and TURN servers' URLs.
        servers: Vec<String>,
    },
    /// A session description was set.
    Description {
        /// `local` or `remote`.
        side: Word,
        /// `offer` or `answer`.
        kind: Word,
        /// Its ICE user name fragment. Another one than before is a restart of ICE.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ufrag: Option<String>,
        /// How many candidates stand in it.
        candidates: usize,
    },
    /// W3C `signalingState`.
    Signaling {
        /// The W3C's name.
        state: Word,
    },
    /// W3C `connectionState`.
    State {
        /// The W3C's name.
        state: Word,
    },

    /// W3C `iceGatheringState`.
    Gathering {
        /// The W3C's name.
        state: Word,
    },
    /// A candidate of ours.
    LocalCandidate(LoggedCandidate),
    /// A candidate of the other side's.
    RemoteCandidate(LoggedCandidate),
    /// A STUN or TURN server didn't help (W3C `icecandidateerror`).
    ServerFailed {
        /// The server.
        url: String,
        /// The local address it was asked from.
        local: String,
        /// STUN's error code, or 701 if there was no answer.
        code: u16,
    },
    /// W3C `iceConnectionState`.
    Ice {
        /// The W3C's name.
        state: Word,
    },
    /// ICE's role: `controlling` or `controlled`.
    Role {
        /// Which.
        role: Word,
    },
    /// ICE was restarted.
    Restart {
        /// By whose description it shows: `local` or `remote`.
        side: Word,
    },
    /// A candidate pair came into a state (RFC 8445 §6.1.2.6).
    Pair {
        /// Its name in this connection.
        pair: String,
        /// Our candidate's name.
        local: String,
        /// The other side's candidate's name.
        remote: String,
        /// The W3C's name of the state.
        state: Word,
        /// Milliseconds that a check took, once one was answered.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        round_trip: Option<f64>,
    },
    /// The controlling side decided for a pair.
    Nominated {
        /// The pair's name.
        pair: String,
    },
    /// Data takes another pair from now on.
    Selected {
        /// The pair's name; missing when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pair: Option<String>,
    },
    /// A pair that had been answered isn't any more (RFC 7675).
    ConsentLost {
        /// The pair's name.
        pair: String,
    },

    /// W3C `RTCDtlsTransport.state`.
    Dtls {
        /// The W3C's name.
        state: Word,
        /// `client` or `server`, once that is agreed on.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        role: Option<Word>,
        /// `1.2` or `1.3`, once it stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<Word>,
    },
    /// Why DTLS failed.
    DtlsFailed {
        /// A sentence.
        reason: String,
    },
    /// The SCTP association's state, by RFC 9260's names.
    Sctp {
        /// Which.
        state: Word,
    },
    /// A data channel is `open`, `closing` or `closed`.
    DataChannel {
        /// Its number in this connection.
        channel: u32,
        /// Its name, as the application chose it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// How it stands.
        state: Word,
    },
    /// What was counted so far; every five seconds while the connection lives.
    Statistics(LoggedStatistics),
    /// The connection is over.
    Closed,

    /// An event of a later version.
    #[serde(other)]
    Unknown,
}

/// A candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedCandidate {
    /// Its name in this connection: `L1` or `R1`.
    pub candidate: String,
    /// `host`, `srflx`, `prflx` or `relay`.
    #[serde(rename = "type")]
    pub kind: Word,
    /// `udp` or `tcp`.
    pub protocol: Word,
    /// Who opens the connections of one of TCP: `active`, `passive` or `so` (RFC 6544 §4.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp_type: Option<Word>,
    /// The address, or the name below `.local` that hides it.
    pub address: String,
    /// The port.
    pub port: u16,
    /// RFC 8445 §5.1.2.
    pub priority: u32,
    /// The ICE user name fragment it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ufrag: Option<String>,
    /// Of one of ours, the server that it was learned from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// How the relay is reached: `udp`, `tcp` or `tls`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay_protocol: Option<Word>,
    /// The address behind the NAT (RFC 8445 §5.3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_address: Option<String>,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub related_port: Option<u16>,
}

/// Sums over all pairs of a connection since it began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LoggedStatistics {
    /// The pair that data takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pair: Option<String>,
    /// Its newest round trip, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_trip: Option<f64>,
    /// Datagrams of data.
    pub packets_sent: u64,
    /// Datagrams of data.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// ICE's checks, consent checks included.
    pub requests_sent: u64,
    /// Answers to them.
    pub responses_received: u64,
}
