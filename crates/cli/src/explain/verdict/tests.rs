//! What is said of connections that went one way or another.

use peerline::event_log::{LogEvent, LoggedCandidate};

use super::super::read::Line;
use super::super::tests::{description, line};
use super::*;

type Events = Vec<(f64, LogEvent)>;

/// A log's lines, numbered from 1.
fn lines(events: Events) -> Vec<Line> {
    let lines = events.into_iter().map(|(at, event)| line(at, event));
    lines.enumerate().map(|(index, line)| Line { number: index + 1, ..line }).collect()
}

fn side(name: &str, events: Events) -> Side {
    Side::of(name, &lines(events), 1, 0.0)
}

fn begin(relay_only: bool) -> LogEvent {
    let servers = vec!["stun:s:3478".to_owned(), "turn:s:3478".to_owned()];
    LogEvent::Connection { participant: None, offers: None, relay_only, servers }
}

fn candidate(name: &str, kind: &'static str, address: &str) -> LogEvent {
    let logged = LoggedCandidate {
        candidate: name.to_owned(),
        kind: kind.into(),
        protocol: "udp".into(),
        tcp_type: None,
        address: address.to_owned(),
        port: 5000,
        priority: 1,
        ufrag: None,
        url: None,
        relay_protocol: (kind == "relay").then(|| "udp".into()),
        related_address: None,
        related_port: None,
    };
    if name.starts_with('L') { LogEvent::LocalCandidate(logged) } else { LogEvent::RemoteCandidate(logged) }
}

fn pair(name: &str, (local, remote): (&str, &str), state: &'static str) -> LogEvent {
    let round_trip = (state == "succeeded").then_some(20.0);
    let (local, remote) = (local.to_owned(), remote.to_owned());
    LogEvent::Pair { pair: name.to_owned(), local, remote, state: state.into(), round_trip }
}

fn selected(pair: &str) -> LogEvent {
    LogEvent::Selected { pair: Some(pair.to_owned()) }
}

fn state(state: &'static str) -> LogEvent {
    LogEvent::State { state: state.into() }
}

fn dtls(state: &'static str) -> LogEvent {
    LogEvent::Dtls { state: state.into(), role: None, version: None }
}

fn no_answer(url: &str, code: u16) -> LogEvent {
    LogEvent::ServerFailed { url: url.to_owned(), local: "10.0.0.2:5000".to_owned(), code }
}

/// Both have described themselves.
fn described() -> Events {
    vec![
        (0.0, begin(false)),
        (5.0, description("local", "offer", "aa")),
        (60.0, description("remote", "answer", "bb")),
    ]
}

/// A pair of these two kinds is tried, and with `works` connects after 200 ms.
fn tried(name: &str, (local, remote): (&'static str, &'static str), works: bool) -> Events {
    let ends = (format!("L{name}"), format!("R{name}"));
    let both = (ends.0.as_str(), ends.1.as_str());
    let mut events = vec![
        (61.0, candidate(both.0, local, "203.0.113.1")),
        (62.0, candidate(both.1, remote, "203.0.113.9")),
        (70.0, pair(name, both, "in-progress")),
    ];
    if works {
        events.extend([
            (100.0, pair(name, both, "succeeded")),
            (101.0, selected(name)),
            (180.0, dtls("connected")),
            (200.0, state("connected")),
        ]);
    } else {
        events.push((5000.0, pair(name, both, "failed")));
    }
    events
}

fn with(parts: Vec<Events>) -> Events {
    parts.into_iter().flatten().collect()
}

