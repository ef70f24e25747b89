//! How the NAT behaves, in RFC 4787's words, and how large packets may be.

use std::iter::repeat;
use std::net::SocketAddr;

use super::super::evidence::{Filtering, Mapping, Udp, UdpAnswer};
use super::reach::udp_sentence;
use super::{About, Standing, Verdict, unknown};

/// How far apart ports may be that follow one another.
const SEQUENCE: i32 = 16;
/// What an Ethernet carries.
const ETHERNET: usize = 1_500;
/// What WebRTC's packets need at least (RFC 8831 §5, RFC 8261 §5).
const LEAST_PACKET: usize = 1_280;

/// RFC 4787 §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MappingKind {
    None,
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent {
        /// Each port follows the one before.
        in_sequence: bool,
    },
    Unknown,
}

/// RFC 4787 §5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FilteringKind {
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
    Unknown,
}

pub(super) fn mapping_of(answer: &UdpAnswer) -> MappingKind {
    if answer.mapped == answer.local {
        return MappingKind::None;
    }
    let seen: Vec<(&Mapping, SocketAddr)> =
        answer.mappings.iter().filter_map(|mapping| Some((mapping, mapping.mapped?))).collect();
    // Ports of one address are compared, whichever address it is: one that doesn't answer is no reason to guess.
    let same_address = || {
        let pairs =
            seen.iter().enumerate().flat_map(|(index, one)| seen.iter().skip(index + 1).zip(repeat(one)));
        pairs.filter(|((other, _), (one, _))| other.server.ip() == one.server.ip())
    };
    if same_address().any(|((_, other), (_, one))| other != one) {
        let ports: Vec<i32> = seen.iter().map(|(_, mapped)| i32::from(mapped.port())).collect();
        let in_sequence = ports.windows(2).all(|two| {
            let [before, after] = two else { return true };
            (1..=SEQUENCE).contains(&(after - before))
        });
        return MappingKind::AddressAndPortDependent { in_sequence: in_sequence && ports.len() > 2 };
    }
    let Some((first, mapped)) = seen.first().copied() else { return MappingKind::Unknown };
    let mut other_address =
        seen.iter().filter(|(mapping, _)| mapping.server.ip() != first.server.ip()).peekable();
    if other_address.peek().is_none() {
        MappingKind::Unknown
    } else if other_address.all(|(_, other)| *other == mapped) {
        MappingKind::EndpointIndependent
    } else if same_address().next().is_some() {
        MappingKind::AddressDependent
    } else {
        // No address answered at two ports: it may depend on the port as well.
        MappingKind::AddressAndPortDependent { in_sequence: false }
    }
}

pub(super) fn mapping(udp: Option<&Udp>, answer: &UdpAnswer) -> Verdict {
    let about = About::Mapping;
    let seen = answer
        .mappings
        .iter()
        .map(|Mapping { server, mapped }| match mapped {
            Some(mapped) => format!("{server} saw {} as {mapped}", answer.mapping_local),
            None => format!("{server} did not answer"),
        })
        .collect();
    let (standing, kind, sentence) = match mapping_of(answer) {
        MappingKind::None => {
            (Standing::Good, "none", "There is no NAT: this machine is seen under its own address.")
        }
        MappingKind::EndpointIndependent => (
            Standing::Good,
            "endpoint-independent",
            "Endpoint-independent mapping (RFC 4787 §4.1): whoever is sent to sees the same address, so that it can be told \
             to the other side of a call.",
        ),
        MappingKind::AddressDependent => (
            Standing::Limited,
            "address-dependent",
            "Address-dependent mapping (RFC 4787 §4.1): each address that is sent to sees another port than the one that \
             STUN learned.",
        ),
        MappingKind::AddressAndPortDependent { in_sequence: true } => (
            Standing::Limited,
            "address-and-port-dependent",
            "Address- and port-dependent mapping (RFC 4787 §4.1) with ports in sequence: each destination sees another port \
             than the one that STUN learned, but the next one can be guessed.",
        ),
        MappingKind::AddressAndPortDependent { in_sequence: false } => (
            Standing::Limited,
            "address-and-port-dependent",
            "Address- and port-dependent mapping (RFC 4787 §4.1): each destination sees another port than the one that STUN \
             learned.",
        ),
        MappingKind::Unknown => {
            let why = match udp {
                Some(_) if answer.mappings.len() > 1 => {
                    "There is a NAT that gives this server's ports one address; whether other servers see the same is not \
                     known, because this one has a single address."
                }
                _ => {
                    "There is a NAT; how it maps is not known, because the server has one address only to look from."
                }
            };
            (Standing::Unknown, "unknown", why)
        }
    };
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: seen }
}

