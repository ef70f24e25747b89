//! One worker: a thread with its own sockets at every listening address and its own TURN machine.
//!
//! The kernel gives all packets of one 5-tuple to the same worker (SO_REUSEPORT), so an allocation lives in one worker
//! and no packet needs a lock.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};
use peerline_turn::Statistics;

use super::pace::Pace;
use super::relaying::{Relaying, Source};
use super::shared::Shared;
use super::socket::Received;

pub(super) const WAKER: Token = Token(usize::MAX);
/// How old the published statistics may be.
const PUBLISH: Duration = Duration::from_millis(100);

/// What a worker has counted.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report {
    pub(super) turn: Statistics,
    pub(super) strangers_ignored: u64,
    pub(super) send_failures: u64,
}

/// The thread's loop: wait, take what has arrived, send, and now and then sleep for a moment.
pub(super) struct Worker {
    poll: Poll,
    events: Events,
    received: Received,
    relaying: Relaying,
    pace: Pace,
    /// Sockets that may hold more than was taken.
    unfinished: Vec<Source>,
    stop: Arc<AtomicBool>,
    report: Arc<Mutex<Report>>,
    published: Instant,
}

impl Worker {
    pub(super) fn new(
        shared: Arc<Shared>,
        sockets: Vec<(SocketAddr, UdpSocket)>,
        stop: Arc<AtomicBool>,
        report: Arc<Mutex<Report>>,
    ) -> io::Result<(Self, mio::Waker)> {
        let now = Instant::now();
        let poll = Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), WAKER)?;
        let relaying = Relaying::new(now, shared, poll.registry().try_clone()?, sockets)?;
        let worker = Self {
            poll,
            events: Events::with_capacity(1024),
            received: Received::new(),
            relaying,
            pace: Pace::new(now),
            unfinished: Vec::new(),
            stop,
            report,
            published: now,
        };
        Ok((worker, waker))
    }

    /// Works until it is told to stop.
    pub(super) fn run(mut self) {
        let mut timeout = None;
        loop {
            if let Err(error) = self.poll.poll(&mut self.events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                tracing::error!(%error, "the relay cannot wait for its sockets");
                thread::sleep(PUBLISH);
            }
            if self.stop.load(Ordering::Acquire) {
                self.publish(Instant::now());
                return;
            }
            // One look at the clock for all packets of this wake.
            let now = Instant::now();
            let before = self.relaying.packets();
            self.look(now);
            self.relaying.handle_timeout(now);
            self.relaying.flush();
            self.relaying.tell_icmp(now);

            let is_published = now.saturating_duration_since(self.published) < PUBLISH;
            if !is_published {
                self.publish(now);
            }
            let relayed = self.relaying.packets() - before;
            let gather = self.pace.after(now, relayed);
            timeout = if self.unfinished.is_empty() {
                if let Some(moment) = gather {
                    thread::sleep(moment);
                }
                let due = self.relaying.poll_timeout();
                let due = due.map(|due| due.saturating_duration_since(now));
                let publish = (is_published && !self.events.is_empty()).then_some(PUBLISH);
                [due, publish].into_iter().flatten().min()
            } else {
                Some(Duration::ZERO)
            };
        }
    }

    /// Takes what has arrived.
    fn look(&mut self, now: Instant) {
        for source in std::mem::take(&mut self.unfinished) {
            self.take(now, source);
        }
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in &events {
            if event.token() == WAKER {
                continue;
            }
            let source = self.relaying.source(event.token());
            if event.is_error()
                && let Source::Relay(index, family) = source
            {
                self.relaying.look_for_icmp(index, family);
            }
            self.take(now, source);
        }
        self.events = events;
    }

    fn take(&mut self, now: Instant, source: Source) {
        let received = &mut self.received;
        let is_finished = match source {
            Source::Listener(index) => self.relaying.take_from_clients(now, index, received),
            Source::Relay(index, family) => self.relaying.take_from_peers(now, index, family, received),
        };
        if !is_finished {
            self.unfinished.push(source);
        }
    }

    fn publish(&mut self, now: Instant) {
        self.published = now;
        *self.report.lock().unwrap_or_else(PoisonError::into_inner) = self.relaying.report();
    }
}
