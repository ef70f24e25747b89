//! When a direct connection is to be made again.

use std::time::{Duration, Instant};

use crate::PeerConnectionState;

/// How long ICE may take to recover from `disconnected` by itself: it has tried for more than a second before it says so.
const PATIENCE: Duration = Duration::from_millis(250);
/// After how long an attempt counts as failed: the first ones, and all that follow.
const ATTEMPTS: [Duration; 3] = [Duration::from_secs(8), Duration::from_secs(8), Duration::from_secs(12)];
const LATER: Duration = Duration::from_secs(20);
/// Attempts after which one says so.
const FAILED: u32 = 3;

/// As soon as a connection failed, a little after it was disconnected, and again while that doesn't help. What needs
/// the server waits until the other side can be reached.
pub(super) struct Recovery {
    at: Option<Instant>,
    attempts: u32,
    connected: bool,
    /// An attempt waits for the other side to be reachable.
    waiting: bool,
}

impl Recovery {
    /// The first connection is on its way from the beginning: it has as long as an attempt has.
    pub(super) fn new(now: Instant) -> Self {
        Self { at: Some(now + wait(0)), attempts: 0, connected: false, waiting: false }
    }

    /// Whether several attempts have come to nothing.
    pub(super) const fn has_failed(&self) -> bool {
        self.attempts >= FAILED
    }

    /// As far as is known the connection stands.
    pub(super) const fn is_connected(&self) -> bool {
        self.connected
    }

    /// The connection's state changed. Returns the number of the attempt that is to be made now; the first is the mildest.
    pub(super) fn update(
        &mut self,
        now: Instant,
        state: PeerConnectionState,
        reachable: bool,
    ) -> Option<u32> {
        match state {
            PeerConnectionState::Connected => {
                self.connected = true;
                self.waiting = false;
                self.attempts = 0;
                self.at = None;
                None
            }
            PeerConnectionState::Failed => {
                let first = self.connected || self.attempts == 0;
                self.connected = false;
                // Later ones wait for their time, or two sides would chase each other.
                if first { self.attempt(now, reachable) } else { None }
            }
            _ if self.connected => {
                self.connected = false;
                let patience = if state == PeerConnectionState::Disconnected { PATIENCE } else { wait(0) };
                self.at = Some(now + patience);
                None
            }
            _ => None,
        }
    }

    /// The other side can be reached again.
    pub(super) fn wake(&mut self, now: Instant) -> Option<u32> {
        if !self.waiting {
            return None;
        }
        if !self.connected {
            return self.attempt(now, true);
        }
        self.waiting = false;
        Some(1)
    }

    /// Our network changed: the path is likely gone even where that doesn't show yet. Returns whether a new one is to be looked for
    /// now. That isn't one of the attempts: how often interfaces come and go says nothing about what the connection needs.
    pub(super) fn network_changed(&mut self, now: Instant, reachable: bool) -> bool {
        self.waiting = !reachable;
        if reachable && !self.connected {
            // It has as long as the first one.
            self.at = self.at.max(Some(now + wait(0)));
        }
        reachable
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, reachable: bool) -> Option<u32> {
        if self.at.is_some_and(|at| at <= now) { self.attempt(now, reachable) } else { None }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.at
    }

    fn attempt(&mut self, now: Instant, reachable: bool) -> Option<u32> {
        self.at = None;
        self.waiting = !reachable;
        if !reachable {
            return None;
        }
        self.attempts += 1;
        self.at = Some(now + wait(self.attempts));
        Some(self.attempts)
    }
}

fn wait(attempts: u32) -> Duration {
    ATTEMPTS.get(attempts as usize).copied().unwrap_or(LATER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_connection_is_made_again_at_once_and_then_in_time() {
        let start = Instant::now();
        let mut recovery = Recovery::new(start);
        assert_eq!(recovery.update(start, PeerConnectionState::Connected, true), None);
        assert_eq!(recovery.poll_timeout(), None);
        assert_eq!(recovery.update(start, PeerConnectionState::Failed, true), Some(1));
        assert_eq!(recovery.update(start, PeerConnectionState::Failed, true), None);
        let mut now = start;
        for attempt in 2..6 {
            now = recovery.poll_timeout().unwrap();
            assert_eq!(recovery.handle_timeout(now, true), Some(attempt));
        }
        assert!(recovery.has_failed());
        recovery.update(now, PeerConnectionState::Connected, true);
        assert!(!recovery.has_failed());
    }

    #[test]
    fn what_needs_the_server_waits_for_it() {
        let start = Instant::now();
        let mut recovery = Recovery::new(start);
        recovery.update(start, PeerConnectionState::Connected, true);
        recovery.update(start, PeerConnectionState::Disconnected, false);
        let at = recovery.poll_timeout().unwrap();
        assert_eq!(at, start + PATIENCE);
        assert_eq!(recovery.handle_timeout(at, false), None);
        assert_eq!(recovery.poll_timeout(), None);
        assert_eq!(recovery.wake(at), Some(1));
    }

    #[test]
    fn what_interfaces_do_is_no_attempt() {
        let start = Instant::now();
        let mut recovery = Recovery::new(start);
        recovery.update(start, PeerConnectionState::Connected, true);
        recovery.update(start, PeerConnectionState::Disconnected, true);
        for _ in 0..10 {
            assert!(recovery.network_changed(start, true));
        }
        assert!(!recovery.has_failed());
        let at = recovery.poll_timeout().unwrap();
        assert_eq!(at, start + ATTEMPTS[0]);
        assert_eq!(recovery.handle_timeout(at, true), Some(1));
        // Where it waits for the server, waking is the attempt.
        assert!(!recovery.network_changed(at, false));
        assert_eq!(recovery.wake(at), Some(2));
    }
}
