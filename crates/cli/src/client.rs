//! Runs a command that meets somebody: enters the channel, works, and leaves it whatever happens.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use peerline::event_log::EventLog;

use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem, fail};
use crate::log_file::LogFile;
use crate::meeting::Meeting;
use crate::notes::{Note, Notes};
use crate::place::{Expiry, Where};
use crate::stop::Stop;

/// What a signal means for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnSignal {
    /// Its end, like any other.
    Done,
    /// That it is not done.
    Broken,
    /// The same, and the work hears of it first ([`Meeting::stopping`]): it may tell the other side.
    Cancelled,
}

/// How long work may take to end that has heard of a signal.
const LAST_WORD: Duration = Duration::from_secs(6);

/// How to meet, and what to tell of it.
pub(crate) struct Client<'a> {
    pub(crate) options: &'a ClientOptions,
    pub(crate) place: Where,
    pub(crate) expiry: &'a Expiry,
    pub(crate) notes: Notes,
    pub(crate) on_signal: OnSignal,
    /// Whether the work needs direct connections; otherwise what is said goes through the server as well.
    pub(crate) direct: bool,
}

impl Client<'_> {
    /// Does `work` in the channel. A signal ends it, a second one ends the program at once.
    pub(crate) fn run(self, work: impl AsyncFnOnce(&mut Meeting) -> Result<(), Problem>) -> ExitCode {
        let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return fail(Failure::Failed, error),
        };
        let on_signal = self.on_signal;
        let done = runtime.block_on(self.meet(work));
        // A thread that waits for standard input must not keep the process.
        runtime.shutdown_background();
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(Problem { failure: Failure::Signal(_), .. }) if on_signal == OnSignal::Done => {
                ExitCode::SUCCESS
            }
            Err(Problem { failure, why }) => fail(failure, why),
        }
    }

    async fn meet(self, work: impl AsyncFnOnce(&mut Meeting) -> Result<(), Problem>) -> Result<(), Problem> {
        let log = self.options.open_log().map_err(|error| Problem::new(Failure::Failed, error))?;
        let done = self.meet_and_log(log.as_ref().map(LogFile::log), work).await;
        if let Some(log) = log
            && let Err(error) = log.close().await
        {
            let warning = format!("The event log could not be written: {error}");
            self.notes.tell(&Note::Warning { warning });
        }
        done
    }

    async fn meet_and_log(
        &self,
        log: Option<EventLog>,
        work: impl AsyncFnOnce(&mut Meeting) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let mut stop = Stop::new()?;
        let mut meeting = tokio::select! {
            meeting = Meeting::enter(self.options, log, &self.place, self.expiry, self.notes, self.direct) => meeting?,
            signal = stop.next() => return Err(stopped(signal)),
        };
        let stopping = meeting.stop_sender();
        let mut is_hurried = false;
        let done = {
            let mut working = pin!(work(&mut meeting));
            tokio::select! {
                done = &mut working => done,
                signal = stop.next() => {
                    if self.on_signal == OnSignal::Cancelled {
                        stopping.send_replace(true);
                        tokio::select! {
                            _ = working => {}
                            () = tokio::time::sleep(LAST_WORD) => {}
                            _ = stop.next() => is_hurried = true,
                        }
                    }
                    Err(stopped(signal))
                }
            }
        };
        if !is_hurried {
            tokio::select! {
                () = meeting.leave() => {}
                _ = stop.next() => {}
            }
        }
        done
    }
}

fn stopped(signal: u8) -> Problem {
    Problem::new(Failure::Signal(signal), "stopped.")
}
