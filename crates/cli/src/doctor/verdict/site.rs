//! The whole: what this network is like for calls.

use std::net::IpAddr;

use super::super::evidence::{Call, Evidence, OtherTcp, Outcome, Tcp, TurnResult, UdpAnswer, Web};
use super::nat::{FilteringKind, MappingKind, filtering_of, mapping_of};
use super::port_mapping::is_reached_from_outside;
use super::reach::{silent_sentence, udp_sentence, web_sentence};
use super::{About, Standing, Verdict, is_allocated, is_by_proxy, is_entered, is_portal};

/// The whole: what this network is like for calls.
pub(super) fn site(evidence: &Evidence, answer: Option<&UdpAnswer>) -> Verdict {
    let verdict =
        |standing, kind, sentence: &str, seen| Verdict::new(About::Site, standing, kind, sentence, seen);
    if is_portal(evidence)
        && let Some(Web::Foreign { said }) = &evidence.web
    {
        let seen = vec![format!("{} was asked for /healthz, and {said:?} came", evidence.server)];
        return verdict(
            Standing::Bad,
            "captive-portal",
            "Something answers in the server's place: a captive portal, perhaps, where one has to log in first.",
            seen,
        );
    }
    let Some(answer) = answer else { return without_udp(evidence) };
    let seen = vec![udp_sentence(answer)];
    let only_ipv6 = !evidence.interfaces.is_empty()
        && evidence.interfaces.iter().all(|interface| interface.address.is_ipv6());
    let (mapping, filtering) = (mapping_of(answer), filtering_of(answer));
    use {FilteringKind as Filter, MappingKind as Map};
    let v6 = if only_ipv6 {
        " This machine has IPv6 only: the relay joins it to those who have IPv4 only."
    } else {
        ""
    };
    let (standing, kind, sentence) = match (mapping, filtering) {
        (Map::None, Filter::EndpointIndependent) => (
            Standing::Good,
            "open",
            "This machine is reached from outside as it is: calls with anybody can be direct.",
        ),
        (Map::None, Filter::Unknown) => {
            (Standing::Good, "no-nat", "There is no NAT; whether a firewall is in front is not known.")
        }
        (Map::None, _) => (
            Standing::Good,
            "firewall",
            "There is no NAT but a firewall that lets in answers only: direct calls come about with nearly everybody.",
        ),
        (Map::EndpointIndependent, Filter::EndpointIndependent) => (
            Standing::Good,
            "full-cone",
            "The NAT gives one address outside and lets anybody in by it: calls with anybody who has UDP can be direct.",
        ),
        (Map::EndpointIndependent, Filter::AddressDependent) => (
            Standing::Good,
            "restricted",
            "The NAT gives one address outside and lets in whom this machine has sent to: calls with anybody who has UDP \
             can be direct.",
        ),
        (Map::EndpointIndependent, Filter::AddressAndPortDependent) => (
            Standing::Good,
            "port-restricted",
            "The NAT gives one address outside and lets in answers only, as most homes' do: calls are direct unless the \
             other side's NAT gives each destination another port. How many NATs follow one another does not show from here.",
        ),
        (Map::EndpointIndependent, Filter::Unknown) => (
            Standing::Good,
            "endpoint-independent",
            "The NAT gives one address outside, which direct calls need; what it lets in is not known.",
        ),
        (Map::AddressDependent, _) => (
            Standing::Limited,
            "addr-symmetric",
            "The NAT gives each address that is sent to another port: calls are direct with those whose NAT lets them in \
             from an unforeseen port, and relayed with others.",
        ),
        (Map::AddressAndPortDependent { in_sequence: true }, _) => (
            Standing::Limited,
            "sym-seq",
            "The NAT gives each destination another port, one after the other: the next can be guessed, but without that \
             calls are direct only with those whose NAT lets them in from an unforeseen port.",
        ),
        (Map::AddressAndPortDependent { in_sequence: false }, _) => (
            Standing::Limited,
            "symmetric",
            "The NAT gives each destination another port: calls are direct with those whose NAT lets them in from an \
             unforeseen port, and relayed with others.",
        ),
        (Map::Unknown, _) => (
            Standing::Unknown,
            "nat",
            "There is a NAT. What it does is not known, because the server has one address only to look from.",
        ),
    };
    let within = if answer.mappings.first().is_some_and(|first| is_private(first.server.ip())) {
        " The server has a private address: what is between here and the internet is not known, because nothing out there \
         was asked."
    } else {
        ""
    };
    let is_full_cone = filtering == Filter::EndpointIndependent && mapping == Map::EndpointIndependent;
    let opened = if mapping != Map::None && !is_full_cone && is_reached_from_outside(evidence, answer) {
        " The router opens a port for programs that ask for one, as peerline's do: their calls with anybody who has UDP can be \
         direct."
    } else {
        ""
    };
    verdict(standing, kind, &format!("{sentence}{opened}{v6}{within}"), seen)
}

/// What is asked on loopback says nothing of the network.
pub(super) fn on_this_machine(answer: &UdpAnswer) -> Verdict {
    let sentence = "What the network around allows is not known, because the server is on this machine: name one elsewhere.";
    Verdict::new(About::Site, Standing::Unknown, "this-machine", sentence, vec![udp_sentence(answer)])
}

