//! What both kinds of transfers tell of themselves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};

use anyhow::{Result, anyhow};

/// How long it may take until data can be sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// One transfer, as those who carry it out see it.
#[derive(Clone)]
pub struct Transfer {
    received: Arc<AtomicU64>,
    is_over: Arc<AtomicBool>,
    opened: Sender<Result<()>>,
}

/// The same, for whoever measures it.
pub struct Progress {
    transfer: Transfer,
    opened: Receiver<Result<()>>,
}

impl Transfer {
    pub fn new() -> (Self, Progress) {
        let (sender, opened) = mpsc::channel();
        let transfer = Self { received: Arc::default(), is_over: Arc::default(), opened: sender };
        (transfer.clone(), Progress { transfer, opened })
    }

    /// The sender can send from now on.
    pub fn opened(&self) {
        let _ = self.opened.send(Ok(()));
    }

    /// The receiver's application has got so many more bytes.
    pub fn received(&self, bytes: usize) {
        self.received.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// It is time to stop.
    pub fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// A failure before the time is over is one of the measurement.
    pub fn report(&self, result: Result<()>) {
        if let Err(error) = result
            && !self.is_over()
        {
            eprintln!("a transfer failed: {error:#}");
            let _ = self.opened.send(Err(error));
        }
    }
}

impl Progress {
    /// Waits until data can be sent.
    pub fn wait_until_open(&self) -> Result<()> {
        self.opened.recv_timeout(PATIENCE).map_err(|_| anyhow!("no connection after {PATIENCE:?}"))?
    }

    pub fn received(&self) -> u64 {
        self.transfer.received.load(Ordering::Relaxed)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.transfer.is_over.store(true, Ordering::Relaxed);
    }
}
