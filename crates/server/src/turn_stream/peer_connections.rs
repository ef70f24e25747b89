//! TCP between one allocation and its peers (RFC 6062 §5.2 and §5.3): connections are made and taken in here, and wait until
//! the client takes them over.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use peerline_turn::{Budgets, ConnectionId};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};

use crate::relay::connections::{Presence, Report, Slot, Waiting};
use crate::relay::{RelaySocket, Shared};

/// Time to breathe when the kernel has no file descriptor for us.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The connections of one allocation. They end with this.
pub(super) struct PeerConnections {
    listener: TcpListener,
    bound: SocketAddr,
    username: Arc<str>,
    budgets: Budgets,
    shared: Arc<Shared>,
    connecting: JoinSet<(ConnectionId, io::Result<TcpStream>)>,
    known: HashMap<ConnectionId, Known>,
    reports: mpsc::UnboundedReceiver<Report>,
    reporter: mpsc::UnboundedSender<Report>,
}

/// A connection, as far as it is.
enum Known {
    Connecting(AbortHandle, Slot),
    /// It ends when this is dropped.
    Made {
        _ends: oneshot::Sender<()>,
    },
}

/// What has happened.
pub(super) enum News {
    /// The connection that was asked for is there, or isn't.
    Made(ConnectionId, io::Result<TcpStream>),
    /// A peer has connected.
    Arrived(TcpStream, SocketAddr),
    /// Something is told of a connection.
    Reported(Report),
}

impl PeerConnections {
    /// `None` when the relay socket can't be used.
    pub(super) fn new(
        relayed: &mut RelaySocket,
        username: Arc<str>,
        budgets: Budgets,
        shared: Arc<Shared>,
    ) -> Option<Self> {
        let bound = relayed.bound();
        let listener = TcpListener::from_std(relayed.take()?.into()).ok()?;
        let (reporter, reports) = mpsc::unbounded_channel();
        let (connecting, known) = (JoinSet::new(), HashMap::new());
        Some(Self { listener, bound, username, budgets, shared, connecting, known, reports, reporter })
    }

    /// What happens next. Nothing is lost when this is given up halfway.
    pub(super) async fn news(&mut self) -> News {
        loop {
            tokio::select! {
                Some(made) = self.connecting.join_next() => {
                    // One that was given up doesn't come to its end.
                    if let Ok((connection, made)) = made {
                        return News::Made(connection, made);
                    }
                }
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, source)) => return News::Arrived(stream, source),
                    Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
                },
                Some(report) = self.reports.recv() => return News::Reported(report),
            }
        }
    }

    /// Begins to connect to a peer, from the relayed address.
    pub(super) fn connect(&mut self, connection: ConnectionId, peer: SocketAddr, slot: Slot) {
        let (bound, peer) = (self.bound, self.shared.toward_by_tcp(peer));
        let making = self.connecting.spawn(async move { (connection, connect(bound, peer).await) });
        self.known.insert(connection, Known::Connecting(making, slot));
    }

    /// The connection that was made waits for its client.
    pub(super) fn made(&mut self, connection: ConnectionId, stream: TcpStream) {
        if let Some(Known::Connecting(_, slot)) = self.known.remove(&connection) {
            self.wait(connection, stream, slot);
        }
    }

    /// A connection waits for its client.
    pub(super) fn wait(&mut self, connection: ConnectionId, peer: TcpStream, slot: Slot) {
        let _ = peer.set_nodelay(true);
        let (ends, ended) = oneshot::channel();
        self.known.insert(connection, Known::Made { _ends: ends });
        let presence = Presence::new(connection, self.reporter.clone(), slot);
        let (username, budgets) = (self.username.clone(), self.budgets.clone());
        self.shared.waiting.leave(connection, Waiting { username, peer, budgets, presence, ended });
    }

    /// Ends a connection, wherever it is.
    pub(super) fn close(&mut self, connection: ConnectionId) {
        if let Some(Known::Connecting(making, _)) = self.known.remove(&connection) {
            making.abort();
        }
        self.shared.waiting.close(connection);
    }
}

impl Drop for PeerConnections {
    fn drop(&mut self) {
        for connection in self.known.keys() {
            self.shared.waiting.close(*connection);
        }
    }
}

async fn connect(bound: SocketAddr, peer: SocketAddr) -> io::Result<TcpStream> {
    let socket = if bound.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // The relay listens at the same address.
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    socket.bind(bound)?;
    socket.connect(peer).await
}