/// A network of somebody's own (RFC 1918, RFC 4193).
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// Nothing answers over UDP: what still goes out?
fn without_udp(evidence: &Evidence) -> Verdict {
    let mut seen: Vec<_> = evidence.udp.iter().map(silent_sentence).collect();
    let verdict =
        |standing, kind, sentence: &str, seen| Verdict::new(About::Site, standing, kind, sentence, seen);
    if is_allocated(evidence, "udp") {
        seen.push("the relay gave a place over UDP".to_owned());
        return verdict(
            Standing::Unknown,
            "no-stun",
            "UDP gets through to the relay. What is in between is not known, because STUN is not answered.",
            seen,
        );
    }
    let broken = evidence.turn.iter().find_map(|turn| match &turn.result {
        TurnResult::Failed { reason } if turn.transport == "tcp" => Some(reason),
        _ => None,
    });
    match &evidence.web {
        Some(Web::Answered { .. }) => {}
        Some(Web::Foreign { .. }) if is_entered(evidence) => {}
        Some(_) | None => {
            if is_by_proxy(evidence)
                && let Some(proxy) = &evidence.proxy
            {
                seen.extend(evidence.web.as_ref().map(|web| web_sentence(evidence, web)));
                let address = &proxy.address;
                seen.push(format!("by the proxy {address}: {}", web_sentence(evidence, &proxy.web)));
                let (standing, sentence) = match (&evidence.signaling, &evidence.call) {
                    (Some(Outcome::Done { .. }), Some(Call::Connected { .. })) => (
                        Standing::Limited,
                        "Nothing goes out but by the HTTP proxy: calls are relayed through it, with more delay when packets \
                         are lost.",
                    ),
                    (Some(Outcome::Done { .. }), _) => (
                        Standing::Limited,
                        "Nothing goes out but by the HTTP proxy: calls need the relay through it, over TCP or TLS.",
                    ),
                    _ => (
                        Standing::Bad,
                        "Nothing goes out but by the HTTP proxy, and it does not lead into a channel of the server's.",
                    ),
                };
                return verdict(standing, "proxy", sentence, seen);
            }
            if let Some(web) = &evidence.web {
                seen.push(web_sentence(evidence, web));
            }
            if evidence.interfaces.is_empty() {
                return verdict(
                    Standing::Bad,
                    "offline",
                    "This machine has no address in a network.",
                    vec!["no interface but loopback has an address".to_owned()],
                );
            }
            let sentence = match &evidence.proxy {
                Some(_) => "The server is not reached, neither directly nor by the proxy.",
                None => {
                    "The server is not reached by anything. Whether there is a proxy is not known, because none is named \
                     (HTTPS_PROXY)."
                }
            };
            return verdict(Standing::Bad, "unreachable", sentence, seen);
        }
    }
    seen.extend(evidence.web.as_ref().map(|web| web_sentence(evidence, web)));
    if is_allocated(evidence, "tls")
        && !is_allocated(evidence, "tcp")
        && let Some(broken) = broken
    {
        seen.push(format!("the relay gives a place over TLS, and not over TCP: {broken}"));
        return verdict(
            Standing::Limited,
            "tls443",
            "A firewall lets out nothing but what looks like TLS: calls are relayed over TLS.",
            seen,
        );
    }
    let (standing, calls) = over_tcp(evidence);
    let (kind, what) = match &evidence.other_tcp {
        Some(OtherTcp { address, outcome: outcome @ (Tcp::Silent | Tcp::Unreachable), reason }) => {
            seen.push(match reason {
                Some(reason) if *outcome == Tcp::Unreachable => {
                    format!("a TCP connection to {address} can't be made: {reason}")
                }
                _ => format!("a TCP connection to {address} got no answer at all"),
            });
            (
                "tcp443",
                "UDP does not get through, and TCP to the server's web port only (or the server itself is silent at others)",
            )
        }
        other => {
            seen.extend(other.as_ref().map(|other| {
                let how =
                    if other.outcome == Tcp::Open { "was accepted" } else { "was refused, not swallowed" };
                format!("a TCP connection to {} {how}", other.address)
            }));
            ("udp-blocked", "UDP does not get through, TCP does")
        }
    };
    verdict(standing, kind, &format!("{what}: {calls}"), seen)
}

/// What is left for calls where UDP does not get through.
fn over_tcp(evidence: &Evidence) -> (Standing, &'static str) {
    if is_allocated(evidence, "tcp") || is_allocated(evidence, "tls") {
        (Standing::Limited, "most calls are relayed over TCP, with more delay when packets are lost.")
    } else if !evidence.turn.is_empty() {
        (Standing::Bad, "calls would have to be relayed over TCP, and the relay is not reached that way.")
    } else if matches!(evidence.signaling, Some(Outcome::Done { .. })) {
        (Standing::Bad, "calls would have to be relayed over TCP, and the server offers no relay.")
    } else {
        (
            Standing::Limited,
            "calls have to be relayed over TCP; whether the relay is reached that way is not known, because the server lets \
             this machine in nowhere.",
        )
    }
}
