//! A client's transaction: when to send a request again, and when to give up (RFC 8489 §6.2).

use std::time::{Duration, Instant};

/// How often and how long a request is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retransmission {
    /// The wait after the first sending; it doubles with each further one. RTO, 500 ms unless the path is known.
    pub timeout: Duration,
    /// How many times the request is sent. Rc, 7.
    pub count: u32,
    /// How many first waits to stay after the last sending. Rm, 16.
    pub last: u32,
}

impl Retransmission {
    /// Over datagrams (RFC 8489 §6.2.1): 39.5 seconds in all.
    pub const DATAGRAM: Self = Self { timeout: Duration::from_millis(500), count: 7, last: 16 };
    /// Over a stream, which repeats what is lost itself (RFC 8489 §6.2.2): one sending, and as long a wait.
    pub const STREAM: Self = Self { timeout: Duration::from_millis(500), count: 1, last: 79 };
}

/// What a transaction wants when its time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Send the request, the same bytes as before.
    Send,
    /// No answer came: the transaction is over.
    TimedOut,
}

/// One request on its way. It keeps time only: its bytes are the owner's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    retransmission: Retransmission,
    sent: u32,
    next: Option<Instant>,
}

impl Transaction {
    /// A request that is to be sent at `now`.
    pub const fn new(now: Instant, retransmission: Retransmission) -> Self {
        Self { retransmission, sent: 0, next: Some(now) }
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` when the transaction is over.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// What is due at `now`. Call until it says `None`.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Due> {
        self.next.filter(|next| *next <= now)?;
        let Retransmission { timeout, count, last } = self.retransmission;
        if self.sent >= count {
            self.next = None;
            return Some(Due::TimedOut);
        }
        let factor =
            if self.sent + 1 == count { last } else { 1_u32.checked_shl(self.sent).unwrap_or(u32::MAX) };
        self.sent += 1;
        // From `now`, so that an owner who was late doesn't send in a burst.
        self.next = Some(now + timeout.saturating_mul(factor));
        Some(Due::Send)
    }

    /// The answer has come: the transaction is over.
    pub const fn answered(&mut self) {
        self.next = None;
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)]
mod tests {
    use super::*;

    fn times(retransmission: Retransmission) -> Vec<(Due, u128)> {
        let start = Instant::now();
        let mut transaction = Transaction::new(start, retransmission);
        let mut times = Vec::new();
        while let Some(next) = transaction.poll_timeout() {
            let due = transaction.handle_timeout(next);
            times.extend(due.map(|due| (due, (next - start).as_millis())));
        }
        times
    }

    #[test]
    fn over_datagrams_at_the_rfcs_times() {
        let sent = [0, 500, 1500, 3500, 7500, 15_500, 31_500].map(|time| (Due::Send, time));
        assert_eq!(times(Retransmission::DATAGRAM), [&sent[..], &[(Due::TimedOut, 39_500)]].concat());
    }

    #[test]
    fn over_a_stream_once() {
        assert_eq!(times(Retransmission::STREAM), [(Due::Send, 0), (Due::TimedOut, 39_500)]);
    }

    #[test]
    fn nothing_is_due_before_its_time_or_after_the_answer() {
        let start = Instant::now();
        let mut transaction = Transaction::new(start, Retransmission::DATAGRAM);
        assert_eq!(transaction.handle_timeout(start), Some(Due::Send));
        assert_eq!(transaction.handle_timeout(start + Duration::from_millis(499)), None);
        transaction.answered();
        assert_eq!(transaction.handle_timeout(start + Duration::from_secs(100)), None);
    }
}