pub(super) fn filtering_of(answer: &UdpAnswer) -> FilteringKind {
    match answer.filtering {
        None => FilteringKind::Unknown,
        Some(Filtering { from_other_address: true, .. }) => FilteringKind::EndpointIndependent,
        Some(Filtering { from_other_port: true, .. }) => FilteringKind::AddressDependent,
        Some(_) => FilteringKind::AddressAndPortDependent,
    }
}

pub(super) fn filtering(answer: &UdpAnswer) -> Verdict {
    let about = About::Filtering;
    let Some(Filtering { from_other_address, from_other_port }) = answer.filtering else {
        return unknown(
            about,
            "What is let in from outside is not known, because the server has no second address to answer from (RFC 5780 \
             §4.4).",
        );
    };
    let came = |came| if came { "came" } else { "did not come" };
    let seen = vec![
        format!("an answer from another address than was asked {}", came(from_other_address)),
        format!("an answer from another port than was asked {}", came(from_other_port)),
    ];
    let (standing, kind, sentence) = match filtering_of(answer) {
        FilteringKind::EndpointIndependent => (
            Standing::Good,
            "endpoint-independent",
            "Endpoint-independent filtering (RFC 4787 §5): whoever knows the address gets in.",
        ),
        FilteringKind::AddressDependent => (
            Standing::Good,
            "address-dependent",
            "Address-dependent filtering (RFC 4787 §5): those whom this machine has sent to get in, from any port.",
        ),
        FilteringKind::AddressAndPortDependent | FilteringKind::Unknown => (
            Standing::Good,
            "address-and-port-dependent",
            "Address- and port-dependent filtering (RFC 4787 §5): answers get in, and nothing else.",
        ),
    };
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: seen }
}

pub(super) fn hairpinning(answer: &UdpAnswer) -> Verdict {
    let about = About::Hairpinning;
    let sentence = |text: &str| text.to_owned();
    match answer.hairpin {
        None if answer.mapped == answer.local => Verdict {
            about,
            standing: Standing::Good,
            kind: "needless",
            sentence: sentence("Hairpinning is not needed where there is no NAT."),
            evidence: vec![udp_sentence(answer)],
        },
        None => unknown(
            about,
            "Whether the NAT hairpins is not known, because its addresses did not come to be known.",
        ),
        Some(true) => Verdict {
            about,
            standing: Standing::Good,
            kind: "yes",
            sentence: sentence(
                "The NAT hairpins: two behind it reach each other by their addresses outside.",
            ),
            evidence: vec!["of two sockets here one heard the other by its address outside".to_owned()],
        },
        Some(false) => Verdict {
            about,
            standing: Standing::Limited,
            kind: "no",
            sentence: sentence(
                "The NAT does not hairpin: two behind it that do not see each other's own addresses need the relay.",
            ),
            evidence: vec!["of two sockets here neither heard the other by its address outside".to_owned()],
        },
    }
}

pub(super) fn packet_size(answer: &UdpAnswer) -> Verdict {
    let about = About::PacketSize;
    let Some(packets) = answer.packets else {
        return unknown(
            about,
            "How large packets may be is not known, because none of the tries was answered.",
        );
    };
    let lost = packets.lost.map(|lost| format!(", of {lost} bytes were not")).unwrap_or_default();
    let seen = vec![format!("unfragmented packets of {} bytes were answered{lost}", packets.passed)];
    let (standing, kind, sentence) = match packets.passed {
        whole if whole >= ETHERNET => {
            (Standing::Good, "1500", "Packets as large as Ethernet's get through whole.".to_owned())
        }
        enough if enough >= LEAST_PACKET => (
            Standing::Good,
            "tunnel",
            format!("Packets of {enough} bytes get through whole, as through a tunnel: enough for calls."),
        ),
        few => (
            Standing::Limited,
            "small",
            format!("Only packets up to {few} bytes get through whole: less than calls count on."),
        ),
    };
    Verdict { about, standing, kind, sentence, evidence: seen }
}
