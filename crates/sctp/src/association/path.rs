//! The path: whether it is alive (RFC 9260 §8.3), and how long packets may be (RFC 8899, with HEARTBEAT and PAD as RFC 8899
//! §6.2 has it).

use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;

use crate::Config;
use crate::packet::{COMMON_HEADER, DataKind};

/// Probes of one size after which it is taken not to pass (RFC 8899 §5.1.2 MAX_PROBES). The size that should always pass
/// gets more: what it decides weighs more.
const PROBES: u32 = 3;
const PROBES_OF_BASE: u32 = 6;

/// The search ends when it is this near, in bytes.
const NEAR_ENOUGH: usize = 24;

/// How long until larger packets are tried again (RFC 8899 §5.1.1 PMTU_RAISE_TIMER says 600 s; paths change more often).
const RAISE: Duration = Duration::from_secs(120);

/// A HEARTBEAT that waits for its answer.
#[derive(Debug, Clone, Copy)]
struct Heartbeat {
    nonce: u64,
    sent_at: Instant,
    deadline: Instant,
    attempts: u32,
}

/// A search for the largest packet that passes.
#[derive(Debug, Clone, Copy)]
struct Search {
    /// Passes.
    low: usize,
    /// Not known not to pass.
    high: usize,
    /// `high` itself hasn't been tried.
    is_high_untried: bool,
}

/// A HEARTBEAT to be sent: its nonce, and the packet's size where it is a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeartbeatDue {
    pub(super) nonce: u64,
    pub(super) padded_to: Option<usize>,
}

/// What is known of the path.
#[derive(Debug)]
pub(super) struct Path {
    minimum: usize,
    base: usize,
    ceiling: usize,
    /// Packets have at most this size.
    size: usize,
    /// Packets of the base size pass.
    is_base_confirmed: bool,
    /// There was a timeout, and since then nothing has shown that the base size passes.
    is_suspected: bool,
    search: Search,
    probe: Option<(usize, Heartbeat)>,
    /// When to search again.
    raise_at: Option<Instant>,
    interval: Option<Duration>,
    idle: Option<Heartbeat>,
    /// When the path will have been idle for too long.
    idle_at: Option<Instant>,
    last_heard: Option<Instant>,
    /// HEARTBEATs in a row without answer.
    pub(super) misses: u32,
    due: [Option<HeartbeatDue>; 2],
}

impl Path {
    pub(super) fn new(config: &Config) -> Self {
        let base = config.packet_size.max(128) & !3;
        let minimum = config.min_packet_size.clamp(128, base) & !3;
        let ceiling = config.max_packet_size.max(base) & !3;
        Self {
            minimum,
            base,
            ceiling,
            size: base,
            is_base_confirmed: minimum == base,
            is_suspected: false,
            search: Search { low: minimum, high: ceiling, is_high_untried: true },
            probe: None,
            raise_at: None,
            interval: config.heartbeat_interval,
            idle: None,
            idle_at: None,
            last_heard: None,
            misses: 0,
            due: [None; 2],
        }
    }

    /// The association is established, or the path is another one: what passes is to be found out.
    pub(super) fn start(&mut self, now: Instant) {
        self.size = self.base;
        self.is_base_confirmed = self.minimum == self.base;
        self.is_suspected = false;
        self.search = Search { low: self.minimum, high: self.ceiling, is_high_untried: true };
        self.probe = None;
        self.raise_at = Some(now);
        self.idle = None;
        self.misses = 0;
        self.idle_at = self.interval.map(|interval| now + interval);
    }

    /// The size of packets. After a timeout it is what certainly passes, until something larger is known to.
    #[inline]
    pub(super) fn packet_size(&self) -> usize {
        if self.is_suspected { self.minimum } else { self.size }
    }

    pub(super) fn base(&self) -> usize {
        self.base
    }

    pub(super) fn smallest_packet(&self) -> usize {
        self.minimum
    }

    /// How much payload a chunk of data may have. Chunks are never longer than the smallest packet that the path may fall
    /// back to, as they can't be split again (RFC 9260 §6.9); packets that are longer have several, of equal length.
    #[inline]
    pub(super) fn piece_length(&self, data_kind: DataKind) -> usize {
        let safe = if self.is_base_confirmed { self.base } else { self.minimum };
        let size = self.size - COMMON_HEADER;
        let pieces = size.div_ceil(safe - COMMON_HEADER);
        ((size / pieces) & !3) - data_kind.header_length()
    }

    /// Something came from the peer.
    #[inline]
    pub(super) fn heard(&mut self, now: Instant) {
        self.last_heard = Some(now);
    }

    /// The retransmission timer expired: the path may have become narrower (RFC 8899 §4.3). Small packets that still pass
    /// would hide that, so the search begins anew at once.
    pub(super) fn timed_out(&mut self, now: Instant) {
        if self.is_suspected || self.minimum == self.base {
            return;
        }
        let (idle_at, misses) = (self.idle_at, self.misses);
        self.start(now);
        self.is_suspected = true;
        (self.idle_at, self.misses) = (idle_at, misses);
    }

