//! From files to logs: event logs (`docs/event-log.md`) and the app's reports (`docs/connection-report.md`).

use peerline::event_log::{FORMAT, LogEvent, Record, VERSION};

use super::report;

/// One run of a program, or one report.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Log {
    /// The file, and which run in it if there are several.
    pub(super) name: String,
    /// The program or the browser.
    pub(super) agent: String,
    pub(super) lines: Vec<Line>,
    /// What was wrong with the file, in sentences.
    pub(super) remarks: Vec<String>,
}

/// A record, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Line {
    /// Counted from 1.
    pub(super) number: usize,
    /// Milliseconds since 1970, by a clock that doesn't jump within a run.
    pub(super) at: f64,
    pub(super) record: Record,
}

/// Why a file can't be used, as a sentence.
pub(super) type Unusable = String;

/// Reads a file's text.
pub(super) fn read(name: &str, text: &str) -> Result<Vec<Log>, Unusable> {
    if text.trim().is_empty() {
        return Err(format!("{name} is empty."));
    }
    if let Some(log) = report::read(name, text) {
        return log.map(|log| vec![log]);
    }
    let mut logs: Vec<Log> = Vec::new();
    let mut remarks = Vec::new();
    let lines: Vec<_> = text.lines().collect();
    for (index, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        match serde_json::from_str::<Record>(line) {
            Ok(Record { event: LogEvent::Log { format, .. }, .. }) if format != FORMAT => {
                return Err(format!("{name} is a {format}, not a {FORMAT}."));
            }
            Ok(Record { event: LogEvent::Log { version, .. }, .. }) if version > VERSION => {
                return Err(format!(
                    "{name} has version {version} of the log; this program knows {VERSION}. Take a newer one."
                ));
            }
            Ok(record) => add(&mut logs, name, number, record),
            Err(_) if number == lines.len() && !text.ends_with('\n') => {
                remarks.push(format!("The last line of {name} is cut off: the program was killed there."));
            }
            Err(error) => remarks.push(format!("Line {number} of {name} is left out: {error}.")),
        }
    }
    let Some(last) = logs.last_mut() else {
        return Err(format!(
            "{name} is neither an event log (`--log FILE` writes one) nor a report of the app's."
        ));
    };
    last.remarks = remarks;
    if logs.len() > 1 {
        for (index, log) in logs.iter_mut().enumerate() {
            log.name = format!("{name} (run {})", index + 1);
        }
    }
    Ok(logs)
}

fn add(logs: &mut Vec<Log>, name: &str, number: usize, record: Record) {
    let agent = match &record.event {
        LogEvent::Log { agent, .. } => Some(agent.clone()),
        // The beginning was cut away.
        _ if logs.is_empty() => Some(String::new()),
        _ => None,
    };
    if let Some(agent) = agent {
        logs.push(Log { name: name.to_owned(), agent, lines: Vec::new(), remarks: Vec::new() });
    }
    if let Some(log) = logs.last_mut() {
        let at = match log.lines.first() {
            Some(first) => first.at + record.elapsed - first.record.elapsed,
            None => record.time,
        };
        log.lines.push(Line { number, at, record });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = r#"{"time":1000.0,"elapsed":0.0,"event":"log","format":"peerline-event-log","version":1,"agent":"peerline/0.1.0"}"#;
    const LINE: &str =
        r#"{"time":9999.0,"elapsed":5.5,"connection":1,"event":"ice","state":"checking","later":"ignored"}"#;

    #[test]
    fn a_log_is_read_by_a_clock_that_does_not_jump() {
        let logs = read("a", &format!("{HEAD}\n{LINE}\n")).unwrap();
        let [Log { agent, lines, remarks, .. }] = &logs[..] else { panic!("{logs:?}") };
        assert_eq!((agent.as_str(), lines.len(), remarks.len()), ("peerline/0.1.0", 2, 0));
        assert_eq!((lines[1].at, lines[1].number), (1005.5, 2));
        assert_eq!(lines[1].record.event, LogEvent::Ice { state: "checking".into() });
    }

    #[test]
    fn the_last_line_of_a_program_that_was_killed_may_be_cut_off() {
        let logs = read("a", &format!("{HEAD}\n{LINE}\n{}", &LINE[..40])).unwrap();
        assert_eq!(logs[0].lines.len(), 2);
        assert_eq!(logs[0].remarks, ["The last line of a is cut off: the program was killed there."]);
    }

    #[test]
    fn a_broken_line_is_left_out_and_told() {
        let logs = read("a", &format!("{HEAD}\nnonsense\n{LINE}\n")).unwrap();
        assert_eq!(logs[0].lines.len(), 2);
        assert!(logs[0].remarks[0].starts_with("Line 2 of a is left out: "), "{:?}", logs[0].remarks);
    }

    #[test]
    fn several_runs_in_a_file_are_several_logs() {
        let logs = read("a", &format!("{HEAD}\n{LINE}\n{HEAD}\n")).unwrap();
        let names: Vec<_> = logs.iter().map(|log| log.name.as_str()).collect();
        assert_eq!(names, ["a (run 1)", "a (run 2)"]);
    }

    #[test]
    fn an_event_of_a_later_version_is_ignored() {
        let logs =
            read("a", &format!("{HEAD}\n{{\"time\":1,\"elapsed\":1,\"event\":\"teleport\",\"to\":3}}\n"));
        assert_eq!(logs.unwrap()[0].lines[1].record.event, LogEvent::Unknown);
    }

    #[test]
    fn what_is_no_log_is_refused_by_a_sentence() {
        for (text, why) in [
            ("", "a is empty."),
            ("hello", "a is neither an event log"),
            (&HEAD.replace("peerline-event-log", "x"), "a is a x, not a peerline-event-log."),
            (&HEAD.replace("\"version\":1", "\"version\":2"), "a has version 2 of the log"),
        ] {
            let error = read("a", text).unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
