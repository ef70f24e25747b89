//! Whether the router opens ports when it is asked.

use super::super::evidence::{Evidence, OpenedPort, PortMapping, UdpAnswer};
use super::reach::udp_sentence;
use super::{About, Standing, Verdict, unknown};

/// Whether the router opened a port at the address at which a server outside sees this machine.
pub(super) fn is_reached_from_outside(evidence: &Evidence, answer: &UdpAnswer) -> bool {
    let granted = evidence.port_mapping.as_ref().and_then(|asked| asked.granted.as_ref());
    granted.is_some_and(|port| port.external.ip() == answer.mapped.ip())
}

/// `answer`: of a server that is not on this machine.
pub(super) fn port_mapping(evidence: &Evidence, answer: Option<&UdpAnswer>) -> Verdict {
    let about = About::PortMapping;
    let verdict = |standing, kind, sentence, seen| Verdict::new(about, standing, kind, sentence, seen);
    let Some(PortMapping { router, local, granted }) = &evidence.port_mapping else {
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
        let seen = format!(
            "{router} was asked by PCP, NAT-PMP and UPnP to forward to {local}, and did not grant it"
        );
        return verdict(
            Standing::Limited,
            "no",
            "The router opens no port when it is asked: calls that need one are relayed.",
            vec![seen],
        );
    };
    let Some(answer) = answer else {
        return unknown(
            about,
            "Whether the port that the router opens is of use is not known, because nothing outside answers over UDP.",
        );
    };
    let opened = format!("{router} forwarded {external} to {local} when it was asked by {protocol}");
    let seen = vec![opened, udp_sentence(answer)];
    if is_reached_from_outside(evidence, answer) {
        verdict(
            Standing::Good,
            "granted",
            "The router opens a port when it is asked: others get in by it whom the NAT alone would keep out.",
            seen,
        )
    } else {
        verdict(
            Standing::Limited,
            "inner",
            "The router opens a port when it is asked, but another NAT stands before it: those outside don't get in by that port.",
            seen,
        )
    }
}
