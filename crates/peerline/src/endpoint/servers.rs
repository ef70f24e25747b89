//! STUN and TURN servers by name.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use peerline_connection::{Credential, IceServer, IceServerUrl, Server, Transport};

use super::{Note, PeerId, Shared};

/// Looks up the servers of a configuration and tells the driver, each as soon as it is known.
/// `number` says which [`Event::ServersWanted`](peerline_connection::Event::ServersWanted) this is for.
pub(super) fn look_up(shared: &Arc<Shared>, peer: PeerId, number: u32, servers: &[IceServer]) {
    let mut wanted = Vec::new();
    for server in servers {
        let credential = server.username.clone().zip(server.credential.clone());
        let credential = credential.map(|(username, password)| Credential { username, password });
        for url in server.parse_urls().unwrap_or_default() {
            wanted.push((url, credential.clone()));
        }
    }
    let shared = shared.clone();
    shared.runtime.clone().spawn(async move {
        let lookups = wanted.into_iter().map(|(url, credential)| {
            let shared = shared.clone();
            async move {
                for address in addresses(&url).await {
                    let server = describe(&url, address, credential.clone());
                    let server = server.map(|server| (server, url.clone()));
                    shared.tell(Note::Server { peer, number, server, is_last: false });
                }
            }
        });
        futures_util::future::join_all(lookups).await;
        shared.tell(Note::Server { peer, number, server: None, is_last: true });
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
