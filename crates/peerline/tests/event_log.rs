//! What the event log has of a connection, and what both sides' logs have in common (`docs/event-log.md`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::time::Duration;

use common::negotiate;
use peerline::event_log::{CallId, EventLog, EventLogReader, LogEvent, Record};
use peerline::*;
use tokio::time::timeout;

/// Only a broken connection takes that long, even where many tests share a processor.
const PATIENCE: Duration = Duration::from_secs(60);

/// A peer whose log is read as it is written.
struct Logged {
    peer: PeerConnection,
    reader: EventLogReader,
    records: Vec<Record>,
}

impl Logged {
    fn new() -> Self {
        let interfaces = Interfaces::Only(vec![[127, 0, 0, 1].into()]);
        let endpoint = Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() }).unwrap();
        let peer = endpoint.peer_connection(Configuration::default()).unwrap();
        let (log, reader) = EventLog::new("test/1");
        peer.set_event_log(&log);
        Self { peer, reader, records: Vec::new() }
    }

    /// Reads until something has happened, and gives the place in the log.
    async fn until(&mut self, what: &str, is_it: impl Fn(&LogEvent) -> bool) -> usize {
        loop {
            if let Some(place) = self.records.iter().rposition(|record| is_it(&record.event)) {
                return place;
            }
            let record = timeout(PATIENCE, self.reader.next()).await;
            self.records
                .push(record.unwrap_or_else(|_| panic!("{what}: {:#?}", self.records)).expect("more"));
        }
    }

    fn call(&self) -> Option<CallId> {
        self.records.iter().rev().find_map(|record| record.call.clone())
    }

    fn first(&self, is_it: impl Fn(&LogEvent) -> bool) -> usize {
        self.records.iter().position(|record| is_it(&record.event)).expect("it is there")
    }
}

fn is_open(event: &LogEvent) -> bool {
    matches!(event, LogEvent::DataChannel { state, label: Some(label), .. } if state == "open" && label == "test")
}

fn is_dtls(event: &LogEvent) -> bool {
    matches!(event, LogEvent::Dtls { state, version: Some(_), .. } if state == "connected")
}

fn is_answered(event: &LogEvent) -> bool {
    matches!(event, LogEvent::Pair { state, round_trip: Some(_), .. } if state == "succeeded")
}

#[tokio::test]
async fn a_connection_is_told_from_its_beginning_to_its_end_on_both_sides() {
    let (mut one, mut two) = (Logged::new(), Logged::new());
    let channel = one.peer.create_data_channel("test", DataChannelInit::default()).unwrap();
    negotiate(&one.peer, &two.peer).await;
    for side in [&mut one, &mut two] {
        side.until("a data channel", is_open).await;
        let order = [
            side.first(|event| matches!(event, LogEvent::Log { .. })),
            side.first(|event| matches!(event, LogEvent::Connection { .. })),
            side.first(|event| matches!(event, LogEvent::LocalCandidate(_))),
            side.first(is_answered),
            side.first(|event| matches!(event, LogEvent::Selected { pair: Some(_) })),
            side.first(is_dtls),
            side.first(|event| matches!(event, LogEvent::Sctp { state } if state == "established")),
            side.first(is_open),
        ];
        assert!(order.is_sorted(), "{order:?} {:#?}", side.records);
        assert!(side.records.iter().skip(1).all(|record| record.connection == Some(1)));
        let ours = side.records.iter().filter_map(|record| match &record.event {
            LogEvent::LocalCandidate(candidate) => Some(candidate),
            _ => None,
        });
        let types: Vec<_> = ours.map(|ours| (ours.protocol.as_ref(), ours.tcp_type.as_deref())).collect();
        assert_eq!(types, [("udp", None), ("tcp", Some("active")), ("tcp", Some("passive"))]);
    }
    assert_eq!(one.call(), two.call());
    assert!(one.call().is_some());
    one.peer.restart_ice();
    negotiate(&one.peer, &two.peer).await;
    for (side, whose) in [(&mut one, "local"), (&mut two, "remote")] {
        side.until("a restart", |event| matches!(event, LogEvent::Restart { side } if side == whose)).await;
    }
    let before = one.call();
    drop(channel);
    one.peer.close();
    one.until("its end", |event| *event == LogEvent::Closed).await;
    two.until(
        "the other side's end",
        |event| matches!(event, LogEvent::DataChannel { state, .. } if state == "closed"),
    )
    .await;
    // ICE's restart changes nothing in what it is called.
    assert_eq!(one.call(), before);
}

#[tokio::test]
async fn what_is_written_is_what_is_read() {
    let (mut one, two) = (Logged::new(), Logged::new());
    let _channel = one.peer.create_data_channel("test", DataChannelInit::default()).unwrap();
    negotiate(&one.peer, &two.peer).await;
    one.until("a data channel", is_open).await;
    for record in &one.records {
        let line = serde_json::to_string(record).unwrap();
        assert_eq!(serde_json::from_str::<Record>(&line).unwrap(), *record, "{line}");
    }
}

/// The SDK's tests hold what it writes to the same file.
#[test]
fn what_a_browser_writes_is_read_whole() {
    for line in include_str!("../vectors/event-log.jsonl").lines() {
        let record: Record = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_ne!(record.event, LogEvent::Unknown, "{line}");
        let members = |text: &str| {
            let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).unwrap();
            object.keys().cloned().collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(members(line), members(&serde_json::to_string(&record).unwrap()), "{line}");
    }
}
