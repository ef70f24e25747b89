//! The event log: what happens to connections, in its order and with its times (`docs/event-log.md`).
//!
//! ```no_run
//! # async fn example(link: peerline::channel::Link) -> Result<(), Box<dyn std::error::Error>> {
//! use peerline::channel::{Channel, ChannelOptions};
//! use peerline::event_log::EventLog;
//!
//! let (log, mut records) = EventLog::new("example/1.0");
//! let options = ChannelOptions { event_log: Some(log), ..ChannelOptions::named("Ada") };
//! let channel = Channel::join(&link, options).await?;
//! while let Some(record) = records.next().await {
//!     println!("{record:?}");
//! }
//! # Ok(())
//! # }
//! ```

mod call;
mod record;
mod recorder;
mod signaling;
mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::mpsc;

pub use self::call::CallId;
pub use self::record::{FORMAT, LogEvent, LoggedCandidate, LoggedStatistics, Record, VERSION, Word};
pub(crate) use self::recorder::{LOOK, Recorder};

/// Records that wait for their reader. A connection says about a hundred while it is made, and one every few seconds then.
const WAITING: usize = 4096;

/// Takes what happens. A clone is the same log: any number of channels and connections write to it.
#[derive(Debug, Clone)]
pub struct EventLog {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    began: Instant,
    records: mpsc::Sender<Record>,
    /// Those that found no room, since one did.
    dropped: AtomicU64,
    connections: AtomicU64,
}

/// The reading end of an [`EventLog`].
#[derive(Debug)]
pub struct EventLogReader {
    records: mpsc::Receiver<Record>,
}

impl EventLog {
    /// A log, and the end it is read at. `agent` is the program's name and version: `peerline/0.1.0`.
    ///
    /// Whoever writes never waits: if the reader is slow, records are lost, and a record says how many.
    #[must_use]
    pub fn new(agent: &str) -> (Self, EventLogReader) {
        let (sender, records) = mpsc::channel(WAITING);
        let shared = Shared {
            began: Instant::now(),
            records: sender,
            dropped: AtomicU64::new(0),
            connections: AtomicU64::new(0),
        };
        let log = Self { shared: Arc::new(shared) };
        let (format, version) = (FORMAT.to_owned(), VERSION);
        log.say(LogEvent::Log { format, version, agent: agent.to_owned() });
        (log, EventLogReader { records })
    }

    /// Writes what is no connection's.
    pub(crate) fn say(&self, event: LogEvent) {
        self.write(Instant::now(), None, None, event);
    }

    /// A number for a connection, counted from 1.
    pub(crate) fn next_connection(&self) -> u64 {
        self.shared.connections.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn write(&self, at: Instant, connection: Option<u64>, call: Option<CallId>, event: LogEvent) {
        let shared = &self.shared;
        let stamped = |event, connection, call| {
            let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            Record {
                time: milliseconds(since_1970.saturating_sub(at.elapsed())),
                elapsed: milliseconds(at.saturating_duration_since(shared.began)),
                connection,
                call,
                event,
            }
        };
        let dropped = shared.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0
            && shared.records.try_send(stamped(LogEvent::Dropped { records: dropped }, None, None)).is_err()
        {
            shared.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        // A reader who has gone has had enough.
        if let Err(mpsc::error::TrySendError::Full(_)) =
            shared.records.try_send(stamped(event, connection, call))
        {
            shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl EventLogReader {
    /// The next record; `None` when nobody writes any more. Cancel-safe.
    pub async fn next(&mut self) -> Option<Record> {
        self.records.recv().await
    }

    /// A record that is there already.
    pub fn try_next(&mut self) -> Option<Record> {
        self.records.try_recv().ok()
    }
}

/// With microseconds behind the point, which is all that the clock is good for.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slow_reader_loses_records_and_is_told_how_many() {
        let (log, mut reader) = EventLog::new("test/1");
        for _ in 0..WAITING + 9 {
            log.say(LogEvent::Gathering { state: "complete".into() });
        }
        assert!(matches!(reader.next().await.unwrap().event, LogEvent::Log { version: VERSION, .. }));
        reader.next().await.unwrap();
        log.say(LogEvent::Closed);
        drop(log);
        let mut records = Vec::new();
        while let Some(record) = reader.next().await {
            records.push(record.event);
        }
        let [.., dropped, last] = &records[..] else { panic!("{records:?}") };
        assert_eq!((dropped, last), (&LogEvent::Dropped { records: 10 }, &LogEvent::Closed));
    }
}
