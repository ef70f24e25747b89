//! The hub in the midst of many connections: who waits for it, and when it wants to be called.

mod connection;
mod socket;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use peerline_signaling::hub::{
    Config, ConnectionId, Event, Hub, IceGrant, IceServers, SourceAddress, Statistics,
};
use peerline_signaling::{CloseCode, ParticipantId};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::Notify;

use self::socket::Socket;
use crate::ice::IceServerUrls;
use crate::shutdown::Shutdown;

pub(crate) use self::connection::Connection;
pub(crate) use self::socket::Stream;

/// The longest frame in bytes (`docs/signaling.md` §4).
const FRAME_MAX: usize = 65_536;
/// Seconds within which clients come back after a restart, each at its own random time.
const RECONNECT: std::ops::RangeInclusive<u16> = 1..=3;

/// One hub for all connections. Its lock is held for single calls, never while anybody waits.
pub(crate) struct Signaling {
    state: Mutex<State>,
    connections: Arc<Mutex<Connections>>,
    next_connection: AtomicU64,
    /// Tells the timer that the hub wants to be called earlier than it had said.
    earlier: Notify,
}

struct State {
    hub: Hub,
    /// When the timer will call the hub.
    scheduled: Option<Instant>,
    calls: CallCounts,
    /// Room for one frame on its way from the hub to a socket.
    text: Vec<u8>,
}

/// Calls by path and, where they failed, by reason, as clients reported them.
pub(crate) type CallCounts = BTreeMap<(&'static str, &'static str), u64>;

#[derive(Default)]
struct Connections {
    mailboxes: HashMap<ConnectionId, Arc<Mailbox>, foldhash::fast::RandomState>,
    is_closing: bool,
}

/// What the hub's side knows of one connection.
struct Mailbox {
    socket: Socket,
    /// 0 while the connection may stay.
    close: AtomicU16,
    /// The name under which the client found this server.
    host: Box<str>,
}

impl Mailbox {
    fn close(&self, code: CloseCode) {
        self.close.store(code.number(), Ordering::Release);
        self.socket.wake();
    }

    /// The code to close with, once the connection is to be closed.
    fn close_code(&self) -> Option<u16> {
        Some(self.close.load(Ordering::Acquire)).filter(|code| *code != 0)
    }

    /// Takes from the hub what there is for this connection, up to a batch.
    fn fill(&self, id: ConnectionId, hub: &mut Hub, text: &mut Vec<u8>) {
        self.socket.put(|frames| hub.transmit(id, text, |text| frames.push(text)));
    }
}

impl Signaling {
    /// A hub, and a task that calls it when its time comes.
    pub(crate) fn start(ice: IceServerUrls, shutdown: Shutdown) -> Arc<Self> {
        let connections = Arc::<Mutex<Connections>>::default();
        let grants = Grants { connections: connections.clone(), urls: ice };
        let hub = Hub::new(now(), Config::default(), Box::new(grants), StdRng::from_os_rng());
        let state = State { hub, scheduled: None, calls: CallCounts::new(), text: Vec::new() };
        let signaling = Arc::new(Self {
            state: Mutex::new(state),
            connections,
            next_connection: AtomicU64::new(0),
            earlier: Notify::new(),
        });
        tokio::spawn(signaling.clone().keep_time(shutdown));
        signaling
    }

    /// Makes a connection known to the hub. `host` is the name under which the client found this server; `read` is what
    /// has been read from the stream already.
    pub(crate) fn connect(
        self: &Arc<Self>,
        address: IpAddr,
        host: &str,
        stream: Box<dyn Stream>,
        read: &[u8],
    ) -> Connection {
        let id = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let mailbox =
            Arc::new(Mailbox { socket: Socket::new(stream), close: AtomicU16::new(0), host: host.into() });
        let mut connections = lock(&self.connections);
        if connections.is_closing {
            mailbox.close(CloseCode::Restart);
        }
        connections.mailboxes.insert(id, mailbox.clone());
        drop(connections);
        self.call_and_deliver(|hub| hub.connect(now(), id, SourceAddress::from(address)));
        Connection::new(self.clone(), id, mailbox, read)
    }

