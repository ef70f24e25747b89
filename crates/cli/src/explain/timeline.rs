//! The timeline: what happened, event by event, in words.

use std::collections::HashMap;

use peerline::event_log::{LogEvent, LoggedCandidate};
use serde::Serialize;

use super::read::Line;
use super::verdict::duration;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Entry {
    /// Milliseconds since 1970, by the first log's clock.
    pub(super) time: f64,
    /// Milliseconds since the story began.
    pub(super) after: f64,
    /// Whose log says it.
    pub(super) log: String,
    /// On which line.
    pub(super) line: usize,
    /// What.
    pub(super) text: String,
}

/// The events that matter; with `all` every one.
pub(super) fn entries(log: &str, lines: &[Line], offset: f64, all: bool) -> Vec<Entry> {
    let mut names = HashMap::new();
    let mut pairs = HashMap::new();
    let mut entries = Vec::new();
    let mut is_settled = false;
    for line in lines {
        match &line.record.event {
            LogEvent::LocalCandidate(candidate) | LogEvent::RemoteCandidate(candidate) => {
                names.insert(candidate.candidate.clone(), place(candidate));
            }
            LogEvent::Pair { pair, local, remote, .. } => {
                let named = |name: &String| names.get(name).cloned().unwrap_or_else(|| name.clone());
                pairs.insert(pair.clone(), format!("{} → {}", named(local), named(remote)));
            }
            LogEvent::State { state } => is_settled = state == "connected",
            _ => {}
        }
        // Further pairs are checked while data flows: only the one that it takes matters.
        if is_settled && !all && matches!(line.record.event, LogEvent::Pair { .. }) {
            continue;
        }
        if let Some(text) = words(&line.record.event, &pairs, all) {
            let (time, line) = (line.at + offset, line.number);
            entries.push(Entry { time, after: 0.0, log: log.to_owned(), line, text });
        }
    }
    entries
}

fn words(event: &LogEvent, pairs: &HashMap<String, String>, all: bool) -> Option<String> {
    let pair_name = |pair: &String| pairs.get(pair).cloned().unwrap_or_else(|| pair.clone());
    Some(match event {
        LogEvent::Connection { offers, relay_only, servers, .. } => {
            let role = match offers {
                Some(true) => ", which is offered from here",
                Some(false) => ", whose offer is awaited",
                None => "",
            };
            let only = if *relay_only { ", by the relay only" } else { "" };
            format!("a connection begins{role}{only}, with {} servers", servers.len())
        }
        LogEvent::Description { side, kind, candidates, .. } => {
            let whose = if side == "local" { "our" } else { "the other side's" };
            format!("{whose} {kind} is set, with {candidates} candidates")
        }
        LogEvent::Gathering { state } => format!("gathering: {state}"),
        LogEvent::LocalCandidate(candidate) => {
            format!("our candidate {}{}", place(candidate), server(candidate))
        }
        LogEvent::RemoteCandidate(candidate) => format!("the other side's candidate {}", place(candidate)),
        LogEvent::ServerFailed { url, code, .. } if *code == 701 => format!("{url} does not answer"),
        LogEvent::ServerFailed { url, code, .. } => format!("{url} refuses with {code}"),
        LogEvent::Pair { pair, state, round_trip, .. }
            if all || state == "succeeded" || state == "failed" =>
        {
            let time = round_trip.map(|time| format!(" ({})", duration(time))).unwrap_or_default();
            format!("check {}: {state}{time}", pair_name(pair))
        }
        LogEvent::Nominated { pair } if all => format!("{} is nominated", pair_name(pair)),
        LogEvent::Selected { pair: Some(pair) } => format!("data takes {}", pair_name(pair)),
        LogEvent::Selected { pair: None } => "data has no way".to_owned(),
        LogEvent::ConsentLost { pair } => format!("{} does not answer any more", pair_name(pair)),
        LogEvent::Restart { side } if side == "local" => "ICE is restarted from here".to_owned(),
        LogEvent::Restart { .. } => "ICE is restarted by the other side".to_owned(),
        LogEvent::Ice { state } => format!("ICE: {state}"),
        LogEvent::Role { role } if all => format!("ICE's role: {role}"),
        LogEvent::Signaling { state } if all => format!("signaling: {state}"),
        LogEvent::State { state } => format!("connection: {state}"),
        LogEvent::Dtls { state, version, .. } => {
            let version = version.as_ref().map(|version| format!(" ({version})")).unwrap_or_default();
            format!("DTLS: {state}{version}")
        }
        LogEvent::DtlsFailed { reason } => format!("DTLS failed: {reason}"),
        LogEvent::Sctp { state } if all || state == "established" => format!("SCTP: {state}"),
        LogEvent::DataChannel { label, state, .. } => {
            let label = label.as_ref().map(|label| format!(" {label:?}")).unwrap_or_default();
            format!("data channel{label}: {state}")
        }
        LogEvent::Server { state, reason } => {
            let reason = reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
            format!("server: {state}{reason}")
        }
        LogEvent::Participant { state, .. } if all || state != "present" => {
            format!("the other side: {state}")
        }
        LogEvent::Statistics(statistics) if all => format!(
            "{} bytes sent, {} received, {} of {} checks answered",
            statistics.bytes_sent,
            statistics.bytes_received,
            statistics.responses_received,
            statistics.requests_sent
        ),
        LogEvent::Dropped { records } => format!("{records} lines of the log were lost"),
        LogEvent::Closed => "the connection is closed".to_owned(),
        _ => return None,
    })
}

fn place(candidate: &LoggedCandidate) -> String {
    let LoggedCandidate { kind, protocol, tcp_type, address, port, .. } = candidate;
    let over = match tcp_type {
        Some(tcp_type) => format!(" (TCP, {tcp_type})"),
        None if protocol == "tcp" => " (TCP)".to_owned(),
        None => String::new(),
    };
    match address.as_str() {
        "" => format!("{kind} (hidden){over}"),
        address if address.contains(':') => format!("{kind} [{address}]:{port}{over}"),
        address => format!("{kind} {address}:{port}{over}"),
    }
}

fn server(candidate: &LoggedCandidate) -> String {
    candidate.url.as_ref().map(|url| format!(" from {url}")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_candidate_of_tcp_says_who_opens_its_connections() {
        let candidate = |protocol: &str| LoggedCandidate {
            candidate: "L1".to_owned(),
            kind: "host".into(),
            protocol: protocol.to_owned().into(),
            tcp_type: None,
            address: "192.0.2.7".to_owned(),
            port: 5000,
            priority: 1,
            ufrag: None,
            url: None,
            relay_protocol: None,
            related_address: None,
            related_port: None,
        };
        let passive = LoggedCandidate { tcp_type: Some("passive".into()), ..candidate("tcp") };
        assert_eq!(place(&passive), "host 192.0.2.7:5000 (TCP, passive)");
        // A log of before.
        assert_eq!(place(&candidate("tcp")), "host 192.0.2.7:5000 (TCP)");
        assert_eq!(place(&candidate("udp")), "host 192.0.2.7:5000");
    }
}
