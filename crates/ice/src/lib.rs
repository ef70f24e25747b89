//! ICE (RFC 8445, and 6544 for TCP): finds ways between two machines, whatever NATs and firewalls are between them, without sockets or clock.
//!
//! [`Agent`] is one side of one transport: it gathers candidates, tries pairs of them, says how datagrams go
//! ([`Agent::selected_route`]) and keeps the way open (RFC 7675), or finds another.
//!
//! * Data flows over the first pair that answers; it neither waits for gathering nor for nomination.
//!   A better pair is taken over later.
//! * Candidates are told one by one in both directions (RFC 8838), or all at once.
//! * The owner has the sockets. Any number of agents may share one: a check names its agent by user name fragment
//!   ([`Agent::ufrags`]), an answer by its transaction ([`Agent::is_own_transaction`]), and everything else by where it
//!   comes from ([`Event::RemoteAddress`]).
//! * The layer above may begin its handshake at once: [`Config::dtls_in_stun`].
//!
//! After every call that takes `now`, drain [`Agent::poll_transmit`] and [`Agent::poll_event`] until both are empty.

mod agent;
mod check;
mod config;
mod embedding;
mod event;
mod locals;
mod nat64;
mod pair;
mod port_sequence;
mod relay;
mod route;
mod server;
mod session;
mod state;
mod statistics;
mod tcp;

pub use agent::{Agent, CandidateError, RemoteParameters};
pub use config::{Config, Credentials, IceTransportPolicy, Limits, Role, Timing};
pub use event::{Event, Received, Transmit};
pub use nat64::Nat64Prefix;
pub use peerline_sdp::{Candidate, TcpType};
pub use peerline_turn::Transport;
pub use peerline_turn::turn_client::Credential;
pub use route::{Framing, Route};
pub use server::{RelayId, Server, ServerId};
pub use state::{GatheringState, State};
pub use statistics::{CandidateStatistics, PairCounters, PairState, PairStatistics, Statistics};
pub use tcp::{TcpConnectionId, next_tcp_frame, tcp_frame_header};

/// Names a candidate of either side; unique within its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CandidateId(pub(crate) u32);

/// Names a pair; unique within its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PairId(pub(crate) u32);