#[test]
fn the_path_and_the_reason_are_told() {
    let both_outside = || {
        vec![(61.0, candidate("L8", "srflx", "203.0.113.1")), (61.0, candidate("R8", "srflx", "203.0.113.9"))]
    };
    let relay_only = || {
        vec![
            (0.0, begin(true)),
            (5.0, description("local", "offer", "aa")),
            (60.0, description("remote", "answer", "bb")),
        ]
    };
    let cases: [(&str, Events, &str, &[&str]); 9] = [
        (
            "direct",
            with(vec![described(), tried("1", ("host", "host"), true)]),
            "It connected after 200 ms, directly over UDP from 203.0.113.1:5000 (its own address) to 203.0.113.9:5000 (its own \
             address), 20 ms there and back.",
            &[],
        ),
        (
            "relayed, because the NATs don't fit",
            with(vec![
                described(),
                both_outside(),
                tried("1", ("srflx", "srflx"), false),
                tried("2", ("relay", "srflx"), true),
            ]),
            "It connected after 200 ms, through our relay (reached over UDP)",
            &[
                "No direct check was answered: 203.0.113.1:5000 (its address outside the NAT) → 203.0.113.9:5000",
                "address- and port-dependent mapping",
            ],
        ),
        (
            "relayed by the other side's relay",
            with(vec![
                described(),
                both_outside(),
                tried("1", ("host", "srflx"), false),
                tried("2", ("host", "relay"), true),
            ]),
            "It connected after 200 ms, through the other side's relay",
            &["No direct check was answered"],
        ),
        (
            "relayed, because it was to be",
            with(vec![relay_only(), tried("1", ("relay", "host"), true)]),
            "It connected after 200 ms, through our relay",
            &["This side was told to use the relay only"],
        ),
        (
            "relayed, because STUN was silent",
            with(vec![
                described(),
                vec![(60.0, no_answer("stun:s:3478", 701))],
                tried("1", ("host", "host"), false),
                tried("2", ("relay", "host"), true),
            ]),
            "It connected after 200 ms, through our relay",
            &[
                "No server showed this side's address outside: stun:s:3478 did not answer.",
                "Neither side knows its address outside.",
            ],
        ),
        (
            "failed without a relay",
            with(vec![
                described(),
                both_outside(),
                vec![(60.0, no_answer("turn:s:3478", 401))],
                tried("1", ("srflx", "srflx"), false),
                vec![(9_000.0, state("failed"))],
            ]),
            "It did not connect after 9.0 s.",
            &[
                "This side got no place at a relay: turn:s:3478 refused with 401.",
                "No direct check was answered",
            ],
        ),
        (
            "nobody there",
            vec![
                (0.0, begin(false)),
                (5.0, description("local", "offer", "aa")),
                (9_000.0, LogEvent::Closed),
            ],
            "It had not connected when the log ended after 9.0 s.",
            &["The other side never described itself"],
        ),
        (
            "no address told",
            with(vec![described(), vec![(9_000.0, state("failed"))]]),
            "It did not connect after 9.0 s.",
            &["The other side told no address at which it can be reached."],
        ),
        (
            "somebody in between",
            with(vec![
                described(),
                tried("1", ("host", "host"), true).into_iter().filter(|(at, _)| *at < 150.0).collect(),
                vec![(300.0, LogEvent::DtlsFailed { reason: "the fingerprint is another".to_owned() })],
            ]),
            "A path was found, directly over UDP",
            &[],
        ),
    ];
    for (name, events, outcome, reasons) in cases {
        let findings = judge(&[side("a", events)]);
        assert!(findings[0].sentence.starts_with(outcome), "{name}: {findings:#?}");
        let told: Vec<_> = findings.iter().filter(|finding| finding.about == About::Reason).collect();
        for reason in reasons {
            assert!(
                told.iter().any(|finding| finding.sentence.contains(reason)),
                "{name}, {reason}: {told:#?}"
            );
        }
        assert!(!reasons.is_empty() || told.is_empty(), "{name}: {told:#?}");
    }
}

#[test]
fn no_finding_is_without_its_evidence() {
    let events = with(vec![
        described(),
        vec![(60.0, no_answer("stun:s:3478", 701))],
        tried("1", ("host", "host"), false),
        tried("2", ("relay", "host"), true),
    ]);
    for finding in judge(&[side("a", events)]) {
        assert!(!finding.evidence.is_empty(), "{finding:?}");
        assert!(finding.evidence.iter().all(|line| line.starts_with("a:")), "{finding:?}");
    }
}

