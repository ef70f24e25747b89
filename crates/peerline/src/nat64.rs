//! Networks that have IPv6 only, and a translator to IPv4 (RFC 6146).

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use peerline_connection::Nat64Prefix;
use tokio::net::lookup_host;
use tokio::time::timeout;

/// A name that has IPv4 addresses only: what else a network answers is its translator's (RFC 7050 §3).
const IPV4_ONLY: &str = "ipv4only.arpa";
/// A network that has no translator may not answer at all.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the network for its translator.
pub(crate) async fn discover() -> Option<Nat64Prefix> {
    let answers = timeout(PATIENCE, lookup_host((IPV4_ONLY, 0))).await.ok()?.ok()?;
    let prefix = Nat64Prefix::find(answers.filter_map(|answer| match answer.ip() {
        IpAddr::V6(answer) => Some(answer),
        IpAddr::V4(_) => None,
    }));
    tracing::debug!(?prefix, "NAT64");
    prefix
}

/// Whether a machine with these addresses may need one: it has IPv6 and no IPv4.
pub(crate) fn is_needed(addresses: &[SocketAddr]) -> bool {
    let mut outside = addresses.iter().filter(|address| !address.ip().is_loopback()).peekable();
    outside.peek().is_some() && outside.all(SocketAddr::is_ipv6)
}
