//! The peers that a driver drives.

mod searching;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use foldhash::fast::RandomState;
use peerline_connection::{Connection, Datagram, Event, RelayId, TcpConnectionId, Transport};

use super::directory::{Directory, PeerId};
use super::socket::{Received, Socket};
use super::stream::Stream;
use crate::peer::{Delivery, Peer, State};
use searching::Searches;

#[derive(Default)]
pub(super) struct Peers {
    table: HashMap<PeerId, Driven, RandomState>,
    pub(super) directory: Directory,
    deadlines: BTreeSet<(Instant, PeerId)>,
    /// Who may have something to send or to say.
    touched: VecDeque<PeerId>,
    /// Who has UDP sockets of his own: few, and looked through with each turn.
    with_sockets: BTreeSet<PeerId>,
    searches: Searches,
}

/// A peer, and what the driver has for it alone.
pub(super) struct Driven {
    peer: Arc<Peer>,
    deadline: Option<Instant>,
    is_touched: bool,
    pub(super) relays: HashMap<RelayId, Relay>,
    /// TCP connections to the other side; `None`: it is being opened.
    pub(super) tcp: HashMap<TcpConnectionId, Option<Stream>>,
    /// Sockets that were opened for the many-ports search.
    searching: Vec<Socket>,
}

/// A way to a TURN server that is one allocation's.
pub(super) enum Relay {
    Socket(Socket),
    /// A connection that is being opened.
    Opening,
    Stream(Stream),
}

impl Driven {
    /// The UDP sockets that are this peer's alone.
    pub(super) fn sockets(&self) -> impl Iterator<Item = &Socket> {
        let of_relays = self.relays.values().filter_map(|relay| match relay {
            Relay::Socket(socket) => Some(socket),
            _ => None,
        });
        of_relays.chain(&self.searching)
    }
}

impl Peers {
    pub(super) fn add(&mut self, peer: Arc<Peer>) {
        let id = peer.id;
        let (relays, tcp, searching) = (HashMap::new(), HashMap::new(), Vec::new());
        self.table.insert(id, Driven { peer, deadline: None, is_touched: false, relays, tcp, searching });
        self.touch(id);
    }