    /// Looks what is to be probed. `timeout` is the retransmission timeout.
    pub(super) fn handle_timeout(&mut self, now: Instant, timeout: Duration, rng: &mut StdRng) {
        if let Some((size, heartbeat)) = self.probe
            && heartbeat.deadline <= now
        {
            let is_heard = self.last_heard.is_some_and(|at| at > heartbeat.sent_at);
            let most = if size == self.base { PROBES_OF_BASE } else { PROBES };
            if is_heard && heartbeat.attempts >= most {
                self.probe = None;
                self.too_large(now, size);
            } else {
                // Silence proves nothing, unless a small packet is answered.
                self.send_probe(now, size, heartbeat.attempts + u32::from(is_heard), timeout, rng);
                self.send_heartbeat(now, timeout, rng);
            }
        }
        if self.raise_at.is_some_and(|at| at <= now) && self.probe.is_none() {
            self.raise_at = None;
            if self.search.high <= self.search.low {
                self.search = Search { high: self.ceiling, is_high_untried: true, ..self.search };
            }
            self.probe_next(now, timeout, rng);
        }
        if let Some(heartbeat) = self.idle
            && heartbeat.deadline <= now
        {
            self.misses += 1;
            self.idle = None;
            self.send_heartbeat(now, timeout * 2, rng);
        }
        if self.idle_at.is_some_and(|at| at <= now)
            && let Some(interval) = self.interval
        {
            let since = self.last_heard.map_or(now, |at| at + interval);
            if since <= now {
                self.send_heartbeat(now, timeout, rng);
            }
            self.idle_at = Some(if since > now { since } else { now + interval });
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let probe = self.probe.map(|(_, heartbeat)| heartbeat.deadline);
        let idle = self.idle.map(|heartbeat| heartbeat.deadline);
        [probe, idle, self.raise_at, self.idle_at].into_iter().flatten().min()
    }

    /// Nothing has come for so long that a HEARTBEAT asks whether the path is alive.
    pub(super) fn is_idle(&self) -> bool {
        self.idle.is_some()
    }

    /// The next HEARTBEAT to send.
    #[inline]
    pub(super) fn next_due(&mut self) -> Option<HeartbeatDue> {
        self.due.iter_mut().find_map(Option::take)
    }

    /// A HEARTBEAT was answered: returns the round trip, if it was one of ours.
    pub(super) fn answered(
        &mut self,
        now: Instant,
        nonce: u64,
        timeout: Duration,
        rng: &mut StdRng,
    ) -> Option<Duration> {
        self.misses = 0;
        if let Some(heartbeat) = self.idle.filter(|heartbeat| heartbeat.nonce == nonce) {
            self.idle = None;
            return Some(now.saturating_duration_since(heartbeat.sent_at));
        }
        let (size, heartbeat) = self.probe.filter(|(_, heartbeat)| heartbeat.nonce == nonce)?;
        self.probe = None;
        self.search.low = size;
        self.size = size;
        self.is_base_confirmed |= size >= self.base;
        self.is_suspected &= !self.is_base_confirmed;
        self.probe_next(now, timeout, rng);
        Some(now.saturating_duration_since(heartbeat.sent_at))
    }

    fn too_large(&mut self, now: Instant, size: usize) {
        self.search.high = size.saturating_sub(4);
        self.search.is_high_untried = false;
        if size == self.base {
            self.size = self.minimum;
            self.is_suspected = false;
        }
        self.raise_at = Some(now);
    }

    /// Probes the next size of the search, if it isn't over.
    fn probe_next(&mut self, now: Instant, timeout: Duration, rng: &mut StdRng) {
        let Search { low, high, is_high_untried } = self.search;
        let size = if !self.is_base_confirmed && high >= self.base {
            self.base
        } else if is_high_untried && high > low {
            high
        } else if high > low + NEAR_ENOUGH {
            ((low + high) / 2) & !3
        } else {
            // The next search begins anew: above what is known to pass.
            self.search.high = low;
            self.raise_at = (low < self.ceiling).then(|| now + RAISE);
            return;
        };
        self.send_probe(now, size, 1, timeout, rng);
    }

    fn send_probe(&mut self, now: Instant, size: usize, attempts: u32, timeout: Duration, rng: &mut StdRng) {
        let nonce = rng.random();
        self.probe = Some((size, Heartbeat { nonce, sent_at: now, deadline: now + timeout, attempts }));
        self.due[0] = Some(HeartbeatDue { nonce, padded_to: Some(size) });
    }

    fn send_heartbeat(&mut self, now: Instant, timeout: Duration, rng: &mut StdRng) {
        if self.idle.is_some() {
            return;
        }
        let nonce = rng.random();
        self.idle = Some(Heartbeat { nonce, sent_at: now, deadline: now + timeout, attempts: 1 });
        self.due[1] = Some(HeartbeatDue { nonce, padded_to: None });
    }
}
