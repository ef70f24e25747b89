//! The client: the participant's side of `docs/signaling.md` as plain state.
//!
//! It keeps one session alive across connections, repeats what was not answered, drops what it has seen, seals what
//! it sends and opens what it gets. It has no socket: it says when it wants a connection ([`Event::Connect`]) and the
//! owner tells it what became of that. After every call of a verb the owner drains [`Client::poll_transmit`] until it
//! is empty, then [`Client::poll_event`] until that is empty, and asks [`Client::poll_timeout`].
//!
//! Each file below adds one part of the protocol to [`Client`], or is one thing that the client keeps.

mod backoff;
mod channel;
mod config;
mod connection;
pub mod content;
mod discovery;
mod event;
mod membership;
mod messages;
mod outbox;
mod pace;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use rand::RngCore as _;
use rand::rngs::StdRng;

use self::channel::Channel;
use self::connection::{Phase, ResumePoint};
use self::discovery::{Announcement, Invited};
use self::outbox::{Outbox, Purpose};
use self::pace::Pace;
use crate::frame::{self, Body, Number};
use crate::identifier::{ChannelId, ParticipantId, ParticipantKey};
use crate::message::{Opaque, Path, Report};
use crate::seal::IdentityKey;

pub use self::config::Config;
pub use self::discovery::InviteOptions;
pub use self::event::{
    Answer, ClosedReason, Event, IncomingInvitation, LeaveReason, MemberState, Plaintext, Refusal, State,
};
pub use self::outbox::RequestId;

/// Why a command cannot be carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The client has been closed, or fenced by another one with the same key.
    #[error("the session has ended")]
    Closed,
    /// The channel has not been joined.
    #[error("that channel has not been joined")]
    NotJoined,
    /// The channel has been joined already.
    #[error("that channel has been joined already")]
    AlreadyJoined,
    /// A sealed payload has at most 65,280 characters, a sealed profile 2,048: about 48,900 and 1,500 bytes of plaintext.
    #[error("that is too long for one frame")]
    TooLong,
    /// More requests wait for an answer than the client keeps.
    #[error("too many requests wait for an answer")]
    Full,
    /// The other side's public key is no point of P-256.
    #[error("that identity is not a P-256 key")]
    Identity,
}

/// One participant, its session and its channels.
pub struct Client {
    config: Config,
    key: ParticipantKey,
    participant: ParticipantId,
    identity: IdentityKey,
    random: StdRng,
    last_id: u64,
    phase: Phase,
    resume: Option<ResumePoint>,
    failures: u32,
    /// How long the server's last welcome took.
    round_trip: Duration,
    outbox: Outbox,
    pace: Pace,
    channels: BTreeMap<ChannelId, Channel>,
    announced: Option<Announcement>,
    /// Invitations that we have open, by the `id` of their `invite`.
    inviting: BTreeMap<u64, Invited>,
    /// Invitations that ring here, by caller and `id`, with the time when they are surely over.
    ringing: HashMap<(ParticipantId, u64), Instant>,
    outgoing: VecDeque<String>,
    events: VecDeque<Event>,
}

impl Client {
    /// A participant with a key of its own, who begins to connect at once. `identity` receives its invitations.
    ///
    /// The key is made here and never leaves: a key that two clients used, one after the other or at the same time,
    /// would use numbers twice, and its messages would be refused as replays (§3).
    #[must_use]
    pub fn new(now: Instant, config: Config, identity: IdentityKey, mut random: StdRng) -> Self {
        let mut key = [0; 32];
        random.fill_bytes(&mut key);
        let key = ParticipantKey::from_bytes(key);
        let mut client = Self {
            config,
            participant: key.participant(),
            key,
            identity,
            random,
            last_id: 0,
            phase: Phase::Waiting { until: now },
            resume: None,
            failures: 0,
            round_trip: Duration::ZERO,
            outbox: Outbox::default(),
            pace: Pace::new(now),
            channels: BTreeMap::new(),
            announced: None,
            inviting: BTreeMap::new(),
            ringing: HashMap::new(),
            outgoing: VecDeque::new(),
            events: VecDeque::new(),
        };
        client.attempt(now);
        client
    }

    /// One's own identifier.
    #[must_use]
    pub const fn participant(&self) -> ParticipantId {
        self.participant
    }