    fn disconnect(&self, id: ConnectionId) {
        lock(&self.connections).mailboxes.remove(&id);
        self.call_and_deliver(|hub| hub.disconnect(now(), id));
    }

    /// Announces the restart to all.
    pub(crate) fn drain(&self) {
        self.call_and_deliver(|hub| hub.drain(now(), RECONNECT));
    }

    /// The hub's numbers, and how calls came about.
    pub(crate) fn statistics(&self) -> (Statistics, CallCounts) {
        let state = lock(&self.state);
        (state.hub.statistics(), state.calls.clone())
    }

    fn call_and_deliver(&self, call: impl FnOnce(&mut Hub)) {
        let mut ready = Vec::new();
        self.call(&mut ready, call);
        for mailbox in ready {
            mailbox.socket.flush();
        }
    }

    /// Calls the hub, and puts in line what it has for its connections then. Adds those to `ready`: they are flushed when
    /// nobody waits at the hub for that.
    fn call(&self, ready: &mut Vec<Arc<Mailbox>>, call: impl FnOnce(&mut Hub)) {
        let mut state = lock(&self.state);
        let State { hub, scheduled, calls, text } = &mut *state;
        call(hub);
        while let Some(event) = hub.poll_event() {
            self.note(&event, calls);
        }
        if let Some(first) = hub.poll_ready() {
            let connections = lock(&self.connections);
            let mut next = Some(first);
            while let Some(id) = next {
                if let Some(mailbox) = connections.mailboxes.get(&id) {
                    mailbox.fill(id, hub, text);
                    ready.push(mailbox.clone());
                }
                next = hub.poll_ready();
            }
        }
        if let Some(wanted) = hub.poll_timeout()
            && scheduled.is_none_or(|scheduled| wanted < scheduled)
        {
            *scheduled = Some(wanted);
            self.earlier.notify_one();
        }
    }

    /// Puts in line for a connection what the hub has left of what is for it.
    fn fill(&self, id: ConnectionId, mailbox: &Mailbox) {
        let mut state = lock(&self.state);
        let State { hub, text, .. } = &mut *state;
        // This gives the hub nothing to say and no timer, so it is not a `call`.
        mailbox.fill(id, hub, text);
    }

    fn close_all(&self) {
        let mut connections = lock(&self.connections);
        connections.is_closing = true;
        for mailbox in connections.mailboxes.values() {
            mailbox.close(CloseCode::Restart);
        }
    }

    fn note(&self, event: &Event, calls: &mut CallCounts) {
        match event {
            Event::Close { connection, code } => {
                if let Some(mailbox) = lock(&self.connections).mailboxes.get(connection) {
                    mailbox.close(*code);
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
                    self.call_and_deliver(|hub| hub.handle_timeout(now()));
                }
                () = self.earlier.notified() => {}
                () = shutdown.closing() => return self.close_all(),
            }
        }
    }
}

/// Gives participants the ICE servers of this machine, under the name that they know it by.
struct Grants {
    connections: Arc<Mutex<Connections>>,
    urls: IceServerUrls,
}

impl IceServers for Grants {
    fn grant(&mut self, connection: ConnectionId, participant: &ParticipantId) -> IceGrant {
        let mailbox = lock(&self.connections).mailboxes.get(&connection).cloned();
        let host = mailbox.as_ref().map_or("localhost", |mailbox| &mailbox.host);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        self.urls.grant(host, participant, now)
    }
}

/// Enough of an identifier to follow it through a log.
fn short(participant: &ParticipantId) -> String {
    participant.to_string().chars().take(6).collect()
}

/// By the clock that tasks sleep by.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
