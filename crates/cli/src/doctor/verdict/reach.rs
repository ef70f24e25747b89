//! What is reached: networks, the server, its clock, and UDP.

use std::net::IpAddr;

use super::super::evidence::{Evidence, Interface, Outcome, Proxy, Udp, UdpAnswer, Web};
use super::{About, Standing, Verdict, is_allocated, is_by_proxy, is_down, is_there, unknown};

/// A clock that is off by more makes credentials and certificates fail.
const CLOCK: f64 = 60.0;

pub(super) fn addresses(evidence: &Evidence) -> Verdict {
    let about = About::Addresses;
    let mut seen: Vec<_> = evidence
        .interfaces
        .iter()
        .map(|interface| format!("{} has {}", interface.name, interface.address))
        .collect();
    let (four, six): (Vec<_>, Vec<_>) =
        evidence.interfaces.iter().partition(|interface| interface.address.is_ipv4());
    let is_shared = |interface: &&Interface| match interface.address {
        IpAddr::V4(address) => address.octets()[0] == 100 && address.octets()[1] & 0xC0 == 64,
        IpAddr::V6(_) => false,
    };
    if evidence.interfaces.is_empty() {
        seen.push("no interface but loopback has an address".to_owned());
    }
    let (standing, kind, sentence) = match (four.is_empty(), six.is_empty()) {
        (true, true) => (Standing::Bad, "none", "This machine has no address in a network."),
        (true, false) => (Standing::Limited, "ipv6-only", "This machine has IPv6 only."),
        (false, true) if four.iter().any(is_shared) => (
            Standing::Limited,
            "ipv4-shared",
            "This machine has IPv4 only, of the range that providers use behind a NAT of theirs (RFC 6598).",
        ),
        (false, true) => (Standing::Good, "ipv4-only", "This machine has IPv4 only."),
        (false, false) => (Standing::Good, "dual-stack", "This machine has IPv4 and IPv6."),
    };
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: seen }
}

pub(super) fn server(evidence: &Evidence) -> Verdict {
    let about = About::Server;
    let mut seen: Vec<_> = evidence.web.iter().map(|web| web_sentence(evidence, web)).collect();
    if let Some(Proxy { address, web }) = &evidence.proxy {
        seen.push(format!("by the proxy {address}: {}", web_sentence(evidence, web)));
    }
    match &evidence.signaling {
        Some(Outcome::Done { took }) => seen.push(format!("a channel was entered in {took:.0} ms")),
        Some(Outcome::Failed { reason }) => seen.push(format!("no channel could be entered: {reason}")),
        None => {}
    }
    let is_by_proxy = is_by_proxy(evidence);
    let (standing, kind, sentence) = match (&evidence.web, &evidence.signaling) {
        (_, Some(Outcome::Done { .. })) if is_by_proxy => {
            (Standing::Limited, "by-proxy", "The server is reached by the proxy only.")
        }
        (_, Some(Outcome::Failed { .. })) if is_by_proxy => (
            Standing::Bad,
            "no-signaling",
            "The server answers by the proxy only, and lets this machine into no channel that way: the proxy may not pass \
             WebSockets on.",
        ),
        (_, Some(Outcome::Done { .. })) => {
            (Standing::Good, "reached", "The server is reached, and lets this machine in.")
        }
        (Some(Web::Answered { .. }), Some(Outcome::Failed { .. })) => (
            Standing::Bad,
            "no-signaling",
            "The server answers, but lets this machine into no channel: what is in between may not pass WebSockets on.",
        ),
        (Some(Web::Foreign { said }), _) if is_down(said) => (
            Standing::Bad,
            "down",
            "A proxy in front of the server answers, and says that the server does not.",
        ),
        (Some(Web::Foreign { .. }), _) => {
            (Standing::Bad, "captive-portal", "It is not the server that answers at its address.")
        }
        (Some(Web::Untrusted { .. }), _) => (
            Standing::Bad,
            "untrusted",
            "Whoever answers there does not prove to be the server: its certificate is its own (--trust SHA256), or somebody \
             is in between.",
        ),
        (Some(Web::NoName { .. }), _) => (
            Standing::Bad,
            "no-name",
            "The server's name leads to no address: is it spelled right, and does DNS work here?",
        ),
        (Some(Web::Broken { .. }), _) => {
            (Standing::Bad, "broken", "A connection to the server is broken off before it answers.")
        }
        (Some(Web::Refused { .. }), _) => {
            (Standing::Bad, "refused", "Nobody serves there, or a firewall refuses in the server's name.")
        }
        (Some(Web::NoRoute { .. }), _) => (
            Standing::Bad,
            "no-route",
            "There is no way from here to the server's address: it is of the other kind (IPv4, IPv6), or there is no network.",
        ),
        (Some(Web::Silent), _) => (Standing::Bad, "silent", "The server does not answer over TCP."),
        (Some(Web::Answered { .. }), None) => (Standing::Good, "answers", "The server answers."),
        (None, _) => {
            return unknown(about, "Whether the server is reached is not known, because it was not asked.");
        }
    };
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: seen }
}

