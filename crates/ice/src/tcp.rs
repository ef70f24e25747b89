//! TCP between the two sides (RFC 6544): the connections there are, and datagrams within them (RFC 4571).

use std::net::SocketAddr;

use crate::locals::BaseId;

/// Names a TCP connection to the other side, from when it is wanted; unique within its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TcpConnectionId(pub(crate) u32);

/// What goes before a datagram in a stream: its length (RFC 4571 §2). `None` for one that is too long.
pub fn tcp_frame_header(length: usize) -> Option<[u8; 2]> {
    u16::try_from(length).ok().map(u16::to_be_bytes)
}

/// The first datagram in the bytes of a stream, and where the next one begins; `None` as long as it isn't whole.
pub fn next_tcp_frame(stream: &[u8]) -> Option<(&[u8], usize)> {
    let (header, rest) = stream.split_first_chunk::<2>()?;
    let length = usize::from(u16::from_be_bytes(*header));
    Some((rest.get(..length)?, header.len() + length))
}

/// A connection, or the attempt at one.
#[derive(Debug)]
pub(crate) struct TcpConnection {
    pub id: TcpConnectionId,
    /// Its candidate on this side.
    pub base: BaseId,
    pub remote: SocketAddr,
    /// This side's end. `None` as long as it is being opened.
    pub local: Option<SocketAddr>,
    /// The other side opened it.
    is_accepted: bool,
    /// The other side opened it and hasn't said yet who it is.
    pub is_unproved: bool,
    /// A check or an answer of somebody who knows the password has come over it.
    pub is_authentic: bool,
}

/// All connections of an agent. A pair has one at most: it is between a base and a remote address, as the pair is.
#[derive(Debug, Default)]
pub(crate) struct TcpConnections {
    connections: Vec<TcpConnection>,
    next: u32,
}

impl TcpConnections {
    /// Adds one that is being opened, or with `local` one that was accepted; unless there are `limit` of that
    /// kind: who connects doesn't take the place of what this side opens, nor the other way round.
    pub fn add(
        &mut self,
        base: BaseId,
        remote: SocketAddr,
        local: Option<SocketAddr>,
        limit: usize,
    ) -> Option<TcpConnectionId> {
        let is_accepted = local.is_some();
        let of_kind = self.connections.iter().filter(|connection| connection.is_accepted == is_accepted);
        if of_kind.count() >= limit {
            return None;
        }
        self.next += 1;
        let id = TcpConnectionId(self.next);
        self.connections.push(TcpConnection {
            id,
            base,
            remote,
            local,
            is_accepted,
            is_unproved: is_accepted,
            is_authentic: false,
        });
        Some(id)
    }

    /// Whether the one between these addresses is to somebody who knows the password.
    pub fn is_authentic(&self, local: SocketAddr, remote: SocketAddr) -> bool {
        let is_it =
            |connection: &TcpConnection| connection.local == Some(local) && connection.remote == remote;
        self.connections.iter().any(|connection| connection.is_authentic && is_it(connection))
    }

    /// A check or an answer of somebody who knows the password has come over that of the pair of these two.
    pub fn authenticate(&mut self, base: BaseId, remote: SocketAddr) {
        let is_its = |connection: &&mut TcpConnection| connection.base == base && connection.remote == remote;
        if let Some(connection) = self.connections.iter_mut().find(is_its) {
            connection.is_authentic = true;
        }
    }

    /// That of the pair of these two.
    pub fn of_pair(&self, base: BaseId, remote: SocketAddr) -> Option<&TcpConnection> {
        self.connections.iter().find(|connection| connection.base == base && connection.remote == remote)
    }

    /// The one that stands between these addresses.
    pub fn between(&mut self, local: SocketAddr, remote: SocketAddr) -> Option<&mut TcpConnection> {
        let is_it =
            |connection: &&mut TcpConnection| connection.local == Some(local) && connection.remote == remote;
        self.connections.iter_mut().find(is_it)
    }

    pub fn get_mut(&mut self, id: TcpConnectionId) -> Option<&mut TcpConnection> {
        self.connections.iter_mut().find(|connection| connection.id == id)
    }

    pub fn remove(&mut self, id: TcpConnectionId) -> Option<TcpConnection> {
        let position = self.connections.iter().position(|connection| connection.id == id)?;
        Some(self.connections.remove(position))
    }

    /// Takes those out that are of no use.
    pub fn extract(&mut self, is_useless: impl Fn(&TcpConnection) -> bool) -> Vec<TcpConnectionId> {
        let useless = self.connections.extract_if(.., |connection| is_useless(connection));
        useless.map(|connection| connection.id).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_in_a_stream_has_its_length_before_it_rfc_4571_2() {
        let stream = [0, 3, 7, 8, 9, 0, 0, 1, 0];
        assert_eq!(next_tcp_frame(&stream), Some((&[7, 8, 9][..], 5)));
        assert_eq!(next_tcp_frame(&stream[5..]), Some((&[][..], 2)));
        for incomplete in [&stream[..0], &stream[..1], &stream[..4], &stream[7..]] {
            assert_eq!(next_tcp_frame(incomplete), None, "{incomplete:?}");
        }
        assert_eq!(tcp_frame_header(0x102), Some([1, 2]));
        assert_eq!(tcp_frame_header(0x1_0000), None);
    }
}
