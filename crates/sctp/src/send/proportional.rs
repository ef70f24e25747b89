//! Proportional rate reduction (RFC 6937): in a recovery, sends in proportion to what arrives, not in one burst.

/// One recovery. All in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct RateReduction {
    /// What was in flight when it began.
    flight_at_start: usize,
    delivered: usize,
    sent: usize,
    /// What may be sent by now.
    allowance: usize,
}

impl RateReduction {
    pub(super) fn new(flight_at_start: usize) -> Self {
        Self { flight_at_start: flight_at_start.max(1), delivered: 0, sent: 0, allowance: 0 }
    }

    /// So much was acknowledged; `in_flight` doesn't include what is known to be lost (RFC 6937 §3, the bound being PRR-SSRB).
    pub(super) fn acknowledged(&mut self, bytes: usize, in_flight: usize, window: usize, segment: usize) {
        self.delivered += bytes;
        self.allowance = if in_flight > window {
            (self.delivered * window).div_ceil(self.flight_at_start).saturating_sub(self.sent)
        } else {
            let bound = self.delivered.saturating_sub(self.sent).max(bytes) + segment;
            (window - in_flight).min(bound)
        };
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.sent += bytes;
        self.allowance = self.allowance.saturating_sub(bytes);
    }

    pub(super) fn allows_sending(&self) -> bool {
        self.allowance > 0
    }
}
