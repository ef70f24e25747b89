//! Whose a datagram is, where many peers share a socket.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use foldhash::fast::RandomState;
use peerline_stun::attribute::USERNAME;
use peerline_stun::{Class, Message};

/// Names a peer within its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PeerId(pub(crate) u64);

type TransactionId = [u8; 12];

/// How many requests are remembered that await an answer: the oldest is forgotten first.
const TRANSACTIONS: usize = 16_384;

/// What tells peers apart: where datagrams come from, and what STUN says (RFC 8445 §7.3).
#[derive(Debug, Default)]
pub(super) struct Directory {
    remotes: HashMap<(SocketAddr, SocketAddr), Owner, RandomState>,
    ufrags: HashMap<Box<str>, PeerId, RandomState>,
    transactions: HashMap<TransactionId, PeerId, RandomState>,
    /// In the order in which they were sent.
    sent: VecDeque<TransactionId>,
}

#[derive(Debug, Clone, Copy)]
struct Owner {
    peer: PeerId,
    /// It has answered from there: nobody else takes the address over by a forged source.
    proved: bool,
}

impl Directory {
    /// Whose a datagram is that came from `remote` to the socket `local`.
    pub(super) fn owner(&self, local: SocketAddr, remote: SocketAddr, datagram: &[u8]) -> Option<PeerId> {
        // RFC 7983 §7: a first byte from 0 to 3 is STUN, which names its connection itself.
        if datagram.first().is_some_and(|first| *first < 4)
            && let Some(peer) = self.stun_owner(datagram)
        {
            return Some(peer);
        }
        self.remotes.get(&(local, remote)).map(|owner| owner.peer)
    }

    /// Whose a STUN message is, by what it says. Whether it says so rightly, its owner knows.
    pub(super) fn stun_owner(&self, datagram: &[u8]) -> Option<PeerId> {
        let message = Message::parse(datagram).ok()?;
        match message.class() {
            // RFC 8445 §7.2.2: the receiver's fragment, a colon, the sender's.
            Class::Request | Class::Indication => {
                let username = std::str::from_utf8(message.attribute(USERNAME)?).ok()?;
                let (ufrag, _) = username.split_once(':')?;
                self.ufrags.get(ufrag).copied()
            }
            Class::Success | Class::Error => {
                self.transactions.get(datagram.get(8..20)?.first_chunk::<12>()?).copied()
            }
        }
    }

    /// Remembers that a request of this peer's is on its way, if that is what `datagram` is.
    pub(super) fn note_sent(&mut self, peer: PeerId, datagram: &[u8]) {
        // The class has its bits apart (RFC 8489 §5); of a request both are 0.
        if let [0..=3, second, _, _, 0x21, 0x12, 0xA4, 0x42, transaction @ ..] = datagram
            && datagram.first().is_some_and(|first| first & 1 == 0)
            && second & 0x10 == 0
            && let Some(transaction) = transaction.first_chunk::<12>()
            && self.transactions.insert(*transaction, peer).is_none()
        {
            self.sent.push_back(*transaction);
            if self.sent.len() > TRANSACTIONS
                && let Some(oldest) = self.sent.pop_front()
            {
                self.transactions.remove(&oldest);
            }
        }
    }

    /// Datagrams from `remote` to `local` are this peer's. Of two that share both, as two connections between the same two
    /// endpoints do, the one that proved it last has them.
    pub(super) fn add_remote(&mut self, peer: PeerId, local: SocketAddr, remote: SocketAddr, proved: bool) {
        let owner = self.remotes.entry((local, remote)).or_insert(Owner { peer, proved });
        if proved || !owner.proved {
            *owner = Owner { peer, proved };
        }
    }

    /// Checks with this user name fragment are this peer's.
    pub(super) fn add_ufrag(&mut self, peer: PeerId, ufrag: &str) {
        if self.ufrags.get(ufrag) != Some(&peer) {
            self.ufrags.insert(ufrag.into(), peer);
        }
    }

    /// The socket is gone.
    pub(super) fn remove_local(&mut self, local: SocketAddr) {
        self.remotes.retain(|(socket, _), _| *socket != local);
    }

    /// The peer is gone.
    pub(super) fn remove(&mut self, peer: PeerId) {
        self.remotes.retain(|_, owner| owner.peer != peer);
        self.ufrags.retain(|_, owner| *owner != peer);
        let transactions = &mut self.transactions;
        transactions.retain(|_, owner| *owner != peer);
        self.sent.retain(|transaction| transactions.contains_key(transaction));
    }
}
