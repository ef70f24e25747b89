//! The hub in the midst of many connections: who waits for it, and when it wants to be called.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use axum::extract::ws::Utf8Bytes;
use peerline_signaling::ParticipantId;
use peerline_signaling::hub::{
    Config, ConnectionId, Event, Hub, IceGrant, IceServers, SourceAddress, Statistics,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Notify;

use crate::ice::IceServerUrls;
use crate::shutdown::Shutdown;

/// The longest frame in bytes (`docs/signaling.md` §4).
pub(crate) const FRAME_MAX: usize = 65_536;
/// Seconds within which clients come back after a restart, each at its own random time.
const RECONNECT: std::ops::RangeInclusive<u16> = 1..=3;

/// One hub for all connections. Its lock is held for single calls, never while anybody waits.
pub(crate) struct Signaling {
    state: Mutex<State>,
    connections: Connections,
    next_connection: AtomicU64,
    /// Tells the timer that the hub wants to be called earlier than it had said.
    earlier: Notify,
}

struct State {
    hub: Hub,
    /// When the timer will call the hub.
    scheduled: Option<Instant>,
    calls: CallCounts,
}

/// Calls by path and, where they failed, by reason, as clients reported them.
pub(crate) type CallCounts = BTreeMap<(&'static str, &'static str), u64>;

type Connections = Arc<Mutex<HashMap<ConnectionId, Arc<Mailbox>>>>;

/// What the hub's side knows of one connection.
struct Mailbox {
    ready: Notify,
    /// 0 while the connection may stay.
    close: AtomicU16,
    /// The name under which the client found this server.
    host: Box<str>,
}

/// One connection's side of the hub. The hub forgets the connection when this is dropped.
pub(crate) struct Connection {
    signaling: Arc<Signaling>,
    id: ConnectionId,
    mailbox: Arc<Mailbox>,
}

impl Signaling {
    /// A hub, and a task that calls it when its time comes.
    pub(crate) fn start(ice: IceServerUrls, shutdown: Shutdown) -> Arc<Self> {
        let connections = Connections::default();
        let grants = Grants { connections: connections.clone(), urls: ice };
        let hub = Hub::new(Instant::now(), Config::default(), Box::new(grants), StdRng::from_os_rng());
        let signaling = Arc::new(Self {
            state: Mutex::new(State { hub, scheduled: None, calls: CallCounts::new() }),
            connections,
            next_connection: AtomicU64::new(0),
            earlier: Notify::new(),
        });
        tokio::spawn(signaling.clone().keep_time(shutdown));
        signaling
    }

    /// Makes a connection known to the hub. `host` is the name under which the client found this server.
    pub(crate) fn connect(self: &Arc<Self>, address: IpAddr, host: &str) -> Connection {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let mailbox = Arc::new(Mailbox { ready: Notify::new(), close: AtomicU16::new(0), host: host.into() });
        lock(&self.connections).insert(id, mailbox.clone());
        self.call(|hub, now| hub.connect(now, id, SourceAddress::from(address)));
        Connection { signaling: self.clone(), id, mailbox }
    }

    /// Announces the restart to all.
    pub(crate) fn drain(&self) {
        self.call(|hub, now| hub.drain(now, RECONNECT));
    }

    /// The hub's numbers, and how calls came about.
    pub(crate) fn statistics(&self) -> (Statistics, CallCounts) {
        let state = lock(&self.state);
        (state.hub.statistics(), state.calls.clone())
    }

    fn call<R>(&self, call: impl FnOnce(&mut Hub, Instant) -> R) -> R {
        let mut state = lock(&self.state);
        let State { hub, scheduled, calls } = &mut *state;
        let result = call(hub, Instant::now());
        while let Some(event) = hub.poll_event() {
            self.note(&event, calls);
        }
        let mut ready = Vec::new();
        if let Some(first) = hub.poll_ready() {
            let connections = lock(&self.connections);
            let ids = std::iter::once(first).chain(std::iter::from_fn(|| hub.poll_ready()));
            ready.extend(ids.filter_map(|id| connections.get(&id).cloned()));
        }
        if let Some(wanted) = hub.poll_timeout()
            && scheduled.is_none_or(|scheduled| wanted < scheduled)
        {
            *scheduled = Some(wanted);
            self.earlier.notify_one();
        }
        // Waking a task may wake a thread: nobody has to wait at the hub for that.
        drop(state);
        for mailbox in ready {
            mailbox.ready.notify_one();
        }
        result
    }

    fn note(&self, event: &Event, calls: &mut CallCounts) {
        match event {
            Event::Close { connection, code } => {
                if let Some(mailbox) = lock(&self.connections).get(connection) {
                    mailbox.close.store(code.number(), Ordering::Release);
                    mailbox.ready.notify_one();
                }
            }
            Event::SessionStarted { participant, recovered, .. } => {
                tracing::debug!(participant = short(participant), recovered, "session started");
            }
            Event::SessionEnded { participant } => {
                tracing::debug!(participant = short(participant), "session ended")
            }
            Event::Joined { participant } => tracing::debug!(participant = short(participant), "joined"),
            Event::Left { participant, reason } => {
                tracing::debug!(participant = short(participant), ?reason, "left")
            }
            Event::PathReported { path, reason } => {
                let reason = reason.map_or("", |reason| reason.as_str());
                *calls.entry((path.as_str(), reason)).or_default() += 1;
                // Anybody may report a hundred times a second: the counters tell, the log need not.
                tracing::debug!(path = path.as_str(), reason, "call");
            }
        }
    }

    async fn keep_time(self: Arc<Self>, mut shutdown: Shutdown) {
        loop {
            let scheduled = lock(&self.state).scheduled;
            let due = async {
                match scheduled {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {
                    lock(&self.state).scheduled = None;
                    self.call(|hub, now| hub.handle_timeout(now));
                }
                () = self.earlier.notified() => {}
                () = shutdown.closing() => return,
            }
        }
    }
}

impl Connection {
    /// Hands the hub one whole frame.
    pub(crate) fn input(&self, frame: &[u8]) {
        self.signaling.call(|hub, now| hub.handle_input(now, self.id, frame));
    }

    /// Tells the hub that a frame came which was too large to be kept.
    pub(crate) fn input_too_large(&self) {
        self.input(&[b' '; FRAME_MAX + 1]);
    }

    /// Returns when there may be something to pull, or the connection is to close.
    pub(crate) async fn ready(&self) {
        self.mailbox.ready.notified().await;
    }

    /// The code to close with, once the hub wants the connection closed.
    pub(crate) fn close_code(&self) -> Option<u16> {
        Some(self.mailbox.close.load(Ordering::Acquire)).filter(|code| *code != 0)
    }

    /// The next frames for this client, about `bytes` of them or one; and whether there may be more.
    pub(crate) fn pull(&self, bytes: usize) -> (Vec<Utf8Bytes>, bool) {
        let mut frames = Vec::new();
        let mut pulled = 0;
        // Pulling gives the hub nothing to say and no timer, so this is not a `call`.
        let mut state = lock(&self.signaling.state);
        while pulled < bytes {
            let mut frame = Vec::new();
            if state.hub.poll_transmit(self.id, &mut frame).is_none() {
                return (frames, false);
            }
            pulled += frame.len();
            frames.extend(Utf8Bytes::try_from(frame));
        }
        (frames, true)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        lock(&self.signaling.connections).remove(&self.id);
        self.signaling.call(|hub, now| hub.disconnect(now, self.id));
    }
}

/// Gives participants the ICE servers of this machine, under the name that they know it by.
struct Grants {
    connections: Connections,
    urls: IceServerUrls,
}

impl IceServers for Grants {
    fn grant(&mut self, connection: ConnectionId, participant: &ParticipantId) -> IceGrant {
        let mailbox = lock(&self.connections).get(&connection).cloned();
        let host = mailbox.as_ref().map_or("localhost", |mailbox| &mailbox.host);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.urls.grant(host, participant, now)
    }
}

/// Enough of an identifier to follow it through a log.
fn short(participant: &ParticipantId) -> String {
    participant.to_string().chars().take(6).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
