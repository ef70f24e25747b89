//! STUN and TURN servers by name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};
use peerline_connection::{Credential, IceServer, IceServerUrl, Server, Transport};
use tokio::time::timeout;

use super::{Note, PeerId, Shared, lock};
use crate::{Proxy, nat64};

/// How long a name is looked up before it is left to the proxy. Behind one that is the only way out, often nobody answers.
const LOOKUP: Duration = Duration::from_millis(500);

/// Looks up the servers of a configuration and tells the driver, each as soon as it is known.
/// `number` says which [`Event::ServersWanted`](peerline_connection::Event::ServersWanted) this is for.
pub(super) fn look_up(
    shared: &Arc<Shared>,
    peer: PeerId,
    number: u32,
    servers: &[IceServer],
    proxy: Option<&Proxy>,
) {
    let mut wanted = Vec::new();
    for server in servers {
        let credential = server.username.clone().zip(server.credential.clone());
        let credential = credential.map(|(username, password)| Credential { username, password });
        for url in server.parse_urls().unwrap_or_default() {
            let is_proxied = url.is_tcp && proxy.is_some_and(|proxy| proxy.serves(&url.host));
            wanted.push((url, credential.clone(), is_proxied));
        }
    }
    let shared = shared.clone();
    shared.runtime.clone().spawn(async move {
        // Asked once, and by whoever needs it first.
        let needs_nat64 = nat64::is_needed(&lock(&shared.addresses));
        let nat64 = async {
            let prefix = if needs_nat64 { nat64::discover().await } else { None };
            if let Some(prefix) = prefix {
                shared.tell(Note::Nat64 { peer, prefix });
            }
            prefix
        };
        let nat64 = nat64.boxed().shared();
        let lookups = wanted.into_iter().map(|(url, credential, is_proxied)| {
            let (shared, nat64) = (&shared, nat64.clone());
            async move {
                let found = if is_proxied {
                    match timeout(LOOKUP, addresses(&url)).await {
                        Ok(found) if !found.is_empty() => found,
                        _ => vec![unknown(shared, url.port)],
                    }
                } else {
                    addresses(&url).await
                };
                let tell = |server: Option<Server>| {
                    let server = server.map(|server| (server, url.clone()));
                    shared.tell(Note::Server { peer, number, server, is_last: false });
                };
                let is_foreign = |address: &SocketAddr| needs_nat64 && address.is_ipv4();
                let (foreign, reached): (Vec<_>, Vec<_>) = found.into_iter().partition(is_foreign);
                for address in &reached {
                    tell(describe(&url, *address, credential.clone()));
                }
                for address in foreign {
                    // RFC 8305 §7.1. Those who have IPv4 only see the translator's address, which the server sees there.
                    let prefix = nat64.clone().await;
                    let address = prefix.and_then(|prefix| prefix.translate(address)).unwrap_or(address);
                    let server = describe(&url, address, credential.clone());
                    tell(server.filter(|server| reached.is_empty() || matches!(server, Server::Stun { .. })));
                }
            }
        });
        let servers = async {
            join_all(lookups).await;
            shared.tell(Note::Server { peer, number, server: None, is_last: true });
        };
        join(servers, nat64.clone()).await;
    });
}

/// One address of each family: more are the same server again.
async fn addresses(url: &IceServerUrl) -> Vec<SocketAddr> {
    let found = match url.host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, url.port)],
        Err(_) => match tokio::net::lookup_host((url.host.as_str(), url.port)).await {
            Ok(found) => found.collect(),
            Err(error) => {
                tracing::debug!(host = url.host, %error, "ICE server not found");
                Vec::new()
            }
        },
    };
    let first_of = |is_ipv4| found.iter().copied().find(|address| address.is_ipv4() == is_ipv4);
    [first_of(true), first_of(false)].into_iter().flatten().collect()
}

/// Stands for the address of a server that only the proxy finds, in the family of our first address.
fn unknown(shared: &Shared, port: u16) -> SocketAddr {
    let is_ipv6 = lock(&shared.addresses).first().is_some_and(SocketAddr::is_ipv6);
    let ip = if is_ipv6 { IpAddr::from(Ipv6Addr::UNSPECIFIED) } else { Ipv4Addr::UNSPECIFIED.into() };
    SocketAddr::new(ip, port)
}

/// `None` for what isn't spoken: STUN over anything but UDP, and TURN over DTLS.
fn describe(url: &IceServerUrl, address: SocketAddr, credential: Option<Credential>) -> Option<Server> {
    match (url.scheme.is_turn(), url.scheme.is_secure(), url.is_tcp) {
        (false, false, false) => Some(Server::Stun { address }),
        (true, false, false) => {
            Some(Server::Turn { address, transport: Transport::Udp, credential: credential? })
        }
        (true, false, true) => {
            Some(Server::Turn { address, transport: Transport::Tcp, credential: credential? })
        }
        (true, true, true) => {
            Some(Server::Turn { address, transport: Transport::Tls, credential: credential? })
        }
        _ => None,
    }
}