    /// The peer's connection is closed: whatever it had is let go.
    pub(super) fn remove(&mut self, peer: PeerId) {
        self.schedule(peer, None);
        self.with_sockets.remove(&peer);
        if let Some(driven) = self.table.remove(&peer) {
            driven.peer.finish();
        }
        self.directory.remove(peer);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(super) fn ids(&self) -> Vec<PeerId> {
        self.table.keys().copied().collect()
    }

    pub(super) fn get(&self, peer: PeerId) -> Option<&Driven> {
        self.table.get(&peer)
    }

    pub(super) fn get_mut(&mut self, peer: PeerId) -> Option<&mut Driven> {
        self.table.get_mut(&peer)
    }

    /// A way to a TURN server that was asked for.
    pub(super) fn insert_relay(&mut self, peer: PeerId, id: RelayId, relay: Relay) {
        if let Some(driven) = self.table.get_mut(&peer) {
            driven.relays.insert(id, relay);
            self.note_sockets(peer);
        }
    }

    /// It isn't needed any more, or has ended by itself. `true`: there was one.
    pub(super) fn remove_relay(&mut self, peer: PeerId, id: RelayId) -> bool {
        let Some(driven) = self.table.get_mut(&peer) else {
            return false;
        };
        let removed = driven.relays.remove(&id).is_some();
        self.note_sockets(peer);
        removed
    }

    fn note_sockets(&mut self, peer: PeerId) {
        if self.table.get(&peer).is_some_and(|driven| driven.sockets().next().is_some()) {
            self.with_sockets.insert(peer);
        } else {
            self.with_sockets.remove(&peer);
        }
    }

    /// Calls into a peer's machine, and has it served afterwards.
    pub(super) fn call<R>(&mut self, peer: PeerId, call: impl FnOnce(&mut Connection) -> R) -> Option<R> {
        self.drive(peer, |state| call(&mut state.connection))
    }

    /// The same with what is known of the peer besides.
    pub(super) fn drive<R>(&mut self, peer: PeerId, drive: impl FnOnce(&mut State) -> R) -> Option<R> {
        let driven = self.table.get(&peer)?;
        let result = driven.peer.drive(drive);
        self.touch(peer);
        Some(result)
    }

    /// The application has called into a peer. Its user name fragments may be others now.
    pub(super) fn take_touch(&mut self, peer: PeerId) {
        if let Some(driven) = self.table.get(&peer) {
            driven.peer.seen();
            let directory = &mut self.directory;
            driven.peer.look(|connection| {
                connection.ice().ufrags().for_each(|ufrag| directory.add_ufrag(peer, ufrag));
            });
            self.touch(peer);
        }
    }

    /// Has a peer served.
    pub(super) fn touch(&mut self, peer: PeerId) {
        if let Some(driven) = self.table.get_mut(&peer)
            && !std::mem::replace(&mut driven.is_touched, true)
        {
            self.touched.push_back(peer);
        }
    }

    pub(super) fn any_touched(&self) -> bool {
        !self.touched.is_empty()
    }

    pub(super) fn count_touched(&self) -> usize {
        self.touched.len()
    }

    /// The next one to be served.
    pub(super) fn next_touched(&mut self) -> Option<(PeerId, Arc<Peer>)> {
        loop {
            let id = self.touched.pop_front()?;
            if let Some(driven) = self.table.get_mut(&id) {
                driven.is_touched = false;
                return Some((id, driven.peer.clone()));
            }
        }
    }

    /// When a peer's machine wants to be called.
    pub(super) fn schedule(&mut self, peer: PeerId, deadline: Option<Instant>) {
        if let Some(driven) = self.table.get_mut(&peer)
            && driven.deadline != deadline
        {
            if let Some(before) = driven.deadline {
                self.deadlines.remove(&(before, peer));
            }
            driven.deadline = deadline;
            self.deadlines.extend(deadline.map(|deadline| (deadline, peer)));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Somebody whose time has come.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<PeerId> {
        let (deadline, peer) = *self.deadlines.first()?;
        if deadline > now {
            return None;
        }
        self.schedule(peer, None);
        Some(peer)
    }

    /// A train came in at a socket that all share, from `remote` at `local`. Datagrams are `stride` bytes apart. What comes
    /// of it is delivered before the next train takes its place in the processor's cache.
    pub(super) fn hand_in(
        &mut self,
        now: Instant,
        (local, remote): (SocketAddr, SocketAddr),
        stride: usize,
        train: &mut [u8],
        deliveries: &mut Vec<Delivery>,
        requests: &mut Vec<(PeerId, Event)>,
    ) {
        let transport = Transport::Udp;
        // STUN says itself whose it is, and may be anybody's; all the rest of a train is one peer's.
        let has_stun = train.chunks(stride).any(|datagram| datagram.first().is_some_and(|first| *first < 4));
        let step = if has_stun { stride } else { train.len().max(1) };
        for part in train.chunks_mut(step) {
            let owner = self.directory.owner(local, remote, part);
            let Some((owner, driven)) = owner.and_then(|owner| Some((owner, self.table.get(&owner)?))) else {
                continue;
            };
            driven.peer.drive(|state| {
                for payload in part.chunks_mut(stride) {
                    state.connection.handle_input(now, Datagram { transport, local, remote, payload });
                }
                state.take_events(&driven.peer, deliveries, requests);
            });
            driven.peer.deliver(deliveries);
            self.touch(owner);
        }
    }

    /// Takes one batch from each socket of a peer's own that has something. `true`: there may be more.
    pub(super) fn receive_from_own_sockets(
        &mut self,
        now: Instant,
        context: &mut Context<'_>,
        received: &mut Received,
        deliveries: &mut Vec<Delivery>,
        requests: &mut Vec<(PeerId, Event)>,
    ) -> bool {
        let transport = Transport::Udp;
        let mut more = false;
        for id in &self.with_sockets {
            let Some(driven) = self.table.get_mut(id) else {
                continue;
            };
            let mut is_concerned = false;
            for socket in driven.sockets() {
                let Poll::Ready(Ok(count)) = socket.poll_receive(context, received) else {
                    continue;
                };
                let local = socket.local();
                // Only the server sends to a relay's, but anybody to one that was opened for a search.
                let is_for_all = driven.searching.iter().any(|search| search.local() == local);
                driven.peer.drive(|state| {
                    for (remote, stride, train) in received.trains(count) {
                        for payload in train.chunks_mut(stride) {
                            if is_for_all && self.directory.owner(local, remote, payload) != Some(*id) {
                                continue;
                            }
                            is_concerned = true;
                            state
                                .connection
                                .handle_input(now, Datagram { transport, local, remote, payload });
                        }
                    }
                    state.take_events(&driven.peer, deliveries, requests);
                });
                driven.peer.deliver(deliveries);
                more = true;
            }
            if is_concerned && !std::mem::replace(&mut driven.is_touched, true) {
                self.touched.push_back(*id);
            }
        }
        more
    }
}
