//! The network that this machine is in, as far as a channel has to know.

use std::future::pending;
use std::net::IpAddr;

use tokio::sync::watch;

use crate::Endpoint;

/// What has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Interfaces have gone, or have other addresses: what went by these ones is broken.
    AddressesLost(Vec<IpAddr>),
    /// There is one more.
    AddressAdded,
}

/// The addresses of this machine that peers may be told.
pub(super) struct Network {
    present: watch::Receiver<Vec<IpAddr>>,
    known: Vec<IpAddr>,
}

impl Network {
    pub(super) fn of(endpoint: &Endpoint) -> Self {
        let mut present = endpoint.present_addresses();
        let known = present.borrow_and_update().clone();
        Self { present, known }
    }

    /// `None`: nothing will change any more. Nothing is lost when this is dropped early.
    async fn next(&mut self) -> Option<Change> {
        loop {
            self.present.changed().await.ok()?;
            let present = self.present.borrow_and_update().clone();
            let before = std::mem::replace(&mut self.known, present);
            let is_gone = |address: &&IpAddr| !self.known.contains(*address);
            let lost: Vec<_> = before.iter().filter(is_gone).copied().collect();
            if !lost.is_empty() {
                return Some(Change::AddressesLost(lost));
            }
            if self.known.iter().any(|address| !before.contains(address)) {
                return Some(Change::AddressAdded);
            }
        }
    }
}

/// The next change of a network that is known.
pub(super) async fn next_change(network: &mut Option<Network>) -> Change {
    if let Some(change) = async { network.as_mut()?.next().await }.await {
        return change;
    }
    pending().await
}

#[cfg(test)]
mod tests {
    use super::*;

    const CABLE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const RADIO: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn what_is_lost_is_told_apart_from_what_is_added() {
        let interfaces = watch::Sender::new(vec![CABLE]);
        let mut network = Network { present: interfaces.subscribe(), known: vec![CABLE] };
        for (present, expected) in [
            (vec![CABLE, RADIO], Change::AddressAdded),
            (vec![RADIO], Change::AddressesLost(vec![CABLE])),
            (vec![CABLE], Change::AddressesLost(vec![RADIO])),
        ] {
            interfaces.send_replace(present);
            assert_eq!(network.next().await, Some(expected));
        }
        // Another order is no change.
        interfaces.send_replace(vec![CABLE, RADIO]);
        assert_eq!(network.next().await, Some(Change::AddressAdded));
        interfaces.send_replace(vec![RADIO, CABLE]);
        drop(interfaces);
        assert_eq!(network.next().await, None);
    }
}
