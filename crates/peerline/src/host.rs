//! Hosts, as URLs name them.

use std::net::IpAddr;

/// RFC 6761 §6.3: `localhost` and what is below it is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

/// Host and port as they stand in an authority (RFC 3986 §3.2); an IPv6 address gets its brackets.
pub(crate) fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}
