//! `peerline explain`: what happened to a connection and why, from one or both sides' logs (`docs/event-log.md`).

mod clock;
mod print;
mod read;
mod report;
mod side;
mod story;
mod timeline;
mod verdict;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use crate::exit::{Failure, fail};

/// The longest file that is read: a day of a busy program has a few megabytes.
const LONGEST: u64 = 256 << 20;

#[derive(Args, Debug)]
pub(crate) struct ExplainOptions {
    /// Logs of one side or of both (`--log FILE` writes them), and reports that the app copies; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Tell it as one JSON object
    #[arg(long)]
    json: bool,
    /// Show every event of the timeline, also those that seldom matter
    #[arg(long)]
    all: bool,
}

pub(crate) fn run(options: &ExplainOptions) -> ExitCode {
    let mut logs = Vec::new();
    for path in &options.files {
        let name = path.display().to_string();
        let text = match text(path) {
            Ok(text) => text,
            Err(error) => return fail(Failure::Failed, format!("{name} can't be read: {error}")),
        };
        match read::read(&name, &text) {
            Ok(read) => logs.extend(read),
            Err(why) => return fail(Failure::Failed, why),
        }
    }
    let remarks: Vec<String> = logs.iter().flat_map(|log| log.remarks.clone()).collect();
    let stories = story::stories(&logs, options.all);
    let written =
        if options.json { print::json(&stories, &remarks) } else { print::people(&stories, &remarks) };
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(Failure::Failed, error),
    }
}

fn text(path: &Path) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    let source: Box<dyn std::io::Read> =
        if path == Path::new("-") { Box::new(std::io::stdin()) } else { Box::new(fs::File::open(path)?) };
    source.take(LONGEST).read_to_end(&mut bytes)?;
    // A character may be cut in half where the file ends.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    //! What the tests of this folder are made of.

    use peerline::event_log::{LogEvent, Record};

    use super::read::Line;

    pub(super) fn line(at: f64, event: LogEvent) -> Line {
        let record = Record { time: at, elapsed: at, connection: Some(1), call: None, event };
        Line { number: 1, at, record }
    }

    pub(super) fn description(side: &'static str, kind: &'static str, ufrag: &str) -> LogEvent {
        let ufrag = Some(ufrag.to_owned());
        LogEvent::Description { side: side.into(), kind: kind.into(), ufrag, candidates: 0 }
    }
}
