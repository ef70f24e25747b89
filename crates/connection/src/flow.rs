//! Data that came steadily and comes no more. Who only receives sends nothing whose answer could be missed, and would learn by its
//! next consent check that the path is gone, up to six seconds later (RFC 7675 §5.1): so the path is looked at when a flow stops.

use std::time::{Duration, Instant};

/// So many datagrams, one soon after the other, are a flow.
const STEADY: u32 = 20;
/// A flow has stopped when nothing has come for so long, or for two round trips.
const PAUSE: Duration = Duration::from_millis(400);
const ROUND_TRIPS: u32 = 2;

/// What comes from the peer.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    datagrams: u32,
    stops: Option<Instant>,
    round_trip: Duration,
}

impl Flow {
    /// The path takes so long.
    pub(crate) fn expect_round_trip(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// A datagram with data came.
    pub(crate) fn take(&mut self, now: Instant) {
        if self.stops.is_none_or(|at| at <= now) {
            self.datagrams = 0;
        }
        self.datagrams = self.datagrams.saturating_add(1);
        self.stops = Some(now + PAUSE.max(self.round_trip * ROUND_TRIPS));
    }

    /// Whether it has just stopped: it is said once.
    pub(crate) fn has_stopped(&mut self, now: Instant) -> bool {
        let is_over = self.stops.is_some_and(|at| at <= now);
        if is_over {
            self.stops = None;
        }
        is_over && std::mem::take(&mut self.datagrams) >= STEADY
    }

    /// When to ask whether it has.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.stops.filter(|_| self.datagrams >= STEADY)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "any instant will do")]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_stops_is_noticed_once_and_single_datagrams_are_none() {
        let start = Instant::now();
        let mut flow = Flow::default();
        for datagram in 0..100 {
            flow.take(start + PAUSE * 2 * datagram);
            assert_eq!(flow.poll_timeout(), None);
        }
        let later = start + PAUSE * 1000;
        for datagram in 0..100 {
            flow.take(later + PAUSE / 2 * datagram);
        }
        let stopped = later + PAUSE / 2 * 99 + PAUSE;
        assert_eq!(flow.poll_timeout(), Some(stopped));
        assert!(!flow.has_stopped(stopped - PAUSE / 4));
        assert!(flow.has_stopped(stopped));
        assert!(!flow.has_stopped(stopped));
        assert_eq!(flow.poll_timeout(), None);
    }

    #[test]
    fn on_a_long_path_a_flow_may_come_in_bursts() {
        let start = Instant::now();
        let mut flow = Flow::default();
        flow.expect_round_trip(PAUSE);
        for _ in 0..STEADY {
            flow.take(start);
        }
        assert!(!flow.has_stopped(start + PAUSE));
        assert!(flow.has_stopped(start + PAUSE * ROUND_TRIPS));
    }
}
