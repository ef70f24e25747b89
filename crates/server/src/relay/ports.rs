//! The ports that relayed addresses are made of.

use std::ops::RangeInclusive;

use rand::Rng;
use rand::rngs::StdRng;

/// Which ports of a range are taken, for one address family.
///
/// A free port is found at random: RFC 8656 §7.2 wants relayed ports hard to guess.
#[derive(Debug)]
pub(super) struct PortPool {
    low: u16,
    taken: Vec<bool>,
}

impl PortPool {
    pub(super) fn new(range: &RangeInclusive<u16>) -> Self {
        Self { low: *range.start(), taken: vec![false; range.len()] }
    }

    /// Takes a free port; an even one when `even`. Nothing is left when it says `None`.
    pub(super) fn take(&mut self, random: &mut StdRng, even: bool) -> Option<u16> {
        self.find(random, |pool, index| {
            !pool.is_taken(index) && (!even || pool.port(index).is_multiple_of(2))
        })
    }

    /// Takes an even port whose successor is free too, and that one as well (RFC 8656 §7.2, EVEN-PORT with its R bit).
    pub(super) fn take_pair(&mut self, random: &mut StdRng) -> Option<u16> {
        let port = self.find(random, |pool, index| {
            pool.port(index).is_multiple_of(2) && !pool.is_taken(index) && !pool.is_taken(index + 1)
        })?;
        self.set(port + 1, true);
        Some(port)
    }

    /// Makes a port free again.
    pub(super) fn give_back(&mut self, port: u16) {
        self.set(port, false);
    }

    fn find(&mut self, random: &mut StdRng, fits: impl Fn(&Self, usize) -> bool) -> Option<u16> {
        let count = self.taken.len();
        if count == 0 {
            return None;
        }
        let start = random.random_range(0..count);
        let index = (start..count).chain(0..start).find(|index| fits(self, *index))?;
        let port = self.port(index);
        self.set(port, true);
        Some(port)
    }

    fn port(&self, index: usize) -> u16 {
        self.low + index as u16
    }

    /// What lies beyond the range can't be had.
    fn is_taken(&self, index: usize) -> bool {
        self.taken.get(index).copied().unwrap_or(true)
    }

    fn set(&mut self, port: u16, value: bool) {
        let index = usize::from(port).checked_sub(usize::from(self.low));
        if let Some(taken) = index.and_then(|index| self.taken.get_mut(index)) {
            *taken = value;
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn every_port_of_the_range_is_given_once_and_again_after_it_came_back() {
        let mut random = StdRng::seed_from_u64(1);
        let mut pool = PortPool::new(&(50_000..=50_009));
        let mut ports: Vec<_> = std::iter::from_fn(|| pool.take(&mut random, false)).collect();
        ports.sort_unstable();
        assert_eq!(ports, (50_000..=50_009).collect::<Vec<_>>());
        pool.give_back(50_004);
        assert_eq!(pool.take(&mut random, true), Some(50_004));
        assert_eq!(pool.take(&mut random, false), None);
    }

    #[test]
    fn even_ports_and_pairs() {
        let mut random = StdRng::seed_from_u64(2);
        let mut pool = PortPool::new(&(50_001..=50_006));
        let first = pool.take_pair(&mut random);
        let second = pool.take_pair(&mut random);
        let mut pairs = [first, second];
        pairs.sort_unstable();
        assert_eq!(pairs, [Some(50_002), Some(50_004)]);
        assert_eq!(pool.take_pair(&mut random), None, "50,006 has no successor in the range");
        assert_eq!(pool.take(&mut random, true), Some(50_006));
        assert_eq!(pool.take(&mut random, true), None);
        assert_eq!(pool.take(&mut random, false), Some(50_001));
    }

    #[test]
    fn ports_end_at_65535() {
        let mut random = StdRng::seed_from_u64(3);
        let mut pool = PortPool::new(&(65_534..=65_535));
        assert_eq!(pool.take_pair(&mut random), Some(65_534));
        assert_eq!(pool.take(&mut random, false), None);
    }
}
