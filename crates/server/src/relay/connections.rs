//! TCP connections with peers that wait until a client takes them over (RFC 6062 §5.4).
//!
//! The client does that by a connection of its own, which has a task of its own: here one task leaves what another one takes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use peerline_turn::{Budgets, ConnectionId};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

use super::Shared;
use super::quota::Owner;

/// One of the connections that a user, a source and all together may have; it comes back when this is dropped.
#[derive(Debug)]
pub struct Slot {
    owner: Owner,
    shared: Arc<Shared>,
}

impl Slot {
    pub(super) fn new(owner: Owner, shared: Arc<Shared>) -> Self {
        Self { owner, shared }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.shared.disconnect(&self.owner);
    }
}

/// What the task of an allocation hears of its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// A client has taken it over.
    Bound(ConnectionId),
    /// It is over.
    Closed(ConnectionId),
}

/// A connection's being there, as its allocation knows it: ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Presence {
    connection: ConnectionId,
    reports: mpsc::UnboundedSender<Report>,
    _slot: Slot,
}

impl Presence {
    /// Each connection has two reports to make, so that what is queued has a limit.
    pub(crate) fn new(connection: ConnectionId, reports: mpsc::UnboundedSender<Report>, slot: Slot) -> Self {
        Self { connection, reports, _slot: slot }
    }

    /// A client has taken the connection over.
    pub(crate) fn bound(&self) {
        let _ = self.reports.send(Report::Bound(self.connection));
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        let _ = self.reports.send(Report::Closed(self.connection));
    }
}

/// A connection with a peer, and what its data is carried under.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// The allocation's user: nobody else takes it over.
    pub(crate) username: Arc<str>,
    pub(crate) peer: TcpStream,
    pub(crate) budgets: Budgets,
    pub(crate) presence: Presence,
    /// Resolves when the allocation has ended, or has given the connection up.
    pub(crate) ended: oneshot::Receiver<()>,
}

/// Connections that wait, of all allocations.
#[derive(Debug, Default)]
pub struct WaitingConnections(Mutex<HashMap<ConnectionId, Waiting>>);

impl WaitingConnections {
    /// Leaves a connection here.
    pub(crate) fn leave(&self, connection: ConnectionId, waiting: Waiting) {
        self.lock().insert(connection, waiting);
    }

    /// Takes one over, if it is `username`'s.
    pub(crate) fn take(&self, connection: ConnectionId, username: &str) -> Option<Waiting> {
        let mut waiting = self.lock();
        waiting.get(&connection).filter(|waiting| *waiting.username == *username)?;
        waiting.remove(&connection)
    }

    /// Closes one that still waits.
    pub(crate) fn close(&self, connection: ConnectionId) {
        // Dropped when the lock is free again: a connection gives back what is counted under other locks.
        let closed = self.lock().remove(&connection);
        drop(closed);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ConnectionId, Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
