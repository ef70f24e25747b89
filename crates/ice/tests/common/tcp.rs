//! TCP between the machines of a world: as much of it as shows when connections come and go.

use super::*;

const SYN: &[u8] = b"SYN";
const SYN_ACK: &[u8] = b"SYN-ACK";
const RST: &[u8] = b"RST";
const FIN: &[u8] = b"FIN";

/// One end of a connection.
#[derive(Debug, Clone, Copy)]
pub struct TcpEnd {
    pub own: SocketAddr,
    pub remote: SocketAddr,
    pub is_open: bool,
}

impl Peer {
    pub fn opened_connections(&self) -> usize {
        self.events.iter().filter(|(_, event)| matches!(event, Event::OpenTcp { .. })).count()
    }
}

impl World {
    pub(super) fn open_tcp(
        &mut self,
        index: usize,
        connection: TcpConnectionId,
        local: SocketAddr,
        remote: SocketAddr,
    ) {
        let peer = &mut self.peers[index];
        peer.next_port += 1;
        let port = if local.port() == 0 { peer.next_port } else { local.port() };
        let own = SocketAddr::new(local.ip(), port);
        peer.tcp_ends.insert(connection, TcpEnd { own, remote, is_open: false });
        self.send_segment(index, own, remote, SYN);
    }

    pub(super) fn close_tcp(&mut self, index: usize, connection: TcpConnectionId) {
        if let Some(end) = self.peers[index].tcp_ends.remove(&connection) {
            self.send_segment(index, end.own, end.remote, FIN);
        }
    }

    /// A router on the way ends all connections of this machine.
    pub fn reset_connections(&mut self, index: usize) {
        let now = self.now;
        for (connection, end) in std::mem::take(&mut self.peers[index].tcp_ends) {
            self.send_segment(index, end.own, end.remote, RST);
            self.peers[index].agent.tcp_closed(now, connection);
        }
        self.drain(index);
    }

    fn send_segment(&mut self, from: usize, source: SocketAddr, destination: SocketAddr, segment: &[u8]) {
        let transport = Transport::Tcp;
        self.send_from(from, Packet { transport, source, destination, bytes: segment.to_vec() });
    }

    /// Takes a segment at a machine. Says whether there is data in it for the agent.
    pub(super) fn take_segment(&mut self, to: usize, packet: &Packet) -> bool {
        let Packet { source, destination, bytes, .. } = packet;
        let (now, peer) = (self.now, &mut self.peers[to]);
        let is_its = |end: &TcpEnd| end.own == *destination && end.remote == *source;
        let known = peer.tcp_ends.iter().find(|(_, end)| is_its(end));
        let known = known.map(|(connection, end)| (*connection, end.is_open));
        let is_listening = peer.tcp_listens.contains(destination);
        match (bytes.as_slice(), known) {
            (SYN, None) if is_listening => self.send_segment(to, *destination, *source, SYN_ACK),
            // Both open it at once (RFC 9293 §3.5).
            (SYN, Some((connection, false))) => {
                self.opened(to, connection);
                self.send_segment(to, *destination, *source, SYN_ACK);
            }
            (SYN_ACK, Some((connection, false))) => self.opened(to, connection),
            (SYN_ACK, _) => {}
            (RST | FIN, Some((connection, _))) => {
                peer.tcp_ends.remove(&connection);
                peer.agent.tcp_closed(now, connection);
                self.drain(to);
            }
            (RST | FIN, None) => {}
            (SYN, _) => self.send_segment(to, *destination, *source, RST),
            (_, Some((_, true))) => return true,
            (_, None) if is_listening => {
                if let Some(connection) = peer.agent.tcp_accepted(now, *destination, *source) {
                    let end = TcpEnd { own: *destination, remote: *source, is_open: true };
                    peer.tcp_ends.insert(connection, end);
                    return true;
                }
                self.send_segment(to, *destination, *source, RST);
            }
            (_, _) => self.send_segment(to, *destination, *source, RST),
        }
        false
    }

    fn opened(&mut self, index: usize, connection: TcpConnectionId) {
        let (now, peer) = (self.now, &mut self.peers[index]);
        if let Some(end) = peer.tcp_ends.get_mut(&connection) {
            end.is_open = true;
            let own = end.own;
            peer.agent.tcp_opened(now, connection, own);
            self.drain(index);
        }
    }
}
