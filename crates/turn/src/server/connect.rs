//! TCP towards peers (RFC 6062 §5): Connect, connections that peers make, and ConnectionBind.

use std::net::SocketAddr;
use std::time::Instant;

use peerline_stun::attribute::{CONNECTION_ID, XOR_PEER_ADDRESS};
use peerline_stun::{Class, ErrorCode, Message, MessageWriter, Method, TransactionId};

use super::authenticate::Authenticated;
use super::{Refused, Server};
use crate::connections::{Connection, PATIENCE, Stage};
use crate::{AllocationId, Client, ConnectError, ConnectionId, Event};

/// A ConnectionBind request that the owner hasn't answered yet.
#[derive(Debug)]
pub(super) struct PendingBind {
    pub client: Client,
    connection: ConnectionId,
    transaction: TransactionId,
    user: Authenticated,
}

impl Server {
    /// RFC 6062 §5.2.
    pub(super) fn connect(
        &mut self,
        now: Instant,
        id: AllocationId,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<(), Refused> {
        let config = self.config.clone();
        self.allocation(id).filter(|allocation| allocation.is_tcp).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let peer = request.xor_address(XOR_PEER_ADDRESS).filter(|peer| peer.port() != 0);
        let peer = peer.ok_or(ErrorCode::BAD_REQUEST)?;
        self.check_peer(now, id, peer)?;
        config.policy.check_tcp(peer, &config.relayed_tcp_ports).map_err(|_| ErrorCode::FORBIDDEN)?;
        let allocation = self.allocation_mut(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if allocation.connections.iter().any(|connection| connection.peer == peer) {
            return Err(ErrorCode::CONNECTION_ALREADY_EXISTS.into());
        }
        if allocation.connections.len() >= config.limits.connections {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY.into());
        }
        let until = now + PATIENCE;
        let stage = Stage::Connecting { transaction: request.transaction(), user: user.clone(), until };
        let connection = self.add_connection(id, peer, stage)?;
        self.connection_deadlines.insert((until, connection, id));
        self.events.push_back(Event::ConnectRequested { allocation: id, connection, peer });
        Ok(())
    }

    /// The owner's answer to [`Event::ConnectRequested`]. Says whether the connection is wanted still; otherwise it has to be closed.
    pub fn connected(
        &mut self,
        now: Instant,
        allocation: AllocationId,
        connection: ConnectionId,
        answer: Result<(), ConnectError>,
    ) -> bool {
        let until = now + PATIENCE;
        let Some(found) = self.connection_mut(allocation, connection) else {
            return false;
        };
        let deadline = found.deadline();
        let stage = std::mem::replace(&mut found.stage, Stage::Waiting { until });
        let Stage::Connecting { transaction, user, .. } = stage else {
            found.stage = stage;
            return false;
        };
        if let Some(deadline) = deadline {
            self.connection_deadlines.remove(&(deadline, connection, allocation));
        }
        match answer {
            Ok(()) => {
                self.connection_deadlines.insert((until, connection, allocation));
                self.answer_connect(allocation, transaction, &user, Class::Success, |writer| {
                    writer.number(CONNECTION_ID, connection.0);
                });
            }
            Err(error) => {
                self.remove_connection(allocation, connection);
                self.refuse_connect(allocation, transaction, &user, error);
            }
        }
        answer.is_ok()
    }

    /// A peer has connected to a relayed address of `allocation` (RFC 6062 §5.3). `None`: it has to be closed at once.
    pub fn peer_connected(
        &mut self,
        now: Instant,
        allocation: AllocationId,
        peer: SocketAddr,
    ) -> Option<ConnectionId> {
        let config = self.config.clone();
        let found = self.allocation_mut(allocation).filter(|allocation| allocation.is_tcp)?;
        found.relayed(now, peer)?;
        let own = found.peers.permitted(now, peer.ip())?;
        let is_refused = own && !config.relayed_tcp_ports.contains(peer)
            || found.connections.len() >= config.limits.connections
            || found.connections.iter().any(|connection| connection.peer == peer);
        if is_refused {
            return None;
        }
        let (until, client) = (now + PATIENCE, found.client);
        let connection = self.add_connection(allocation, peer, Stage::Waiting { until }).ok()?;
        self.connection_deadlines.insert((until, connection, allocation));
        self.indicate(&client, Method::CONNECTION_ATTEMPT, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, peer).number(CONNECTION_ID, connection.0);
        });
        Some(connection)
    }

    /// RFC 6062 §5.4: the request comes over a connection of its own, and what it names is likely another server's.
    pub(super) fn bind_connection(
        &mut self,
        client: &Client,
        request: &Message<'_>,
        user: &Authenticated,
    ) -> Result<(), Refused> {
        let is_asked = self.pending_binds.iter().any(|pending| pending.client == *client);
        let is_free = client.transport.is_stream() && !is_asked && !self.by_client.contains_key(client);
        let connection = request.number(CONNECTION_ID).filter(|_| is_free);
        let connection = ConnectionId(connection.ok_or(ErrorCode::BAD_REQUEST)?);
        let (transaction, username) = (request.transaction(), user.username.clone());
        self.pending_binds.push(PendingBind { client: *client, connection, transaction, user: user.clone() });
        self.events.push_back(Event::ConnectionBindRequested { client: *client, connection, username });
        Ok(())
    }

    /// The owner's answer to [`Event::ConnectionBindRequested`]: whether there is such a connection of the same user's that waits.
    /// If so, the client's connection carries nothing but its data once the answer has left.
    pub fn connection_bind_answered(&mut self, client: &Client, connection: ConnectionId, is_bound: bool) {
        let is_it = |pending: &PendingBind| pending.client == *client && pending.connection == connection;
        let Some(position) = self.pending_binds.iter().position(is_it) else {
            return;
        };
        let PendingBind { client, transaction, user, .. } = self.pending_binds.swap_remove(position);
        let class = if is_bound { Class::Success } else { Class::Error };
        if !is_bound {
            self.statistics.count_error(ErrorCode::BAD_REQUEST);
        }
        self.answer_later(&client, Method::CONNECTION_BIND, transaction, &user, class, |writer| {
            if !is_bound {
                writer.error(ErrorCode::BAD_REQUEST);
            }
        });
    }

    /// The client has taken a connection over, on whichever server.
    pub fn connection_bound(&mut self, allocation: AllocationId, connection: ConnectionId) {
        let Some(found) = self.connection_mut(allocation, connection) else {
            return;
        };
        let deadline = found.deadline();
        found.stage = Stage::Bound;
        if let Some(deadline) = deadline {
            self.connection_deadlines.remove(&(deadline, connection, allocation));
        }
    }

    /// A connection is closed, by whichever side.
    pub fn connection_closed(&mut self, allocation: AllocationId, connection: ConnectionId) {
        self.remove_connection(allocation, connection);
    }

    /// Gives up connections that took too long (RFC 6062 §5.2 to §5.4).
    pub(super) fn end_connections(&mut self, now: Instant) {
        while let Some(&(deadline, connection, allocation)) = self.connection_deadlines.first() {
            if now < deadline {
                break;
            }
            self.connection_deadlines.pop_first();
            if let Some(Connection { stage: Stage::Connecting { transaction, user, .. }, .. }) =
                self.remove_connection(allocation, connection)
            {
                self.refuse_connect(allocation, transaction, &user, ConnectError::Failed);
            }
            self.events.push_back(Event::ConnectionEnded { allocation, connection });
        }
    }

    fn add_connection(
        &mut self,
        id: AllocationId,
        peer: SocketAddr,
        stage: Stage,
    ) -> Result<ConnectionId, Refused> {
        let drawn = self.config.connection_ids.draw(&mut self.random);
        let allocation = self.allocation_mut(id).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let connection = Connection { drawn, peer, stage };
        let name = connection.id();
        allocation.connections.push(connection);
        Ok(name)
    }

    fn connection_mut(
        &mut self,
        allocation: AllocationId,
        connection: ConnectionId,
    ) -> Option<&mut Connection> {
        let mut connections = self.allocation_mut(allocation)?.connections.iter_mut();
        connections.find(|known| known.id() == connection)
    }

    fn remove_connection(
        &mut self,
        allocation: AllocationId,
        connection: ConnectionId,
    ) -> Option<Connection> {
        let connections = &mut self.allocation_mut(allocation)?.connections;
        let position = connections.iter().position(|known| known.id() == connection)?;
        let removed = connections.swap_remove(position);
        if let Some(deadline) = removed.deadline() {
            self.connection_deadlines.remove(&(deadline, connection, allocation));
        }
        Some(removed)
    }

    fn refuse_connect(
        &mut self,
        allocation: AllocationId,
        transaction: TransactionId,
        user: &Authenticated,
        error: ConnectError,
    ) {
        let code = match error {
            ConnectError::Failed => ErrorCode::CONNECTION_TIMEOUT_OR_FAILURE,
            ConnectError::QuotaReached => ErrorCode::ALLOCATION_QUOTA_REACHED,
        };
        self.statistics.count_error(code);
        self.answer_connect(allocation, transaction, user, Class::Error, |writer| {
            writer.error(code);
        });
    }

    fn answer_connect(
        &mut self,
        allocation: AllocationId,
        transaction: TransactionId,
        user: &Authenticated,
        class: Class,
        write: impl FnOnce(&mut MessageWriter<'_>),
    ) {
        if let Some(client) = self.allocation(allocation).map(|allocation| allocation.client) {
            self.answer_later(&client, Method::CONNECT, transaction, user, class, write);
        }
    }
}
