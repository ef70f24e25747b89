//! The app's report of a connection (`docs/connection-report.md`), as if it were a log.

use peerline::event_log::{CallId, LogEvent, LoggedCandidate, LoggedStatistics, Record};
use serde::Deserialize;

use super::read::{Line, Log, Unusable};

const FORMAT: &str = "peerline-connection-report";

#[derive(Deserialize)]
struct Report {
    format: String,
    version: u32,
    #[serde(default)]
    browser: String,
    #[serde(default, rename = "relayOnly")]
    relay_only: bool,
    #[serde(default)]
    servers: Vec<String>,
    call: Option<CallId>,
    #[serde(default)]
    events: Vec<Event>,
    snapshot: Option<Snapshot>,
}

#[derive(Deserialize)]
struct Event {
    time: f64,
    kind: String,
    state: Option<String>,
    candidate: Option<Candidate>,
    code: Option<u16>,
    server: Option<String>,
}

#[derive(Deserialize, Clone, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Candidate {
    #[serde(rename = "type")]
    kind: String,
    protocol: String,
    relay_protocol: Option<String>,
    address: Option<String>,
    port: Option<u16>,
    server: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Snapshot {
    time: f64,
    #[serde(default)]
    pairs: Vec<Pair>,
    round_trip: Option<f64>,
    #[serde(default)]
    bytes_received: u64,
    #[serde(default)]
    bytes_sent: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Pair {
    local: Candidate,
    remote: Candidate,
    state: String,
    #[serde(default)]
    selected: bool,
    round_trip: Option<f64>,
}

/// `None`: it is no report.
pub(super) fn read(name: &str, text: &str) -> Option<Result<Log, Unusable>> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    if value.get("format")?.as_str()? != FORMAT {
        return None;
    }
    let report: Report = match serde_json::from_value(value) {
        Ok(report) => report,
        Err(error) => return Some(Err(format!("{name} is a report that can't be read: {error}."))),
    };
    if report.version != 1 || report.format != FORMAT {
        return Some(Err(format!(
            "{name} has version {} of the report; this program knows 1.",
            report.version
        )));
    }
    Some(Ok(Reading::log(name, report)))
}

/// A report on its way to being a log.
struct Reading {
    log: Log,
    connection: u64,
    last: u64,
    call: Option<CallId>,
    candidates: Vec<(bool, Candidate)>,
    began: f64,
}

impl Reading {
    fn log(name: &str, report: Report) -> Log {
        let Report { browser, relay_only, servers, call, events, snapshot, .. } = report;
        let began = events.first().map(|event| event.time).or(snapshot.as_ref().map(|look| look.time));
        let replacements = events.iter().filter(|event| event.kind == "replacement").count();
        let log = Log { name: name.to_owned(), agent: browser, lines: Vec::new(), remarks: Vec::new() };
        let began = began.unwrap_or_default();
        let last = u64::try_from(replacements).unwrap_or_default() + 1;
        let mut reading = Self { log, connection: 1, last, call, candidates: Vec::new(), began };
        let begins = LogEvent::Connection { participant: None, offers: None, relay_only, servers };
        reading.add(began, begins.clone());
        for event in events {
            if event.kind == "replacement" {
                reading.add(event.time, LogEvent::Closed);
                reading.connection += 1;
                reading.candidates.clear();
                reading.add(event.time, begins.clone());
            }
            reading.take(event);
        }
        if let Some(snapshot) = snapshot {
            reading.look(snapshot);
        }
        reading.log
    }

    fn take(&mut self, event: Event) {
        let Event { time, kind, state, candidate, code, server } = event;
        let state = state.unwrap_or_default().into();
        let event = match (kind.as_str(), candidate) {
            ("signaling", _) => LogEvent::Signaling { state },
            ("ice", _) => LogEvent::Ice { state },
            ("gathering", _) => LogEvent::Gathering { state },
            ("connection", _) => LogEvent::State { state },
            ("local-candidate" | "remote-candidate", Some(candidate)) => {
                self.candidate(time, kind == "local-candidate", candidate);
                return;
            }
            ("candidate-error", _) => LogEvent::ServerFailed {
                url: server.unwrap_or_default(),
                local: String::new(),
                code: code.unwrap_or(701),
            },
            ("restart", _) => LogEvent::Restart { side: "local".into() },
            _ => return,
        };
        self.add(time, event);
    }

