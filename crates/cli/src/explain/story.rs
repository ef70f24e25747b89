//! From logs to the connections in them: both sides' accounts of one are one story.

use std::collections::BTreeMap;

use peerline::event_log::{CallId, LogEvent};
use serde::Serialize;

use super::clock;
use super::read::{Line, Log};
use super::side::Side;
use super::timeline::{self, Entry};
use super::verdict::{self, Finding};

/// A connection, as all logs together tell it.
#[derive(Debug, Serialize)]
pub(super) struct Story {
    /// What both sides call it; missing when it never came so far.
    pub(super) call: Option<CallId>,
    pub(super) sides: Vec<Teller>,
    pub(super) verdict: Vec<Finding>,
    pub(super) timeline: Vec<Entry>,
    #[serde(skip)]
    began: f64,
}

/// Whose log it is, and how its clock stands to the first one's.
#[derive(Debug, Serialize)]
pub(super) struct Teller {
    pub(super) log: String,
    pub(super) agent: String,
    /// Which connection of the log it is.
    pub(super) connection: u64,
    /// Milliseconds that were added to its times; missing for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_offset: Option<f64>,
    /// How far off that may be; missing where it isn't known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) clock_offset_within: Option<f64>,
}

/// A connection in a log.
struct Told<'a> {
    log: &'a Log,
    number: u64,
    call: Option<CallId>,
}

/// The connections that the logs are about, in their order.
pub(super) fn stories(logs: &[Log], all: bool) -> Vec<Story> {
    let mut called: BTreeMap<CallId, Vec<Told<'_>>> = BTreeMap::new();
    let mut groups = Vec::new();
    for told in logs.iter().flat_map(connections) {
        match &told.call {
            Some(call) => called.entry(call.clone()).or_default().push(told),
            None => groups.push(vec![told]),
        }
    }
    groups.extend(called.into_values());
    let mut stories: Vec<_> = groups.iter().map(|group| tell(group, all)).collect();
    stories.sort_by(|one, other| one.began.total_cmp(&other.began));
    stories
}

fn connections(log: &Log) -> Vec<Told<'_>> {
    let mut found: BTreeMap<u64, Option<CallId>> = BTreeMap::new();
    for line in &log.lines {
        if let Some(number) = line.record.connection {
            let call = found.entry(number).or_default();
            if call.is_none() {
                call.clone_from(&line.record.call);
            }
        }
    }
    found.into_iter().map(|(number, call)| Told { log, number, call }).collect()
}

fn tell(group: &[Told<'_>], all: bool) -> Story {
    let of = |told: &Told<'_>| -> Vec<Line> {
        let number = Some(told.number);
        told.log.lines.iter().filter(|line| line.record.connection == number).cloned().collect()
    };
    let first = group.first().map(&of).unwrap_or_default();
    let (mut sides, mut tellers, mut timeline) = (Vec::new(), Vec::new(), Vec::new());
    for (index, told) in group.iter().enumerate() {
        let lines = of(told);
        let alignment = (index > 0).then(|| clock::align(&first, &lines)).flatten();
        let offset = alignment.map_or(0.0, |alignment| alignment.offset);
        sides.push(Side::of(&told.log.name, &told.log.lines, told.number, offset));
        timeline.extend(timeline::entries(&told.log.name, &around(told), offset, all));
        tellers.push(Teller {
            log: told.log.name.clone(),
            agent: told.log.agent.clone(),
            connection: told.number,
            clock_offset: alignment.map(|alignment| alignment.offset),
            clock_offset_within: alignment.and_then(|alignment| alignment.within),
        });
    }
    timeline.sort_by(|one, other| one.time.total_cmp(&other.time));
    let began = timeline.first().map_or(0.0, |entry| entry.time);
    for entry in &mut timeline {
        entry.after = entry.time - began;
    }
    let call = group.first().and_then(|told| told.call.clone());
    Story { call, verdict: verdict::judge(&sides), sides: tellers, timeline, began }
}

/// The connection's own lines, and the server's while it lived: after its last line nothing is known to be about it.
fn around(told: &Told<'_>) -> Vec<Line> {
    let is_own = |line: &Line| line.record.connection == Some(told.number);
    let end = told.log.lines.iter().rposition(is_own).map_or(0, |last| last + 1);
    let mut lives = false;
    let mut lines = Vec::new();
    for line in told.log.lines.iter().take(end) {
        if is_own(line) {
            lives = line.record.event != LogEvent::Closed;
            lines.push(line.clone());
        } else if lives && line.record.connection.is_none() {
            lines.push(line.clone());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::tests::line;
    use super::*;

    #[test]
    fn a_connection_that_is_never_closed_takes_no_lines_after_its_own() {
        let of = |connection, at, event| {
            let mut line = line(at, event);
            line.record.connection = connection;
            line
        };
        let server = || LogEvent::Server { state: "lost".into(), reason: None };
        let state = |state: &'static str| LogEvent::State { state: state.into() };
        let mut lines = Vec::new();
        for number in 0..100_u32 {
            let (connection, at) = (Some(u64::from(number)), f64::from(number) * 10.0);
            let begin = LogEvent::Connection {
                participant: None,
                offers: None,
                relay_only: false,
                servers: Vec::new(),
            };
            lines.push(of(connection, at, begin));
            lines.push(of(connection, at + 0.5, state("connected")));
            lines.push(of(None, at + 1.0, server()));
            lines.push(of(connection, at + 2.0, state("disconnected")));
            lines.push(of(None, at + 3.0, server()));
        }
        for (index, line) in lines.iter_mut().enumerate() {
            line.number = index + 1;
        }
        let log = Log { name: "a".to_owned(), agent: String::new(), lines, remarks: Vec::new() };
        let stories = stories(&[log], true);
        assert_eq!(stories.len(), 100);
        for story in stories {
            let texts: Vec<_> = story.timeline.iter().map(|entry| entry.text.as_str()).collect();
            let wanted = ["connection: connected", "server: lost", "connection: disconnected"];
            assert_eq!(texts[1..], wanted);
            let lost = story
                .verdict
                .iter()
                .filter(|finding| finding.sentence.ends_with("the connection does not need it."));
            assert_eq!(lost.count(), 2, "the one meanwhile, and the next");
        }
    }
}
