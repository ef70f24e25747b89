//! What `peerline explain` prints.

use std::io::{self, Write as _, stdout};

use serde::Serialize;

use super::story::{Story, Teller};
use super::verdict::duration;
use crate::terminal;

#[derive(Serialize)]
struct Explained<'a> {
    calls: &'a [Story],
    remarks: &'a [String],
}

pub(super) fn json(calls: &[Story], remarks: &[String]) -> io::Result<()> {
    let text = serde_json::to_string(&Explained { calls, remarks })?;
    writeln!(stdout(), "{}", terminal::json(&text))
}

pub(super) fn people(stories: &[Story], remarks: &[String]) -> io::Result<()> {
    let mut output = stdout().lock();
    if stories.is_empty() {
        writeln!(output, "No connection is in there: nobody was met.")?;
    }
    for (index, story) in stories.iter().enumerate() {
        if index > 0 {
            writeln!(output)?;
        }
        people_story(&mut output, story)?;
    }
    if !remarks.is_empty() {
        writeln!(output)?;
    }
    for remark in remarks {
        writeln!(output, "{}", terminal::line(remark))?;
    }
    Ok(())
}

fn people_story(output: &mut impl io::Write, story: &Story) -> io::Result<()> {
    let call = story.call.as_ref().map_or("without a name", |call| call.as_str());
    writeln!(output, "{}", terminal::bold(&format!("Connection {call}"), &stdout()))?;
    for (index, teller) in story.sides.iter().enumerate() {
        writeln!(output, "  {}  {}", mark(index), terminal::line(&described(teller, index)))?;
    }
    writeln!(output)?;
    for entry in &story.timeline {
        let side = story.sides.iter().position(|teller| teller.log == entry.log).unwrap_or_default();
        let text = terminal::line(&entry.text);
        writeln!(output, "{:>11}  {}  {text}", format!("{:.1} ms", entry.after), mark(side))?;
    }
    writeln!(output)?;
    for finding in &story.verdict {
        writeln!(output, "{}", terminal::line(&finding.sentence))?;
        if !finding.evidence.is_empty() {
            writeln!(output, "    {}", terminal::line(&finding.evidence.join(", ")))?;
        }
    }
    Ok(())
}

fn described(teller: &Teller, index: usize) -> String {
    let Teller { log, agent, clock_offset, clock_offset_within, .. } = teller;
    let clock = match (clock_offset, clock_offset_within) {
        _ if index == 0 => String::new(),
        (None, _) => "; its clock could not be compared".to_owned(),
        (Some(offset), within) => {
            let way = if *offset < 0.0 { "ahead" } else { "behind" };
            let within = within.map(|within| format!(", ±{}", duration(within))).unwrap_or_default();
            format!("; its clock is {}{within} {way}", duration(offset.abs()))
        }
    };
    format!("{log}: {agent}{clock}")
}

/// What stands for a side in the timeline.
fn mark(index: usize) -> char {
    u8::try_from(index).ok().and_then(|index| b'A'.checked_add(index)).map_or('?', char::from)
}
