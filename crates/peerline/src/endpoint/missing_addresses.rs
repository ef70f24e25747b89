//! Addresses that sockets are bound to and that no interface has at the moment.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// An address that is gone may be back at once: a cable's or a radio's hiccup. Until then its socket stays as it is.
const HICCUP: Duration = Duration::from_secs(2);

/// Since when each is missing.
#[derive(Debug, Default)]
pub(super) struct MissingAddresses(HashMap<IpAddr, Instant>);

impl MissingAddresses {
    /// Those of the `bound` ones that aren't `present` and have had their time.
    pub(super) fn given_up(&mut self, now: Instant, bound: &[IpAddr], present: &[IpAddr]) -> Vec<IpAddr> {
        self.0.retain(|address, _| bound.contains(address) && !present.contains(address));
        for address in bound.iter().filter(|address| !present.contains(address)) {
            self.0.entry(*address).or_insert(now);
        }
        self.0.extract_if(|_, since| *since + HICCUP <= now).map(|(address, _)| address).collect()
    }

    /// When the next of them is given up.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.0.values().min().map(|since| *since + HICCUP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[test]
    fn an_address_that_comes_back_soon_was_never_away() {
        let (start, mut missing) = (Instant::now(), MissingAddresses::default());
        assert!(missing.given_up(start, &[ONE, OTHER], &[OTHER]).is_empty());
        assert_eq!(missing.poll_timeout(), Some(start + HICCUP));
        assert!(missing.given_up(start + HICCUP / 2, &[ONE, OTHER], &[ONE, OTHER]).is_empty());
        assert_eq!(missing.poll_timeout(), None);
        // The next time counts anew.
        assert!(missing.given_up(start + HICCUP, &[ONE, OTHER], &[OTHER]).is_empty());
        assert_eq!(missing.poll_timeout(), Some(start + HICCUP * 2));
    }

    #[test]
    fn an_address_that_stays_away_is_given_up_once_and_not_looked_for_any_more() {
        let (start, mut missing) = (Instant::now(), MissingAddresses::default());
        assert!(missing.given_up(start, &[ONE, OTHER], &[OTHER]).is_empty());
        assert_eq!(missing.given_up(start + HICCUP, &[ONE, OTHER], &[OTHER]), [ONE]);
        assert!(missing.given_up(start + HICCUP, &[OTHER], &[OTHER]).is_empty());
        assert_eq!(missing.poll_timeout(), None);
    }
}
