//! The relay, and a call through it.

use super::super::evidence::{Call, Evidence, Outcome, TurnResult};
use super::{About, Standing, Verdict, unknown};

pub(super) fn relay(evidence: &Evidence) -> Verdict {
    let about = About::Relay;
    if evidence.turn.is_empty() {
        let why = match &evidence.signaling {
            Some(Outcome::Done { .. }) => "because the server offers none.",
            _ => "because its credentials come from the server, which lets this machine in nowhere.",
        };
        return unknown(about, &format!("Whether the relay is reached is not known, {why}"));
    }
    let mut seen: Vec<_> = evidence
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
    let (standing, kind, sentence) = match (works.as_slice(), &evidence.call) {
        // A place is asked for directly; a call takes the proxy as well.
        ([], Some(Call::Connected { relay_protocol, .. })) if evidence.proxy.is_some() => {
            let by = relay_protocol.as_ref().map(|by| format!(" over {}", by.to_uppercase()));
            seen.push("a call through the relay came about".to_owned());
            let sentence = format!(
                "The relay is reached{} by the proxy only: a lost packet holds up those behind it.",
                by.unwrap_or_default()
            );
            (Standing::Limited, "by-proxy", sentence)
        }
        ([], _) => (
            Standing::Bad,
            "unreachable",
            "The relay is not reached: calls that can't be direct do not come about.".to_owned(),
        ),
        _ if works.len() == evidence.turn.len() => {
            (Standing::Good, "all", format!("The relay is reached over {}.", works.join(", ")))
        }
        _ if works.iter().any(|way| way == "UDP") => {
            (Standing::Good, "part", format!("The relay is reached over {} only.", works.join(", ")))
        }
        _ => (
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

pub(super) fn call(evidence: &Evidence) -> Verdict {
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