#[test]
fn where_the_time_went_is_told() {
    let slow_signaling = vec![
        (0.0, begin(false)),
        (5.0, description("local", "offer", "aa")),
        (900.0, description("remote", "answer", "bb")),
        (901.0, candidate("L1", "host", "192.0.2.1")),
        (901.0, candidate("R1", "host", "192.0.2.2")),
        (902.0, pair("P1", ("L1", "R1"), "succeeded")),
        (903.0, selected("P1")),
        (950.0, dtls("connected")),
        (951.0, state("connected")),
        (960.0, LogEvent::Sctp { state: "established".into() }),
    ];
    let findings = judge(&[side("a", slow_signaling)]);
    let time = findings.iter().find(|finding| finding.about == About::Time).unwrap();
    assert_eq!(
        time.sentence,
        "Of 960 ms: 900 ms for signaling, 3.0 ms for ICE's checks, 47 ms for DTLS, 10 ms for SCTP. Most of it went to signaling."
    );
    assert_eq!(time.evidence, ["a:1", "a:3", "a:7", "a:8", "a:10"]);
}

#[test]
fn interruptions_are_told() {
    let connected = || with(vec![described(), tried("1", ("host", "host"), true)]);
    let restart = LogEvent::Restart { side: "local".into() };
    let cases = [
        (
            "a restart",
            vec![(10_200.0, state("disconnected")), (11_000.0, restart), (13_200.0, state("connected"))],
            "The path did not answer for 3.0 s, 10.0 s after it had connected; a restart of ICE found the way again.",
        ),
        (
            "by itself",
            vec![(10_200.0, state("disconnected")), (10_700.0, state("connected"))],
            "The path did not answer for 500 ms, 10.0 s after it had connected; it came back by itself.",
        ),
        (
            "for good",
            vec![(10_200.0, state("disconnected")), (40_000.0, state("failed"))],
            "The path stopped answering 10.0 s after it had connected, and did not come back.",
        ),
        (
            "a better path",
            vec![
                (300.0, candidate("L2", "relay", "198.51.100.1")),
                (300.0, candidate("R2", "host", "192.0.2.2")),
                (1_100.0, pair("2", ("L2", "R2"), "succeeded")),
                (1_200.0, selected("2")),
            ],
            "It moved 1.0 s after it had connected: through our relay",
        ),
        (
            "the server",
            vec![(
                5_200.0,
                LogEvent::Server { state: "unreachable".into(), reason: Some("it is off.".to_owned()) },
            )],
            "The server was lost 5.0 s after it had connected (it is off); the connection does not need it.",
        ),
    ];
    for (name, events, wanted) in cases {
        let mut log = lines(with(vec![connected(), events]));
        for line in &mut log {
            if matches!(line.record.event, LogEvent::Server { .. }) {
                line.record.connection = None;
            }
        }
        let findings = judge(&[Side::of("a", &log, 1, 0.0)]);
        let told: Vec<_> = findings
            .iter()
            .filter(|finding| finding.about == About::Interruption)
            .map(|finding| &finding.sentence)
            .collect();
        assert!(told.iter().any(|sentence| sentence.starts_with(wanted)), "{name}: {told:?}");
    }
    assert!(judge(&[side("a", connected())]).iter().all(|finding| finding.about != About::Interruption));
}

#[test]
fn with_both_logs_each_side_is_told_what_it_lacked() {
    let one = side(
        "a",
        with(vec![
            described(),
            vec![(60.0, no_answer("stun:s:3478", 701))],
            tried("1", ("host", "srflx"), false),
            tried("2", ("relay", "srflx"), true),
        ]),
    );
    let other = side(
        "b",
        vec![
            (0.0, begin(true)),
            (5.0, description("remote", "offer", "aa")),
            (6.0, description("local", "answer", "bb")),
        ],
    );
    let findings = judge(&[one, other]);
    for wanted in ["a: No server showed", "b: This side was told to use the relay only"] {
        assert!(
            findings.iter().any(|finding| finding.sentence.starts_with(wanted)),
            "{wanted}: {findings:#?}"
        );
    }
}

#[test]
fn times_are_told_as_people_say_them() {
    for (time, told) in [(0.42, "0.4 ms"), (31.4, "31 ms"), (3_400.0, "3.4 s"), (320_000.0, "5 min 20 s")] {
        assert_eq!(duration(time), told);
    }
}