    /// Names a candidate; one that is new is written.
    fn candidate(&mut self, time: f64, is_local: bool, candidate: Candidate) -> String {
        let position = self.candidates.iter().position(|known| *known == (is_local, candidate.clone()));
        let side = if is_local { 'L' } else { 'R' };
        if let Some(position) = position {
            return format!("{side}{}", position + 1);
        }
        self.candidates.push((is_local, candidate.clone()));
        let name = format!("{side}{}", self.candidates.len());
        let Candidate { kind, protocol, relay_protocol, address, port, server } = candidate;
        let logged = LoggedCandidate {
            candidate: name.clone(),
            kind: kind.into(),
            protocol: protocol.into(),
            tcp_type: None,
            address: address.unwrap_or_default(),
            port: port.unwrap_or_default(),
            priority: 0,
            ufrag: None,
            url: server,
            relay_protocol: relay_protocol.map(Into::into),
            related_address: None,
            related_port: None,
        };
        let event =
            if is_local { LogEvent::LocalCandidate(logged) } else { LogEvent::RemoteCandidate(logged) };
        self.add(time, event);
        name
    }

    /// The pairs as they stood at last: when they came to it isn't known.
    fn look(&mut self, snapshot: Snapshot) {
        let time = snapshot.time;
        let mut selected = None;
        for (index, pair) in snapshot.pairs.into_iter().enumerate() {
            let local = self.candidate(time, true, pair.local);
            let remote = self.candidate(time, false, pair.remote);
            let name = format!("P{}", index + 1);
            let (state, round_trip) = (pair.state.into(), pair.round_trip);
            self.add(time, LogEvent::Pair { pair: name.clone(), local, remote, state, round_trip });
            if pair.selected {
                selected = Some(name);
            }
        }
        if selected.is_some() {
            self.add(time, LogEvent::Selected { pair: selected.clone() });
        }
        self.add(
            time,
            LogEvent::Statistics(LoggedStatistics {
                pair: selected,
                round_trip: snapshot.round_trip,
                packets_sent: 0,
                packets_received: 0,
                bytes_sent: snapshot.bytes_sent,
                bytes_received: snapshot.bytes_received,
                requests_sent: 0,
                responses_received: 0,
            }),
        );
    }

    fn add(&mut self, time: f64, event: LogEvent) {
        // Earlier connections had other keys.
        let call = self.call.clone().filter(|_| self.connection == self.last);
        let connection = Some(self.connection);
        let record = Record { time, elapsed: time - self.began, connection, call, event };
        let number = self.log.lines.len() + 1;
        self.log.lines.push(Line { number, at: time, record });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_a_log_would_say() {
        let text = r#"{"format":"peerline-connection-report","version":1,"browser":"Firefox","relayOnly":false,
            "call":"03f4f55b14276014d47140f9d7c7c28d","servers":["stun:a"],"state":"connected","samples":[],
            "events":[{"time":10,"kind":"replacement"},
                {"time":11,"kind":"local-candidate","candidate":{"type":"host","protocol":"udp","address":"192.0.2.1","port":5}},
                {"time":12,"kind":"connection","state":"connected"}],
            "snapshot":{"time":20,"roundTrip":3,"bytesReceived":1,"bytesSent":2,"pairs":[{"state":"succeeded","selected":true,
                "local":{"type":"host","protocol":"udp","address":"192.0.2.1","port":5},
                "remote":{"type":"relay","protocol":"udp","address":"192.0.2.9","port":9}}]}}"#;
        let log = read("r", text).unwrap().unwrap();
        let of_second: Vec<_> = log.lines.iter().filter(|line| line.record.connection == Some(2)).collect();
        assert!(of_second.iter().all(|line| line.record.call.is_some()));
        assert!(log.lines.iter().any(|line| line.record.connection == Some(1) && line.record.call.is_none()));
        let pair = of_second.iter().find_map(|line| match &line.record.event {
            LogEvent::Pair { local, remote, .. } => Some((local.as_str(), remote.as_str())),
            _ => None,
        });
        assert_eq!(pair, Some(("L1", "R2")));
    }

    #[test]
    fn what_is_no_report_is_left_to_others() {
        assert!(read("r", "{}").is_none());
        assert!(read("r", "x").is_none());
        let newer = r#"{"format":"peerline-connection-report","version":2}"#;
        assert!(read("r", newer).unwrap().unwrap_err().contains("version 2"));
    }
}