pub(super) fn web_sentence(evidence: &Evidence, web: &Web) -> String {
    let server = &evidence.server;
    match web {
        Web::Answered { took } => format!("{server}/healthz answered \"ok\" in {took:.0} ms"),
        Web::Foreign { said } => format!("{server}/healthz answered {said:?}, which the server does not say"),
        Web::Untrusted { reason } => format!("the certificate shown for {server} is not believed: {reason}"),
        Web::Broken { reason } => format!("{server} took the TCP connection and then broke it: {reason}"),
        Web::Refused { reason } => format!("a TCP connection to {server} was refused: {reason}"),
        Web::NoRoute { reason } => format!("a TCP connection to {server} can't be made: {reason}"),
        Web::Silent => format!("a TCP connection to {server} got no answer in 3 s"),
        Web::NoName { reason } => format!("the name of {server} was not found: {reason}"),
    }
}

pub(super) fn clock(evidence: &Evidence) -> Verdict {
    let about = About::Clock;
    let Some(clock) = evidence.clock else {
        return unknown(
            about,
            "Whether this machine's clock is right is not known, because the server told no time.",
        );
    };
    let seen =
        vec![format!("the server's clock less this one's: {:+.1} s, ±{:.1} s", clock.ahead, clock.within)];
    if clock.ahead.abs() > CLOCK + clock.within {
        let way = if clock.ahead > 0.0 { "slow" } else { "fast" };
        let sentence = format!(
            "This machine's clock is {way} by {:.0} s (or the server's is wrong): credentials and certificates may count as \
             expired.",
            clock.ahead.abs()
        );
        return Verdict { about, standing: Standing::Bad, kind: "off", sentence, evidence: seen };
    }
    let sentence = "This machine's clock agrees with the server's.".to_owned();
    Verdict { about, standing: Standing::Good, kind: "right", sentence, evidence: seen }
}

pub(super) fn over_udp(evidence: &Evidence) -> Verdict {
    let about = About::Udp;
    if evidence.udp.is_empty() {
        return unknown(
            about,
            "Whether UDP gets through is not known, because the server has no address to ask.",
        );
    }
    let mut seen: Vec<_> = evidence
        .udp
        .iter()
        .map(|udp| udp.answer.as_ref().map_or_else(|| silent_sentence(udp), udp_sentence))
        .collect();
    let answered = evidence.udp.iter().filter(|udp| udp.answer.is_some()).count();
    let (standing, kind, sentence) = match answered {
        0 if is_allocated(evidence, "udp") => {
            seen.push("the relay gave a place over UDP".to_owned());
            (
                Standing::Good,
                "passes-in-part",
                "UDP goes out to the relay and answers come back, though STUN is not answered.",
            )
        }
        0 if evidence.udp.iter().all(|udp| udp.unsendable.is_some()) => {
            (Standing::Bad, "unsendable", "UDP to the server can't be sent from here.")
        }
        0 if !is_there(evidence) => {
            let sentence = "Whether UDP gets through is not known, because the server doesn't answer.";
            return Verdict { evidence: seen, ..unknown(about, sentence) };
        }
        0 if is_allocated(evidence, "tcp") || is_allocated(evidence, "tls") => (
            Standing::Bad,
            "blocked",
            "UDP does not get through: direct are only calls with those who can be reached over TCP, and so is the relay reached.",
        ),
        0 => (
            Standing::Bad,
            "blocked",
            "UDP does not get through: direct are only calls with those who can be reached over TCP.",
        ),
        all if all == evidence.udp.len() => {
            (Standing::Good, "passes", "UDP goes out, and answers come back.")
        }
        _ => (
            Standing::Good,
            "passes-in-part",
            "UDP goes out and answers come back, though not at every address of the server's.",
        ),
    };
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: seen }
}

pub(super) fn udp_sentence(answer: &UdpAnswer) -> String {
    let UdpAnswer { local, mapped, round_trip, mappings, .. } = answer;
    let server = mappings.first().map(|first| first.server.to_string()).unwrap_or_default();
    format!("UDP from {local} to {server} was answered in {round_trip:.1} ms, and seen to come from {mapped}")
}

pub(super) fn silent_sentence(udp: &Udp) -> String {
    match &udp.unsendable {
        Some(reason) => format!("UDP to {} can't be sent: {reason}", udp.server),
        None => {
            let ports: Vec<_> = udp.ports.iter().map(u16::to_string).collect();
            format!(
                "UDP to {}, port {}, was sent {} times, and nothing came back",
                udp.server,
                ports.join(" and "),
                udp.attempts
            )
        }
    }
}
