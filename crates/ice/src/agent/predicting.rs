//! Candidates at ports that a NAT gives to destinations, where it numbers them one after the other (RFC 5128 §3.4).
//!
//! Such a NAT is seen by a server's second port. What each candidate of the other side's sees this one as is then known as soon as it
//! has been sent to, and told: the other side's check to there is let in. Where both sides have such a NAT, either one's check
//! moves its own port on; so the controlling side tells the ports of the next destinations beforehand, the other one sends to all of
//! them, and what it tells of that meets the ports of before.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use peerline_sdp::CandidateType;

use super::Agent;
use crate::Role;
use crate::locals::{Base, is_private};
use crate::port_sequence::PortSequence;
use crate::session::RemoteCandidate;

/// How many predicted candidates are told in one generation.
const TOLD_MAX: usize = 16;
/// How many ports are told of destinations that are still to come.
const FORESEEN: u16 = 5;
/// They are told when nothing has been sent to a new destination for so long.
const CALM: Duration = Duration::from_millis(150);

#[derive(Debug, Default)]
pub(super) struct Prediction {
    pub sequence: PortSequence,
    /// From where and to where it has been said what port that has.
    answered: Vec<(SocketAddr, SocketAddr)>,
    told: usize,
    /// Whether ports of coming destinations were told.
    has_foreseen: bool,
}

impl Prediction {
    /// A new generation is told everything anew.
    pub fn restart(&mut self) {
        self.answered.clear();
        self.told = 0;
        self.has_foreseen = false;
    }
}

impl Agent {
    /// Tells what ports the other side's candidates see, where that can be known, until there is a direct pair.
    pub(super) fn predict_ports(&mut self, now: Instant) {
        if self.closed || self.current.has_direct_pair() {
            self.prediction.sequence.clear();
            return;
        }
        let bases: Vec<_> = self.sockets().collect();
        for local in bases {
            for (remote, is_further) in self.predictable(local) {
                let mut predicted = self.prediction.sequence.predict(local, remote);
                if is_further {
                    // There are many, and most lead nowhere: of each only the likeliest.
                    predicted.truncate(1);
                }
                if !predicted.is_empty() {
                    self.prediction.answered.push((local, remote));
                    self.tell_predicted(local, predicted);
                }
            }
            if self.foresees_at(local).is_some_and(|at| at <= now) {
                self.prediction.has_foreseen = true;
                let foreseen = self.prediction.sequence.foresee(now, local, FORESEEN);
                self.tell_predicted(local, foreseen);
            }
        }
    }

    /// When ports of coming destinations are told: the other side's NAT is of the same kind, and everything else has been sent.
    fn foresees_at(&self, local: SocketAddr) -> Option<Instant> {
        let is_wanted = !self.prediction.has_foreseen
            && self.role == Role::Controlling
            && self.prediction.answered.iter().any(|(other, _)| *other == local)
            && self.current.remotes.iter().any(|remote| self.is_further(remote));
        let last = self.prediction.sequence.last(local.ip()).filter(|_| is_wanted)?;
        Some(last + CALM)
    }

    pub(super) fn next_prediction(&self) -> Option<Instant> {
        if self.current.has_direct_pair() {
            return None;
        }
        self.sockets().filter_map(|local| self.foresees_at(local)).min()
    }

    /// The sockets of this side from which datagrams go to the other one.
    fn sockets(&self) -> impl Iterator<Item = SocketAddr> {
        let is_used = |base: &&Base| base.is_socket() && base.is_paired;
        self.locals.bases.iter().filter(is_used).map(|base| base.address)
    }

    /// The other side's addresses outside for which it is of use to know what they see, and whether they are further ports.
    fn predictable(&self, local: SocketAddr) -> Vec<(SocketAddr, bool)> {
        let controlled = self.role == Role::Controlled;
        let useful = |remote: &RemoteCandidate| {
            let is_further = self.is_further(remote);
            let is_outside = remote.address.is_ipv4() && !is_private(remote.address.ip());
            let is_told =
                matches!(remote.candidate.kind, CandidateType::Host | CandidateType::ServerReflexive);
            let is_useful = is_outside
                && remote.candidate.transport == peerline_sdp::Transport::Udp
                && is_told
                && (controlled || !is_further)
                && !self.prediction.answered.contains(&(local, remote.address));
            is_useful.then_some((remote.address, is_further))
        };
        self.current.remotes.iter().filter_map(useful).collect()
    }

    /// Whether it is another port of an address that was told before: there, too, each destination sees another one.
    fn is_further(&self, remote: &RemoteCandidate) -> bool {
        let (is_reflexive, ip) = (CandidateType::ServerReflexive, remote.address.ip());
        let first = self.current.remotes.iter().find(|other| {
            other.candidate.kind == is_reflexive
                && other.address.ip() == ip
                && other.candidate.related == remote.candidate.related
        });
        remote.candidate.kind == is_reflexive && first.is_some_and(|first| first.address != remote.address)
    }

    fn tell_predicted(&mut self, local: SocketAddr, predicted: Vec<SocketAddr>) {
        for mapped in predicted {
            if self.prediction.told >= TOLD_MAX {
                return;
            }
            let rank = u16::try_from(self.prediction.told).unwrap_or(u16::MAX);
            let Some(id) = self.locals.add_predicted(local, mapped, rank) else { continue };
            self.prediction.told += 1;
            self.tell(id);
        }
    }
}
