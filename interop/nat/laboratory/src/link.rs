//! A link: packets come out at its other end later, no faster than its rate, and not all of them.

use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::rngs::StdRng;
use serde::Deserialize;

/// What a link is like, in each direction.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Quality {
    /// Milliseconds, one way.
    pub delay: f64,
    /// How many packets of a hundred are lost.
    pub loss: f64,
    /// Kilobits a second; 0 is without limit.
    pub rate: f64,
}

/// How much may wait for a link that has a rate: so many seconds.
const QUEUE: f64 = 0.2;

/// One direction of a link.
#[derive(Debug)]
pub struct Link {
    pub quality: Quality,
    /// A cable that is pulled carries nothing.
    pub is_up: bool,
    /// When the last packet's last bit will have left.
    free_at: Option<Instant>,
    random: StdRng,
}

impl Link {
    pub fn new(random: StdRng) -> Self {
        Self { quality: Quality::default(), is_up: true, free_at: None, random }
    }

    /// When a packet arrives that is sent now. `None`: it doesn't.
    pub fn carry(&mut self, now: Instant, length: usize) -> Option<Instant> {
        let Quality { delay, loss, rate } = self.quality;
        let is_lost = self.random.random_bool((loss / 100.0).clamp(0.0, 1.0));
        if is_lost || !self.is_up {
            return None;
        }
        let mut left = now;
        if rate > 0.0 {
            let begin = self.free_at.map_or(now, |free_at| free_at.max(now));
            if begin.duration_since(now).as_secs_f64() > QUEUE {
                return None;
            }
            left = begin + Duration::from_secs_f64(length as f64 / (rate * 125.0));
            self.free_at = Some(left);
        }
        Some(left + Duration::from_secs_f64(delay.max(0.0) / 1000.0))
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng as _;

    use super::*;

    fn link(quality: Quality) -> Link {
        Link { quality, ..Link::new(StdRng::seed_from_u64(1)) }
    }

    #[test]
    fn it_delays() {
        let now = Instant::now();
        let mut link = link(Quality { delay: 25.0, ..Quality::default() });
        assert_eq!(link.carry(now, 1200), Some(now + Duration::from_millis(25)));
        assert_eq!(link.carry(now, 1200), Some(now + Duration::from_millis(25)));
    }

    #[test]
    fn it_loses() {
        let now = Instant::now();
        let mut link = link(Quality { loss: 10.0, ..Quality::default() });
        let carried = (0..10_000).filter(|_| link.carry(now, 1200).is_some()).count();
        assert!((8_900..9_100).contains(&carried), "{carried}");
    }

    #[test]
    fn it_carries_no_more_than_its_rate() {
        let now = Instant::now();
        let mut link = link(Quality { rate: 960.0, delay: 5.0, ..Quality::default() });
        let arrivals: Vec<_> = (0..100).map_while(|_| link.carry(now, 1200)).collect();
        let milliseconds: Vec<_> = arrivals.iter().map(|at| (*at - now).as_millis()).collect();
        assert_eq!(milliseconds[..3], [15, 25, 35]);
        assert_eq!(milliseconds.len(), 21, "more than 200 ms would wait");
        let later = now + Duration::from_secs(1);
        assert_eq!(link.carry(later, 1200), Some(later + Duration::from_millis(15)));
    }

    #[test]
    fn a_cable_that_is_pulled_carries_nothing() {
        let mut link = Link { is_up: false, ..link(Quality::default()) };
        assert_eq!(link.carry(Instant::now(), 1200), None);
    }
}
