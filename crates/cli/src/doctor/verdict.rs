//! What the evidence means, in sentences. Pure functions: the same evidence gives the same verdict.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::evidence::{
    Call, Evidence, Filtering, Mapping, Outcome, Proxy, Tcp, TurnResult, Udp, UdpAnswer, Web,
};

/// What is said of one question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Verdict {
    /// What the question is about.
    pub(crate) about: About,
    /// How it stands.
    pub(crate) standing: Standing,
    /// What it is, in a word of RFC 4787's where there is one; for machines.
    pub(crate) kind: &'static str,
    /// The same for people.
    pub(crate) sentence: String,
    /// What was seen.
    pub(crate) evidence: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum About {
    Site,
    Addresses,
    Server,
    Clock,
    Udp,
    Mapping,
    Filtering,
    Hairpinning,
    PacketSize,
    Relay,
    Call,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    Good,
    /// Calls come about, but not as well as they could.
    Limited,
    Bad,
    /// Nothing can be said, and the sentence says why.
    Unknown,
}

/// RFC 4787 §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum MappingKind {
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
enum FilteringKind {
    EndpointIndependent,
    AddressDependent,
    AddressAndPortDependent,
    Unknown,
}

/// A clock that is off by more makes credentials and certificates fail.
const CLOCK: f64 = 60.0;
/// How far apart ports may be that follow one another.
const SEQUENCE: i32 = 16;
/// What an Ethernet carries.
const ETHERNET: usize = 1_500;
/// What WebRTC's packets need at least (RFC 8831 §5, RFC 8261 §5).
const LEAST_PACKET: usize = 1_280;

/// Judges. The first verdict is on the whole.
pub(crate) fn judge(evidence: &Evidence) -> Vec<Verdict> {
    let udp = best_udp(evidence);
    let answer = udp.and_then(|udp| udp.answer.as_ref());
    let here = answer.filter(|answer| answer.local.ip().is_loopback());
    let whole = here.map_or_else(|| site(evidence, answer), on_this_machine);
    let mut verdicts = vec![whole, addresses(evidence), server(evidence), clock(evidence)];
    verdicts.push(over_udp(evidence));
    match answer {
        Some(_) if here.is_some() => verdicts.extend([
            unknown(About::Mapping, "How a NAT maps is not known, because the server is on this machine."),
            unknown(
                About::Filtering,
                "What a NAT lets in is not known, because the server is on this machine.",
            ),
        ]),
        Some(answer) => {
            verdicts.push(mapping(udp, answer));
            verdicts.push(filtering(answer));
            verdicts.push(hairpinning(answer));
            verdicts.push(packet_size(answer));
        }
        None => verdicts.extend([
            unknown(About::Mapping, "How the NAT maps is not known, because nothing answers over UDP."),
            unknown(About::Filtering, "What the NAT lets in is not known, because nothing answers over UDP."),
        ]),
    }
    verdicts.push(relay(evidence));
    verdicts.push(call(evidence));
    verdicts
}

fn unknown(about: About, sentence: &str) -> Verdict {
    let (standing, kind) = (Standing::Unknown, "unknown");
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: Vec::new() }
}

/// The address that says most: one that answered, and that had most to tell.
fn best_udp(evidence: &Evidence) -> Option<&Udp> {
    evidence.udp.iter().max_by_key(|udp| {
        // Where IPv4 is it is what has the NAT, and so decides what calls can do.
        udp.answer
            .as_ref()
            .map(|answer| (answer.filtering.is_some(), answer.local.is_ipv4(), answer.mappings.len()))
    })
}

