//! How far two machines' clocks are apart, from what one sent and the other received.

use std::collections::HashMap;

use peerline::event_log::LogEvent;

use super::read::Line;

/// What to add to the second machine's times to have the first one's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Alignment {
    /// Milliseconds.
    pub(super) offset: f64,
    /// How far off that may be, in milliseconds; `None`: things were seen to go one way only, and it may be any amount.
    pub(super) within: Option<f64>,
}

/// What both sides know by the same words: the time that one made it is before the one that the other got it.
type Thing = (String, String, u16);

/// Nothing is received before it is sent: each thing that went one way bounds the offset on one side. `None`: nothing that
/// one side made is seen at the other.
pub(super) fn align(first: &[Line], second: &[Line]) -> Option<Alignment> {
    let (first_made, first_got) = things(first);
    let (second_made, second_got) = things(second);
    let bounds = |made: &HashMap<Thing, f64>, got: &HashMap<Thing, f64>| -> Vec<f64> {
        made.iter().filter_map(|(thing, sent)| Some(got.get(thing)? - sent)).collect()
    };
    // second - first ≥ -offset for what went to the second, first - second ≥ offset for what came back.
    let least = bounds(&first_made, &second_got).into_iter().reduce(f64::min).map(|least| -least);
    let most = bounds(&second_made, &first_got).into_iter().reduce(f64::min);
    match (least, most) {
        (Some(least), Some(most)) => {
            Some(Alignment { offset: f64::midpoint(least, most), within: Some(((most - least) / 2.0).abs()) })
        }
        (Some(offset), None) | (None, Some(offset)) => Some(Alignment { offset, within: None }),
        (None, None) => None,
    }
}

/// When each was made here, and when each of the other side's came here.
fn things(lines: &[Line]) -> (HashMap<Thing, f64>, HashMap<Thing, f64>) {
    let (mut made, mut got) = (HashMap::new(), HashMap::new());
    for line in lines {
        let (thing, is_ours) = match &line.record.event {
            LogEvent::Description { side, kind, ufrag: Some(ufrag), .. } => {
                ((format!("{kind} {ufrag}"), String::new(), 0), side == "local")
            }
            // What a check found wasn't told.
            LogEvent::LocalCandidate(candidate) | LogEvent::RemoteCandidate(candidate)
                if candidate.kind != "prflx" && !candidate.address.is_empty() =>
            {
                let is_ours = matches!(line.record.event, LogEvent::LocalCandidate(_));
                ((candidate.kind.to_string(), candidate.address.clone(), candidate.port), is_ours)
            }
            _ => continue,
        };
        let times = if is_ours { &mut made } else { &mut got };
        times.entry(thing).or_insert(line.at);
    }
    (made, got)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{description, line};
    use super::*;

    #[test]
    fn things_that_went_both_ways_bound_the_offset_from_both_sides() {
        // The second clock is 1,000 ms ahead, and each way takes 20 ms.
        let first = [
            line(100.0, description("local", "offer", "aa")),
            line(180.0, description("remote", "answer", "bb")),
        ];
        let second = [
            line(1120.0, description("remote", "offer", "aa")),
            line(1160.0, description("local", "answer", "bb")),
        ];
        let alignment = align(&first, &second).unwrap();
        assert_eq!(alignment, Alignment { offset: -1000.0, within: Some(20.0) });
    }

    #[test]
    fn things_that_went_one_way_give_a_guess() {
        let first = [line(100.0, description("local", "offer", "aa"))];
        let second = [line(1120.0, description("remote", "offer", "aa"))];
        assert_eq!(align(&first, &second), Some(Alignment { offset: -1020.0, within: None }));
        assert_eq!(align(&second, &second), None);
        assert_eq!(align(&first, &[]), None);
    }
}
