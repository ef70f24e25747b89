//! CUBIC congestion control (RFC 9438).

use std::time::{Duration, Instant};

use super::hystart::{CONSERVATIVE_GROWTH_DIVISOR, HyStart, Verdict};
use crate::Tsn;

/// RFC 9438 §4.6.
const BETA: f64 = 0.7;
/// RFC 9438 §5, in segments per cubic second.
const C: f64 = 0.4;
/// RFC 9438 §4.3.
const RENO_INCREASE: f64 = 3.0 * (1.0 - BETA) / (1.0 + BETA);
/// In segments (RFC 6928).
const INITIAL_WINDOW: usize = 10;
/// What TCP sends in a packet on Ethernet, in bytes.
const TCP_SEGMENT: usize = 1460;

/// A period of congestion avoidance.
#[derive(Debug, Clone, Copy)]
struct Epoch {
    start: Instant,
    /// When the window reaches `w_max` again, in seconds after `start`.
    k: f64,
    /// What Reno's window would be, in bytes.
    reno: f64,
}

/// The congestion window, in bytes of payload.
#[derive(Debug)]
pub(super) struct Cubic {
    /// What a packet holds.
    segment: usize,
    /// What a packet holds where the path is no narrower than we assume.
    usual_segment: usize,
    window: f64,
    threshold: f64,
    /// The window before the last reduction.
    w_max: f64,
    before_reduction: f64,
    epoch: Option<Epoch>,
    hystart: HyStart,
    /// What to go back to if the last reduction turns out to have been for nothing.
    undo: Option<Undo>,
}

#[derive(Debug, Clone, Copy)]
struct Undo {
    window: f64,
    threshold: f64,
    w_max: f64,
}

/// What was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Acknowledged {
    pub(super) now: Instant,
    pub(super) bytes: usize,
    pub(super) chunks: u32,
    /// How long ago the newest of it was sent, unless it was sent twice.
    pub(super) sample: Option<Duration>,
    pub(super) smoothed_round_trip: Duration,
    pub(super) cumulative: Tsn,
    pub(super) highest: Tsn,
}

impl Cubic {
    pub(super) fn new(segment: usize) -> Self {
        Self {
            segment,
            usual_segment: segment,
            window: (INITIAL_WINDOW * segment) as f64,
            threshold: f64::INFINITY,
            w_max: 0.0,
            before_reduction: 0.0,
            epoch: None,
            hystart: HyStart::new(),
            undo: None,
        }
    }

    /// The congestion window in bytes.
    #[inline]
    pub(super) fn window(&self) -> usize {
        self.window as usize
    }

    pub(super) fn is_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// Whether so much in flight means that the window limits sending (RFC 9438 §5.8); in slow start half of it does, as
    /// the window grows faster than an application may notice.
    pub(super) fn is_used_up_by(&self, in_flight: usize) -> bool {
        let share = if self.is_slow_start() { 2 } else { 1 };
        (in_flight + self.segment) * share >= self.window()
    }

    pub(super) fn segment(&self) -> usize {
        self.segment
    }

    pub(super) fn set_segment(&mut self, segment: usize) {
        self.segment = segment;
    }

    /// The segment that the window grows by. Our packets are shorter than TCP's, to pass anywhere, so that as many bytes
    /// meet with more losses; and as Reno's window is as the root of growth by packet length, a data channel would get less
    /// of a path than TCP does. With this growth it gets as many bytes (RFC 4828 §1 has the same aim).
    fn unit(&self) -> f64 {
        let segment = self.segment as f64;
        let is_shorter = (self.usual_segment..TCP_SEGMENT).contains(&self.segment);
        if is_shorter { (TCP_SEGMENT * TCP_SEGMENT) as f64 / segment } else { segment }
    }

    /// Data was acknowledged while the window was what limited sending.
    pub(super) fn acknowledged(&mut self, acknowledged: &Acknowledged) {
        let bytes = acknowledged.bytes as f64;
        if self.is_slow_start() {
            let verdict = self.hystart.acknowledged(
                acknowledged.chunks,
                acknowledged.sample,
                acknowledged.cumulative,
                acknowledged.highest,
            );
            match verdict {
                Verdict::SlowStart => self.window += bytes,
                Verdict::Conservative => self.window += bytes / CONSERVATIVE_GROWTH_DIVISOR as f64,
                Verdict::Done => self.threshold = self.window,
            }
            return;
        }
        let unit = self.unit();
        let window = self.window;
        let epoch = self.epoch.get_or_insert_with(|| {
            let missing = (self.w_max - window).max(0.0) / unit;
            if missing == 0.0 {
                self.w_max = window;
            }
            Epoch { start: acknowledged.now, k: (missing / C).cbrt(), reno: window }
        });
        let increase = if epoch.reno < self.before_reduction { RENO_INCREASE } else { 1.0 };
        epoch.reno += increase * unit * bytes / window;
        let elapsed = acknowledged.now.saturating_duration_since(epoch.start).as_secs_f64();
        let w_max = self.w_max;
        let cubic = |time: f64| w_max + C * (time - epoch.k).powi(3) * unit;
        if cubic(elapsed) < epoch.reno {
            self.window = window.max(epoch.reno);
            return;
        }
        let target =
            cubic(elapsed + acknowledged.smoothed_round_trip.as_secs_f64()).clamp(window, 1.5 * window);
        self.window += (target - window) * bytes / window;
    }

    /// Something was lost (RFC 9438 §4.6, §4.7).
    pub(super) fn lost(&mut self) {
        self.undo = Some(Undo { window: self.window, threshold: self.threshold, w_max: self.w_max });
        self.w_max = if self.window < self.w_max { self.window * (1.0 + BETA) / 2.0 } else { self.window };
        self.before_reduction = self.window;
        self.threshold = (self.window * BETA).max(2.0 * self.segment as f64);
        self.window = self.threshold;
        self.epoch = None;
    }

    /// The last reduction was for nothing: what was taken for lost had only been late (RFC 9438 §4.9.2).
    pub(super) fn undo(&mut self) {
        if let Some(undo) = self.undo.take() {
            self.window = self.window.max(undo.window);
            self.threshold = self.threshold.max(undo.threshold);
            self.w_max = self.w_max.max(undo.w_max);
            self.epoch = None;
        }
    }

    /// The retransmission timer expired (RFC 9438 §4.8, RFC 9260 §7.2.3). `is_first` of the timeouts in a row.
    pub(super) fn timed_out(&mut self, is_first: bool) {
        if is_first {
            self.lost();
        }
        self.window = self.segment as f64;
        self.epoch = None;
        self.hystart = HyStart::new();
    }

    /// Nothing was sent for some timeouts (RFC 9260 §7.2.1).
    pub(super) fn idle(&mut self, timeouts: u32) {
        let floor = (INITIAL_WINDOW * self.segment) as f64;
        if self.window > floor {
            self.threshold = self.threshold.max(self.window * 0.75);
            self.window = (self.window / f64::from(1_u32 << timeouts.min(16))).max(floor);
        }
        self.epoch = None;
    }

    /// The window isn't what limits sending: time doesn't count (RFC 9438 §5.8).
    pub(super) fn pause(&mut self) {
        self.epoch = None;
    }
}
