//! What the evidence means, in sentences. Pure functions: the same evidence gives the same verdict.

mod nat;
mod port_mapping;
mod reach;
mod relay;
mod site;

use serde::Serialize;

use super::evidence::{Evidence, Outcome, Proxy, Turn, TurnResult, Udp, Web};
use nat::{filtering, hairpinning, mapping, packet_size};
use port_mapping::port_mapping;
use reach::{addresses, clock, over_udp, server};
use relay::{call, relay};
use site::{on_this_machine, site};

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

impl Verdict {
    fn new(
        about: About,
        standing: Standing,
        kind: &'static str,
        sentence: &str,
        evidence: Vec<String>,
    ) -> Self {
        Self { about, standing, kind, sentence: sentence.to_owned(), evidence }
    }
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
    PortMapping,
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
    verdicts.push(port_mapping(evidence, answer.filter(|_| here.is_none())));
    verdicts.push(relay(evidence));
    verdicts.push(call(evidence));
    verdicts
}

/// Whether only the proxy leads to the server. Who answers in its place is a finding of its own.
fn is_by_proxy(evidence: &Evidence) -> bool {
    let is_direct =
        matches!(evidence.web, Some(Web::Answered { .. } | Web::Foreign { .. } | Web::Untrusted { .. }));
    let proxy_leads = |proxy: &Proxy| {
        // It may want to know who asks, which the request for `/healthz` doesn't say, and signaling does.
        matches!(proxy.web, Web::Answered { .. }) || is_entered(evidence)
    };
    !is_direct && evidence.proxy.as_ref().is_some_and(proxy_leads)
}

/// Whether something answers in the server's place. A channel that was entered shows that it doesn't, whatever came of
/// `/healthz`, which a proxy before the server may keep to itself; unless the way into the channel was another one.
fn is_portal(evidence: &Evidence) -> bool {
    let is_other_way = evidence.proxy.as_ref().is_some_and(|proxy| matches!(proxy.web, Web::Answered { .. }));
    matches!(&evidence.web, Some(Web::Foreign { said }) if !is_down(said))
        && (!is_entered(evidence) || is_other_way)
}

/// Whether a proxy answers for a server that is down (RFC 9110 §15.6), by the status line. Who wants a login says 511
/// at most (RFC 6585 §6).
fn is_down(said: &str) -> bool {
    let status = said.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok());
    status.is_some_and(|status| (500..600).contains(&status) && status != 511)
}

/// Whether a channel was entered.
fn is_entered(evidence: &Evidence) -> bool {
    matches!(evidence.signaling, Some(Outcome::Done { .. }))
}

/// Whether the relay gave a place over `udp`, `tcp` or `tls`.
fn is_allocated(evidence: &Evidence, transport: &str) -> bool {
    let gave = |turn: &Turn| matches!(turn.result, TurnResult::Allocated { .. });
    evidence.turn.iter().any(|turn| turn.transport == transport && gave(turn))
}

/// Whether the server is known to be there: only then does its silence say something of the network.
fn is_there(evidence: &Evidence) -> bool {
    matches!(evidence.web, Some(Web::Answered { .. } | Web::Untrusted { .. }))
        || is_entered(evidence)
        || is_by_proxy(evidence)
}

fn unknown(about: About, sentence: &str) -> Verdict {
    let (standing, kind) = (Standing::Unknown, "unknown");
    Verdict::new(about, standing, kind, sentence, Vec::new())
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

#[cfg(test)]
mod tests;
