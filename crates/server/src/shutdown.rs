//! The end of the server, in two steps: no new work, then no work at all.

use tokio::sync::watch;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    Draining,
    Closing,
}

/// Tells tasks how far the server's end has come.
#[derive(Debug, Clone)]
pub(crate) struct Shutdown(watch::Receiver<Phase>);

/// Brings the end about.
#[derive(Debug)]
pub(crate) struct ShutdownTrigger(watch::Sender<Phase>);

/// A trigger, and what it triggers.
pub(crate) fn channel() -> (ShutdownTrigger, Shutdown) {
    let (sender, receiver) = watch::channel(Phase::Running);
    (ShutdownTrigger(sender), Shutdown(receiver))
}

impl ShutdownTrigger {
    /// Nothing new begins: clients are told, idle HTTP connections close.
    pub(crate) fn drain(&self) {
        self.0.send_replace(Phase::Draining);
    }

    /// What is still open closes.
    pub(crate) fn close(&self) {
        self.0.send_replace(Phase::Closing);
    }
}

impl Shutdown {
    /// Returns when the server takes no new work. At once when it no longer exists.
    pub(crate) async fn draining(&mut self) {
        let _ = self.0.wait_for(|phase| *phase >= Phase::Draining).await;
    }

    /// Returns when everything is to close. At once when the server no longer exists.
    pub(crate) async fn closing(&mut self) {
        let _ = self.0.wait_for(|phase| *phase >= Phase::Closing).await;
    }
}