    /// One's own identity.
    #[must_use]
    pub const fn identity(&self) -> &IdentityKey {
        &self.identity
    }

    /// How many requests wait for an answer. Nothing is lost when there are many, but it is wise to slow down.
    #[must_use]
    pub fn unanswered(&self) -> usize {
        self.outbox.len()
    }

    /// How things stand with the server.
    #[must_use]
    pub const fn state(&self) -> State {
        self.phase.state()
    }

    /// Says, once for each peer, how a connection came about (§12). It is lost when there is no connection to the server.
    pub fn report(&mut self, now: Instant, report: &Report) {
        debug_assert!(report.reason.is_none() || report.path == Path::Failed, "only a failure has a reason");
        if self.phase.is_open() {
            self.transmit(now, frame::to_text(Number::None, report));
        }
    }

    /// Leaves every channel, is not findable any more, and ends the session. The owner sends what
    /// [`Self::poll_transmit`] still has before it takes [`Event::Disconnect`].
    pub fn close(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Closed) {
            return;
        }
        for channel in self.channels.keys().copied().collect::<Vec<_>>() {
            self.leave(now, &channel);
        }
        self.cancel_all(now);
        if self.announced.is_some() {
            let _ = self.unannounce(now);
        }
        self.end(ClosedReason::Closed);
    }

    /// One whole frame has come in.
    pub fn handle_input(&mut self, now: Instant, frame: &[u8]) {
        self.receive(now, frame);
        self.pump(now);
    }

    /// The time that [`Self::poll_timeout`] asked for has come.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.check_connection(now);
        self.outbox.retry_due(now);
        self.check_channels(now);
        self.check_invitations(now);
        self.pump(now);
    }

    /// When [`Self::handle_timeout`] is to be called.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if matches!(self.phase, Phase::Closed) {
            return None;
        }
        let open = self.phase.is_open();
        [
            self.phase.timeout(),
            self.outbox.next_retry().filter(|_| open),
            self.pace.next().filter(|_| open && self.outbox.has_ready()),
            self.channels.values().filter_map(Channel::timeout).min(),
            self.invitations_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The next frame to send on the present connection, as text.
    pub fn poll_transmit(&mut self) -> Option<String> {
        self.outgoing.pop_front()
    }

    /// What the client has to say.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// A number that no frame of ours has had (§3).
    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Makes a request and keeps it until it is answered.
    fn request<B: Body>(&mut self, now: Instant, id: u64, purpose: Purpose, body: &B) -> RequestId {
        let sendable = self.may_send(&purpose);
        self.outbox.insert(id, purpose, frame::to_text(Number::Id(id), body), sendable);
        self.pump(now);
        RequestId(id)
    }

    /// Checks that one more request may be made.
    fn ready_for_request(&self) -> Result<(), CommandError> {
        if matches!(self.phase, Phase::Closed) {
            Err(CommandError::Closed)
        } else if self.outbox.is_full() {
            Err(CommandError::Full)
        } else {
            Ok(())
        }
    }

    /// Whether a request makes sense on the present connection: what is said in a channel waits until the server has us in it.
    fn may_send(&self, purpose: &Purpose) -> bool {
        self.phase.is_open()
            && purpose.needs_membership().is_none_or(|channel| {
                self.channels.get(channel).is_some_and(|channel| channel.membership.is_held())
            })
    }

    /// Hands out as many requests as the server's rate allows.
    fn pump(&mut self, now: Instant) {
        if !self.phase.is_open() {
            return;
        }
        while self.outbox.has_ready() && self.pace.take(now) {
            if let Some(frame) = self.outbox.take_ready() {
                self.transmit(now, frame);
            }
        }
    }

    fn transmit(&mut self, now: Instant, frame: String) {
        self.outgoing.push_back(frame);
        self.restart_heartbeat(now);
    }
}

/// A JSON string for base64url text, in which nothing needs an escape.
fn quoted(text: &str) -> Option<Box<serde_json::value::RawValue>> {
    serde_json::value::RawValue::from_string(format!("\"{text}\"")).ok()
}

/// Sealed text as a frame carries it.
fn opaque<const LONGEST: usize>(
    raw: Option<&serde_json::value::RawValue>,
) -> Result<Opaque<'_, LONGEST>, CommandError> {
    raw.and_then(Opaque::new).ok_or(CommandError::TooLong)
}
