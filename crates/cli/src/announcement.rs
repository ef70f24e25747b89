//! What a person sees after the start: where to go.

use std::io::{IsTerminal, Write, stdout};
use std::net::{IpAddr, SocketAddr};

use peerline_server::addresses;
use peerline_server::config::Certificate;

use crate::qr;

/// Prints the addresses, a QR code of one that a telephone can open, and the word `ready`.
pub(crate) fn print(certificate: &Certificate, listening: &[SocketAddr]) {
    let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = text(certificate, listening, &addresses::of_this_machine().collect::<Vec<_>>(), colour);
    // Nobody may be reading; the server serves all the same.
    let _ = stdout().lock().write_all(text.as_bytes()).and_then(|()| stdout().flush());
}

fn text(certificate: &Certificate, listening: &[SocketAddr], machine: &[IpAddr], colour: bool) -> String {
    let mut text = format!("\n  Peerline {}\n\n", env!("CARGO_PKG_VERSION"));
    if let Some(local) = local_url(listening) {
        text += &format!("  On this machine   {local}\n");
    }
    let network = match certificate {
        Certificate::Acme { domain } => {
            let port = listening.first().map_or(443, SocketAddr::port);
            vec![if port == 443 { format!("https://{domain}") } else { format!("https://{domain}:{port}") }]
        }
        Certificate::SelfSigned | Certificate::Files { .. } => network_urls(listening, machine),
    };
    for (index, url) in network.iter().enumerate() {
        text += &format!("  {:<17} {url}\n", if index == 0 { "On the network" } else { "" });
    }
    if let Some(url) = network.first() {
        if *certificate == Certificate::SelfSigned {
            text += "                    (the certificate is self-signed: a browser asks once)\n";
        }
        if let Some(code) = qr::draw(url, colour) {
            text += &format!("\n{code}");
        }
    }
    text += "\n  ready\n";
    text
}

/// Plain HTTP, for a browser on this machine.
fn local_url(listening: &[SocketAddr]) -> Option<String> {
    let is_localhost = |ip: IpAddr| {
        ip.is_unspecified()
            || ip == IpAddr::from([127, 0, 0, 1])
            || ip == IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])
    };
    if let Some(address) = listening.iter().find(|address| is_localhost(address.ip())) {
        return Some(format!("http://localhost:{}", address.port()));
    }
    listening.iter().find(|address| address.ip().is_loopback()).map(|address| format!("http://{address}"))
}

fn network_urls(listening: &[SocketAddr], machine: &[IpAddr]) -> Vec<String> {
    let reaches = |address: &SocketAddr, ip: &IpAddr| {
        address.ip() == *ip || address.ip().is_unspecified() && address.is_ipv4() == ip.is_ipv4()
    };
    let url = |ip: &IpAddr| {
        let address = listening.iter().find(|address| reaches(address, ip))?;
        Some(format!("https://{}", SocketAddr::new(*ip, address.port())))
    };
    machine.iter().filter_map(url).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn each_network_address_is_told_and_the_last_word_is_ready() {
        let machine = ["192.0.2.2".parse().unwrap(), "2001:db8::2".parse().unwrap()];
        let text =
            text(&Certificate::SelfSigned, &addresses(&["0.0.0.0:8443", "[::]:8443"]), &machine, false);
        assert!(text.contains("http://localhost:8443\n"));
        assert!(text.contains("https://192.0.2.2:8443\n"));
        assert!(text.contains("https://[2001:db8::2]:8443\n"));
        assert!(text.contains('█'));
        assert!(text.ends_with("\n  ready\n"));
    }

    #[test]
    fn a_server_for_this_machine_alone_has_no_network_address() {
        let text = text(
            &Certificate::SelfSigned,
            &addresses(&["127.0.0.1:9000"]),
            &["192.0.2.2".parse().unwrap()],
            false,
        );
        assert!(text.contains("http://localhost:9000\n"));
        assert!(!text.contains("https://"));
    }

    #[test]
    fn a_domain_is_told_by_its_name() {
        let certificate = Certificate::Acme { domain: "call.example.org".into() };
        let text = text(&certificate, &addresses(&["0.0.0.0:443"]), &[], false);
        assert!(text.contains("https://call.example.org\n"));
    }
}