/// The whole: what this network is like for calls.
fn site(evidence: &Evidence, answer: Option<&UdpAnswer>) -> Verdict {
    let about = About::Site;
    let verdict = |standing, kind, sentence: &str, seen: Vec<String>| Verdict {
        about,
        standing,
        kind,
        sentence: sentence.to_owned(),
        evidence: seen,
    };
    if let Some(Web::Foreign { said }) = &evidence.web {
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
    verdict(standing, kind, &format!("{sentence}{v6}{within}"), seen)
}

/// What is asked on loopback says nothing of the network.
fn on_this_machine(answer: &UdpAnswer) -> Verdict {
    let sentence = "What the network around allows is not known, because the server is on this machine: name one elsewhere.";
    let (about, standing, kind) = (About::Site, Standing::Unknown, "this-machine");
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: vec![udp_sentence(answer)] }
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
    let about = About::Site;
    let mut seen: Vec<_> = evidence.udp.iter().map(silent_sentence).collect();
    let verdict = |standing, kind, sentence: &str, seen| Verdict {
        about,
        standing,
        kind,
        sentence: sentence.to_owned(),
        evidence: seen,
    };
    let works = |transport| {
        evidence
            .turn
            .iter()
            .any(|turn| turn.transport == transport && matches!(turn.result, TurnResult::Allocated { .. }))
    };
    let broken = evidence.turn.iter().find_map(|turn| match &turn.result {
        TurnResult::Failed { reason } if turn.transport == "tcp" => Some(reason),
        _ => None,
    });
    match &evidence.web {
        Some(Web::Answered { .. }) => {}
        Some(_) | None => {
            if let Some(Proxy { address, web: Web::Answered { took } }) = &evidence.proxy {
                seen.extend(evidence.web.as_ref().map(|web| web_sentence(evidence, web)));
                seen.push(format!("by the proxy {address} {} answered in {took:.0} ms", evidence.server));
                return verdict(
                    Standing::Bad,
                    "proxy",
                    "Nothing goes out but by the HTTP proxy: calls need the relay, over TLS and through that proxy.",
                    seen,
                );
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
    if works("tls") && !works("tcp") {
        seen.push(format!(
            "the relay gives a place over TLS, and not over TCP: {}",
            broken.map_or("", |why| why)
        ));
        return verdict(
            Standing::Limited,
            "tls443",
            "A firewall lets out nothing but what looks like TLS: calls are relayed over TLS.",
            seen,
        );
    }
    match &evidence.other_tcp {
        Some(other) if other.outcome == Tcp::Silent => {
            seen.push(format!("a TCP connection to {} got no answer at all", other.address));
            verdict(
                Standing::Limited,
                "tcp443",
                "UDP does not get through, and TCP to the server's web port only (or the server itself is silent at others): \
                 calls are relayed over TCP.",
                seen,
            )
        }
        other => {
            seen.extend(other.as_ref().map(|other| {
                let how =
                    if other.outcome == Tcp::Open { "was accepted" } else { "was refused, not swallowed" };
                format!("a TCP connection to {} {how}", other.address)
            }));
            verdict(
                Standing::Limited,
                "udp-blocked",
                "UDP does not get through, TCP does: calls are relayed over TCP, with more delay when packets are lost.",
                seen,
            )
        }
    }
}

fn addresses(evidence: &Evidence) -> Verdict {
    let about = About::Addresses;
    let mut seen: Vec<_> = evidence
        .interfaces
        .iter()
        .map(|interface| format!("{} has {}", interface.name, interface.address))
        .collect();
    let (four, six): (Vec<_>, Vec<_>) =
        evidence.interfaces.iter().partition(|interface| interface.address.is_ipv4());
    let is_shared = |interface: &&super::evidence::Interface| match interface.address {
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

fn server(evidence: &Evidence) -> Verdict {
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
    let by_proxy = matches!(&evidence.proxy, Some(Proxy { web: Web::Answered { .. }, .. }));
    let (standing, kind, sentence) = match (&evidence.web, &evidence.signaling) {
        (_, Some(Outcome::Done { .. })) => {
            (Standing::Good, "reached", "The server is reached, and lets this machine in.")
        }
        (Some(Web::Answered { .. }), Some(Outcome::Failed { .. })) => (
            Standing::Bad,
            "no-signaling",
            "The server answers, but lets this machine into no channel: what is in between may not pass WebSockets on.",
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
        (Some(Web::Silent), _) if by_proxy => {
            (Standing::Limited, "by-proxy", "The server is reached by the proxy only.")
        }
        (Some(Web::Silent), _) => (Standing::Bad, "silent", "The server does not answer over TCP."),
        (Some(Web::Answered { .. }), None) => (Standing::Good, "answers", "The server answers."),
        (None, _) => {
            return unknown(about, "Whether the server is reached is not known, because it was not asked.");
        }
    };
    Verdict { about, standing, kind, sentence: sentence.to_owned(), evidence: seen }
}

fn web_sentence(evidence: &Evidence, web: &Web) -> String {
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

fn clock(evidence: &Evidence) -> Verdict {
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

fn over_udp(evidence: &Evidence) -> Verdict {
    let about = About::Udp;
    if evidence.udp.is_empty() {
        return unknown(
            about,
            "Whether UDP gets through is not known, because the server has no address to ask.",
        );
    }
    let seen: Vec<_> = evidence
        .udp
        .iter()
        .map(|udp| udp.answer.as_ref().map_or_else(|| silent_sentence(udp), udp_sentence))
        .collect();
    let answered = evidence.udp.iter().filter(|udp| udp.answer.is_some()).count();
    let (standing, kind, sentence) = match answered {
        0 => (
            Standing::Bad,
            "blocked",
            "UDP does not get through: nothing can be direct, and the relay is reached over TCP only.",
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

fn udp_sentence(answer: &UdpAnswer) -> String {
    let UdpAnswer { local, mapped, round_trip, mappings, .. } = answer;
    let server = mappings.first().map(|first| first.server.to_string()).unwrap_or_default();
    format!("UDP from {local} to {server} was answered in {round_trip:.1} ms, and seen to come from {mapped}")
}

fn silent_sentence(udp: &Udp) -> String {
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

fn mapping_of(answer: &UdpAnswer) -> MappingKind {
    if answer.mapped == answer.local {
        return MappingKind::None;
    }
    let seen: Vec<(&Mapping, SocketAddr)> =
        answer.mappings.iter().filter_map(|mapping| Some((mapping, mapping.mapped?))).collect();
    let Some((first, mapped)) = seen.first().copied() else { return MappingKind::Unknown };
    let of = |is_wanted: &dyn Fn(&Mapping) -> bool| -> Vec<SocketAddr> {
        seen.iter().filter(|(mapping, _)| is_wanted(mapping)).map(|(_, mapped)| *mapped).collect()
    };
    let other_port = of(&|mapping| {
        mapping.server.ip() == first.server.ip() && mapping.server.port() != first.server.port()
    });
    let other_address = of(&|mapping| mapping.server.ip() != first.server.ip());
    if other_port.iter().any(|other| *other != mapped) {
        let ports: Vec<i32> = seen.iter().map(|(_, mapped)| i32::from(mapped.port())).collect();
        let in_sequence = ports.windows(2).all(|two| {
            let [before, after] = two else { return true };
            (1..=SEQUENCE).contains(&(after - before))
        });
        return MappingKind::AddressAndPortDependent { in_sequence: in_sequence && ports.len() > 2 };
    }
    match other_address.first() {
        Some(other) if *other == mapped => MappingKind::EndpointIndependent,
        Some(_) if !other_port.is_empty() => MappingKind::AddressDependent,
        // Another port of the first address wasn't asked: it may depend on the port as well.
        Some(_) => MappingKind::AddressAndPortDependent { in_sequence: false },
        None => MappingKind::Unknown,
    }
}

fn mapping(udp: Option<&Udp>, answer: &UdpAnswer) -> Verdict {
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

fn filtering_of(answer: &UdpAnswer) -> FilteringKind {
    match answer.filtering {
        None => FilteringKind::Unknown,
        Some(Filtering { from_other_address: true, .. }) => FilteringKind::EndpointIndependent,
        Some(Filtering { from_other_port: true, .. }) => FilteringKind::AddressDependent,
        Some(_) => FilteringKind::AddressAndPortDependent,
    }
}

fn filtering(answer: &UdpAnswer) -> Verdict {
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

fn hairpinning(answer: &UdpAnswer) -> Verdict {
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

fn packet_size(answer: &UdpAnswer) -> Verdict {
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

fn relay(evidence: &Evidence) -> Verdict {
    let about = About::Relay;
    if evidence.turn.is_empty() {
        let why = match &evidence.signaling {
            Some(Outcome::Done { .. }) => "because the server offers none.",
            _ => "because its credentials come from the server, which lets this machine in nowhere.",
        };
        return unknown(about, &format!("Whether the relay is reached is not known, {why}"));
    }
    let seen: Vec<_> = evidence
        .turn
        .iter()
        .map(|turn| match &turn.result {
            TurnResult::Allocated { relayed, took } => {
                format!("{} gave {relayed} in {took:.0} ms", turn.url)
            }
            TurnResult::Failed { reason } => format!("{} gave no place: {reason}", turn.url),
        })
        .collect();
    let works: Vec<_> = evidence
        .turn
        .iter()
        .filter(|turn| matches!(turn.result, TurnResult::Allocated { .. }))
        .map(|turn| turn.transport.to_uppercase())
        .collect();
    let (standing, kind, sentence) = match works.as_slice() {
        [] => (
            Standing::Bad,
            "unreachable",
            "The relay is not reached: calls that can't be direct do not come about.".to_owned(),
        ),
        [..] if works.len() == evidence.turn.len() => {
            (Standing::Good, "all", format!("The relay is reached over {}.", works.join(", ")))
        }
        [..] if works.iter().any(|way| way == "UDP") => {
            (Standing::Good, "part", format!("The relay is reached over {} only.", works.join(", ")))
        }
        [..] => (
            Standing::Limited,
            "no-udp",
            format!(
                "The relay is reached over {} only: a lost packet holds up those behind it.",
                works.join(", ")
            ),
        ),
    };
    Verdict { about, standing, kind, sentence, evidence: seen }
}

fn call(evidence: &Evidence) -> Verdict {
    let about = About::Call;
    match &evidence.call {
        None => unknown(
            about,
            "Whether a relayed call comes about is not known, because the relay is not reached.",
        ),
        Some(Call::Failed { reason }) => Verdict {
            about,
            standing: Standing::Bad,
            kind: "failed",
            sentence: "A call through the relay did not come about.".to_owned(),
            evidence: vec![reason.clone()],
        },
        Some(Call::Connected { took, round_trip, relay_protocol, throughput, sent, arrived }) => {
            let lost = f64::from(sent.saturating_sub(*arrived)) / f64::from((*sent).max(1));
            let by =
                relay_protocol.as_ref().map(|by| format!(" over {}", by.to_uppercase())).unwrap_or_default();
            let seen = vec![
                format!("two peers in this program met through the relay{by} in {took:.0} ms"),
                format!("a message and its answer took {round_trip:.1} ms, twice through the relay"),
                format!("{:.1} Mbit/s arrived; of {sent} packets {arrived} came", throughput / 1e6),
            ];
            let (standing, kind, sentence) = if lost > 0.05 {
                (
                    Standing::Limited,
                    "lossy",
                    format!("A relayed call comes about, but {:.0} % of packets are lost.", lost * 100.0),
                )
            } else if *throughput < 500e3 {
                (
                    Standing::Limited,
                    "narrow",
                    "A relayed call comes about, but there is little room for video.".to_owned(),
                )
            } else if *round_trip > 800.0 {
                (Standing::Limited, "slow", "A relayed call comes about, with much delay.".to_owned())
            } else {
                (
                    Standing::Good,
                    "works",
                    "A call through the relay comes about, and carries what a video call needs.".to_owned(),
                )
            };
            Verdict { about, standing, kind, sentence, evidence: seen }
        }
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
