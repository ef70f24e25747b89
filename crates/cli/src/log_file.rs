//! `--log FILE`: the event log as JSON lines (`docs/event-log.md`).

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use peerline::event_log::{EventLog, EventLogReader, Record};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long connections may take to write their last line.
const LAST_LINES: Duration = Duration::from_millis(500);

/// A log on its way into a file.
pub(crate) struct LogFile {
    log: EventLog,
    ends: oneshot::Sender<()>,
    written: JoinHandle<io::Result<()>>,
}

impl LogFile {
    /// Runs are appended one after the other. The file is for its owner's eyes: it has addresses in it.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(|error| format!("{}: {error}", path.display()))?;
        let (log, reader) = EventLog::new(concat!("peerline/", env!("CARGO_PKG_VERSION")));
        let (ends, ending) = oneshot::channel();
        let written = tokio::spawn(write(file, reader, ending));
        Ok(Self { log, ends, written })
    }

    /// What writes to it.
    pub(crate) fn log(&self) -> EventLog {
        self.log.clone()
    }

    /// Resolves when everything is in the file.
    pub(crate) async fn close(self) -> io::Result<()> {
        let Self { log, ends, written } = self;
        drop((log, ends));
        written.await.map_err(io::Error::other)?
    }
}

async fn write(file: File, mut reader: EventLogReader, ending: oneshot::Receiver<()>) -> io::Result<()> {
    let ends = async {
        let _ = ending.await;
        tokio::time::sleep(LAST_LINES).await;
    };
    tokio::pin!(ends);
    loop {
        tokio::select! {
            record = reader.next() => match record {
                Some(record) => write_lines(&file, record, &mut reader)?,
                None => return Ok(()),
            },
            () = &mut ends => return Ok(()),
        }
    }
}

/// One write for all that is there: whoever kills the program cuts off the last line at most.
fn write_lines(mut file: &File, first: Record, reader: &mut EventLogReader) -> io::Result<()> {
    let mut lines = Vec::new();
    let mut next = Some(first);
    while let Some(record) = next {
        serde_json::to_writer(&mut lines, &record)?;
        lines.push(b'\n');
        next = reader.try_next();
    }
    file.write_all(&lines)
}
