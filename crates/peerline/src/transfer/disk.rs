//! A thread of a transfer's own, for what waits for a disk and for hashing.
//!
//! Jobs are done one after the other. How many wait is bounded by the machines: chunks read ahead, or the window.

use std::io;
use std::sync::mpsc as jobs;
use std::thread;

use tokio::sync::mpsc;

#[derive(Debug)]
pub(super) struct Disk<Job, Done> {
    /// Gone when no further job follows.
    jobs: Option<jobs::Sender<Job>>,
    done: mpsc::UnboundedReceiver<Done>,
}

impl<Job: Send + 'static, Done: Send + 'static> Disk<Job, Done> {
    /// Starts the thread. What waits is done even when this is dropped.
    pub(super) fn start(mut work: impl FnMut(Job) -> Option<Done> + Send + 'static) -> io::Result<Self> {
        let (jobs, waiting) = jobs::channel();
        let (results, done) = mpsc::unbounded_channel();
        thread::Builder::new().name("peerline-transfer".to_owned()).spawn(move || {
            for job in waiting {
                if let Some(result) = work(job) {
                    // Whoever asked may not wait any more; what it asked for is done all the same.
                    let _ = results.send(result);
                }
            }
        })?;
        Ok(Self { jobs: Some(jobs), done })
    }

    pub(super) fn ask(&self, job: Job) {
        if let Some(jobs) = &self.jobs {
            // The thread ends before its jobs do only by a panic; `next` tells.
            let _ = jobs.send(job);
        }
    }

    /// No further job follows.
    pub(super) fn finish(&mut self) {
        self.jobs = None;
    }

    /// The next finished job; `None`: the thread has ended. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Done> {
        self.done.recv().await
    }
}
