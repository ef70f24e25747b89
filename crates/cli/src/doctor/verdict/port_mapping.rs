//! Whether the router opens ports when it is asked.

use super::super::evidence::{Evidence, OpenedPort, PortMapping, UdpAnswer};
use super::reach::udp_sentence;
use super::{About, Standing, Verdict, unknown};

/// The port that lets in everybody outside: it is at the address at which a server there sees this machine.
pub(super) fn open_port(evidence: &Evidence, answer: Option<&UdpAnswer>) -> Option<OpenedPort> {
    let granted = evidence.port_mapping?.granted?;
    answer.is_some_and(|answer| answer.mapped.ip() == granted.external.ip()).then_some(granted)
}

/// `answer`: of a server that is not on this machine.
pub(super) fn port_mapping(evidence: &Evidence, answer: Option<&UdpAnswer>) -> Verdict {
    let about = About::PortMapping;
    let verdict = |standing, kind, sentence: &str, seen: Vec<String>| Verdict {
        about,
        standing,
        kind,
        sentence: sentence.to_owned(),
        evidence: seen,
    };
    let Some(PortMapping { router, local, granted }) = evidence.port_mapping else {
        return match answer {
            Some(answer) if answer.mapped == answer.local => verdict(
                Standing::Good,
                "needless",
                "No port has to be opened where there is no NAT.",
                vec![udp_sentence(answer)],
            ),
            _ => unknown(about, "Whether the router opens ports is not known, because no router was asked."),
        };
    };
    let Some(OpenedPort { protocol, external }) = granted else {
        return verdict(
            Standing::Limited,
            "no",
            "The router opens no port when it is asked: calls that need one are relayed.",
            vec![format!(
                "{router} was asked by PCP, NAT-PMP and UPnP to forward to {local}, and did not grant it"
            )],
        );
    };
    let mut seen =
        vec![format!("{router} forwarded {external} to {local} when it was asked by {}", name(protocol))];
    if open_port(evidence, answer).is_some() {
        return verdict(
            Standing::Good,
            protocol,
            "The router opens a port when it is asked: others get in by it whom the NAT alone would keep out.",
            seen,
        );
    }
    let Some(answer) = answer else {
        return unknown(
            about,
            "Whether the port that the router opens is of use is not known, because nothing outside answers over UDP.",
        );
    };
    seen.push(udp_sentence(answer));
    verdict(
        Standing::Limited,
        "inner",
        "The router opens a port when it is asked, but another NAT stands before it: those outside don't get in by that port.",
        seen,
    )
}

fn name(protocol: &str) -> String {
    if protocol == "upnp" { "UPnP".to_owned() } else { protocol.to_uppercase() }
}
