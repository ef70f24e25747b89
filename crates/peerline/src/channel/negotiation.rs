//! Perfect negotiation with numbers (W3C webrtc-pc §10.7; `docs/signaling.md` §9): offers and answers of one peer
//! connection, and the candidates that belong to them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use peerline_signaling::client::content::{CandidateInit, Content, DescriptionType, SessionDescription};

use crate::{Description, Error, IceCandidate, PeerConnection, SdpType, SignalingState};

/// How long a description waits for the first candidates, which then needn't travel one by one.
const GATHERING: Duration = Duration::from_millis(20);
/// After how long an offer without an answer is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);
/// Candidates that may wait for their description.
const EARLY_CANDIDATES: usize = 128;

/// What a negotiation needs of the peer connection.
pub(super) trait Negotiable {
    fn signaling_state(&self) -> SignalingState;
    fn local_description(&self) -> Option<Description>;
    fn remote_description(&self) -> Option<Description>;
    fn current_remote_description(&self) -> Option<Description>;
    fn set_local_description(&self) -> Result<(), Error>;
    fn set_remote_description(&self, description: Description) -> Result<(), Error>;
    fn add_ice_candidate(&self, candidate: &IceCandidate) -> Result<(), Error>;
}

impl Negotiable for PeerConnection {
    fn signaling_state(&self) -> SignalingState {
        Self::signaling_state(self)
    }

    fn local_description(&self) -> Option<Description> {
        Self::local_description(self)
    }

    fn remote_description(&self) -> Option<Description> {
        Self::remote_description(self)
    }

    fn current_remote_description(&self) -> Option<Description> {
        Self::current_remote_description(self)
    }

    fn set_local_description(&self) -> Result<(), Error> {
        Self::set_local_description(self, None)
    }

    fn set_remote_description(&self, description: Description) -> Result<(), Error> {
        Self::set_remote_description(self, description)
    }

    fn add_ice_candidate(&self, candidate: &IceCandidate) -> Result<(), Error> {
        Self::add_ice_candidate(self, candidate)
    }
}

/// What became of a description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Taken, or stale and dropped.
    Done,
    /// Only a new peer connection can take it.
    StartOver,
}

pub(super) struct Negotiation<C> {
    connection: C,
    /// Whether this side yields when two offers collide.
    polite: bool,
    /// The highest negotiation number that this pair has used; numbers go on when a connection is replaced.
    newest: u64,
    /// Whether the newest number is that of an offer of ours.
    ours: bool,
    /// Candidates of the other side that wait for their description.
    early: Vec<(u64, Option<CandidateInit>)>,
    /// A description of ours waits for its first candidates until then.
    describe_at: Option<Instant>,
    /// Whether there are no more candidates of ours, noticed while the description waited.
    candidates_ended: bool,
    resend_at: Option<Instant>,
    outgoing: VecDeque<Content>,
}

impl<C: Negotiable> Negotiation<C> {
    pub(super) fn new(connection: C, polite: bool, newest: u64) -> Self {
        Self {
            connection,
            polite,
            newest,
            ours: false,
            early: Vec::new(),
            describe_at: None,
            candidates_ended: false,
            resend_at: None,
            outgoing: VecDeque::new(),
        }
    }

    /// The highest negotiation number so far.
    pub(super) const fn newest(&self) -> u64 {
        self.newest
    }

    /// Makes the first offer, unless the other side was quicker.
    pub(super) fn offer_first(&mut self, now: Instant) {
        if self.connection.remote_description().is_none() {
            self.offer(now);
        }
    }

    /// Makes an offer; for `negotiationneeded`.
    pub(super) fn offer(&mut self, now: Instant) {
        // Otherwise `negotiationneeded` comes again when the state is stable.
        if self.connection.signaling_state() == SignalingState::Stable {
            // An answer that waits for its candidates goes first, or it would never be sent.
            self.describe_now(now);
            self.newest += 1;
            self.ours = true;
            self.describe(now);
        }
    }

    /// Sends the pending offer again, if there is one: the other side may not have it.
    pub(super) fn resend(&mut self, now: Instant) {
        if self.connection.signaling_state() == SignalingState::HaveLocalOffer && self.describe_at.is_none() {
            self.send_description();
            self.resend_at = Some(now + ANSWER_TIMEOUT);
        }
    }

    /// Takes a description from the other side.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        negotiation: u64,
        description: &SessionDescription,
    ) -> Outcome {
        if negotiation < self.newest {
            return Outcome::Done;
        }
        // One of ours that waits goes first: what follows may change it.
        self.describe_now(now);
        match description.kind {
            DescriptionType::Offer => self.receive_offer(now, negotiation, &description.sdp),
            DescriptionType::Answer => self.receive_answer(negotiation, &description.sdp),
        }
    }

    /// Takes a candidate from the other side.
    pub(super) fn receive_candidate(&mut self, negotiation: u64, candidate: Option<CandidateInit>) {
        if negotiation < self.newest {
            return;
        }
        let awaited = self.ours && self.connection.signaling_state() == SignalingState::HaveLocalOffer;
        if negotiation > self.newest || awaited || self.connection.remote_description().is_none() {
            if self.early.len() < EARLY_CANDIDATES {
                self.early.push((negotiation, candidate));
            }
        } else {
            self.add_candidate(candidate);
        }
    }

    /// Sends a local candidate, after the description that it belongs to; `None` at the end.
    pub(super) fn send_candidate(&mut self, candidate: Option<CandidateInit>) {
        if self.describe_at.is_none() {
            self.outgoing.push_back(Content::Candidate { negotiation: self.newest, candidate });
        } else if candidate.is_none() {
            self.candidates_ended = true;
        }
        // What is gathered while the description waits stands in the description itself.
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.describe_at.is_some_and(|at| at <= now) {
            self.describe_now(now);
        }
        if self.resend_at.is_some_and(|at| at <= now) {
            self.resend_at = None;
            self.resend(now);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.describe_at, self.resend_at].into_iter().flatten().min()
    }

    /// What is to be sent to the other side, sealed.
    pub(super) fn poll_outgoing(&mut self) -> Option<Content> {
        self.outgoing.pop_front()
    }

    fn receive_offer(&mut self, now: Instant, negotiation: u64, sdp: &str) -> Outcome {
        let collides = self.connection.signaling_state() == SignalingState::HaveLocalOffer;
        if collides && !self.polite {
            self.insist(negotiation);
            return Outcome::Done;
        }
        // The offer that lost a collision, arriving after the answer to the one that won.
        if !collides && self.ours && negotiation == self.newest {
            return Outcome::Done;
        }
        if self.has_new_fingerprint(sdp) {
            return Outcome::StartOver;
        }
        // Offered again because the answer didn't come in time: the first one may be on its way, and of the second one nothing is taken then.
        // So candidates go on travelling one by one.
        let is_again = !collides && !self.ours && negotiation == self.newest;
        self.resend_at = None;
        self.newest = negotiation;
        self.ours = false;
        // What the other side wrote may be nonsense; it will not get an answer.
        if self.connection.set_remote_description(Description::offer(sdp)).is_ok() {
            self.add_early_candidates();
            if !is_again {
                self.describe(now);
            } else if self.connection.set_local_description().is_ok() {
                self.send_description();
            }
        }
        Outcome::Done
    }

    /// The other side must not take our pending offer for a stale one: it goes on under the higher number.
    fn insist(&mut self, negotiation: u64) {
        if negotiation > self.newest {
            self.newest = negotiation;
            self.send_description();
        }
    }

    fn receive_answer(&mut self, negotiation: u64, sdp: &str) -> Outcome {
        let awaited = self.ours && self.connection.signaling_state() == SignalingState::HaveLocalOffer;
        if !awaited || negotiation != self.newest {
            return Outcome::Done;
        }
        if self.has_new_fingerprint(sdp) {
            return Outcome::StartOver;
        }
        self.resend_at = None;
        if self.connection.set_remote_description(Description::answer(sdp)).is_ok() {
            self.add_early_candidates();
        }
        Outcome::Done
    }

    /// The other side replaced its connection: DTLS cannot go on with another certificate.
    fn has_new_fingerprint(&self, sdp: &str) -> bool {
        let known = self.connection.current_remote_description();
        let known = known.as_ref().and_then(|description| fingerprint(&description.sdp));
        known.is_some() && known != fingerprint(sdp)
    }

    fn describe(&mut self, now: Instant) {
        if self.connection.set_local_description().is_ok() {
            self.describe_at = Some(now + GATHERING);
            self.candidates_ended = false;
        }
    }

    fn describe_now(&mut self, now: Instant) {
        if self.describe_at.take().is_none() {
            return;
        }
        self.send_description();
        if std::mem::take(&mut self.candidates_ended) {
            self.send_candidate(None);
        }
        let is_offer = self.connection.signaling_state() == SignalingState::HaveLocalOffer;
        self.resend_at = is_offer.then(|| now + ANSWER_TIMEOUT);
    }

    fn send_description(&mut self) {
        let Some(Description { kind, sdp }) = self.connection.local_description() else { return };
        let kind = match kind {
            SdpType::Offer => DescriptionType::Offer,
            SdpType::Answer => DescriptionType::Answer,
            SdpType::Pranswer | SdpType::Rollback => return,
        };
        let description = SessionDescription { kind, sdp };
        self.outgoing.push_back(Content::Description { negotiation: self.newest, description });
    }

    fn add_early_candidates(&mut self) {
        let newest = self.newest;
        let (now, later) =
            std::mem::take(&mut self.early).into_iter().partition(|(negotiation, _)| *negotiation <= newest);
        self.early = later;
        for (negotiation, candidate) in now {
            if negotiation == newest {
                self.add_candidate(candidate);
            }
        }
    }

    fn add_candidate(&self, candidate: Option<CandidateInit>) {
        let CandidateInit { candidate, sdp_mid, sdp_m_line_index, username_fragment } =
            candidate.unwrap_or_default();
        let candidate =
            IceCandidate { candidate, sdp_mid, sdp_mline_index: sdp_m_line_index, username_fragment };
        // It may belong to an offer that lost a collision, or be of a kind that we don't know: others remain.
        let _ = self.connection.add_ice_candidate(&candidate);
    }
}

fn fingerprint(sdp: &str) -> Option<String> {
    let line = sdp.lines().find_map(|line| line.strip_prefix("a=fingerprint:"))?;
    Some(line.trim_end().to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// As much of a peer connection as negotiation sees: descriptions that name their offerer's certificate.
    struct Fake {
        certificate: &'static str,
        state: RefCell<State>,
    }

    #[derive(Default)]
    struct State {
        signaling: SignalingState,
        pending_local: Option<Description>,
        current_local: Option<Description>,
        pending_remote: Option<Description>,
        current_remote: Option<Description>,
        candidates: Vec<String>,
        rollbacks: usize,
    }

    impl Fake {
        fn new(certificate: &'static str) -> Self {
            Self { certificate, state: RefCell::default() }
        }

        fn sdp(&self) -> String {
            format!("v=0\r\na=fingerprint:sha-256 {}\r\n", self.certificate)
        }
    }

    impl Negotiable for &Fake {
        fn signaling_state(&self) -> SignalingState {
            self.state.borrow().signaling
        }

        fn local_description(&self) -> Option<Description> {
            let state = self.state.borrow();
            state.pending_local.clone().or_else(|| state.current_local.clone())
        }

        fn remote_description(&self) -> Option<Description> {
            let state = self.state.borrow();
            state.pending_remote.clone().or_else(|| state.current_remote.clone())
        }

        fn current_remote_description(&self) -> Option<Description> {
            self.state.borrow().current_remote.clone()
        }

        fn set_local_description(&self) -> Result<(), Error> {
            let mut state = self.state.borrow_mut();
            match state.signaling {
                SignalingState::Stable => {
                    state.pending_local = Some(Description::offer(self.sdp()));
                    state.signaling = SignalingState::HaveLocalOffer;
                }
                SignalingState::HaveRemoteOffer => {
                    state.current_remote = state.pending_remote.take();
                    state.current_local = Some(Description::answer(self.sdp()));
                    state.signaling = SignalingState::Stable;
                }
                _ => return Err(Error::InvalidState("not now")),
            }
            Ok(())
        }

        fn set_remote_description(&self, description: Description) -> Result<(), Error> {
            let mut state = self.state.borrow_mut();
            match (description.kind, state.signaling) {
                (SdpType::Offer, SignalingState::HaveLocalOffer) => {
                    state.pending_local = None;
                    state.rollbacks += 1;
                    state.pending_remote = Some(description);
                    state.signaling = SignalingState::HaveRemoteOffer;
                }
                (SdpType::Offer, SignalingState::Stable) => {
                    state.pending_remote = Some(description);
                    state.signaling = SignalingState::HaveRemoteOffer;
                }
                (SdpType::Answer, SignalingState::HaveLocalOffer) => {
                    state.current_local = state.pending_local.take();
                    state.current_remote = Some(description);
                    state.signaling = SignalingState::Stable;
                }
                _ => return Err(Error::InvalidState("not now")),
            }
            Ok(())
        }

        fn add_ice_candidate(&self, candidate: &IceCandidate) -> Result<(), Error> {
            self.state.borrow_mut().candidates.push(candidate.candidate.clone());
            Ok(())
        }
    }

    fn outgoing(negotiation: &mut Negotiation<&Fake>) -> Vec<Content> {
        std::iter::from_fn(|| negotiation.poll_outgoing()).collect()
    }

    fn hand_over(now: Instant, from: &mut Negotiation<&Fake>, to: &mut Negotiation<&Fake>) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for content in outgoing(from) {
            match content {
                Content::Description { negotiation, description } => {
                    outcomes.push(to.receive(now, negotiation, &description));
                }
                Content::Candidate { negotiation, candidate } => to.receive_candidate(negotiation, candidate),
                _ => {}
            }
        }
        outcomes
    }

    fn candidate(name: &str) -> Option<CandidateInit> {
        Some(CandidateInit { candidate: name.to_owned(), ..CandidateInit::default() })
    }

    #[test]
    fn an_offer_waits_for_its_first_candidates_and_is_answered() {
        let start = Instant::now();
        let (ada, grace) = (Fake::new("AA"), Fake::new("BB"));
        let (mut one, mut two) = (Negotiation::new(&ada, true, 0), Negotiation::new(&grace, false, 0));
        one.offer_first(start);
        one.send_candidate(candidate("early"));
        assert_eq!(outgoing(&mut one), []);
        one.handle_timeout(start + GATHERING);
        one.send_candidate(candidate("late"));
        let sent = outgoing(&mut one);
        assert!(matches!(
            sent[..],
            [Content::Description { negotiation: 1, .. }, Content::Candidate { negotiation: 1, .. }]
        ));
        one.outgoing.extend(sent);
        hand_over(start, &mut one, &mut two);
        assert_eq!(grace.state.borrow().candidates, ["late"]);
        two.handle_timeout(start + GATHERING * 2);
        hand_over(start, &mut two, &mut one);
        assert_eq!((&ada).signaling_state(), SignalingState::Stable);
        assert_eq!((one.poll_timeout(), two.poll_timeout()), (None, None));
    }

    #[test]
    fn an_answer_goes_out_before_an_offer_that_follows_it() {
        let start = Instant::now();
        let (ada, grace) = (Fake::new("AA"), Fake::new("BB"));
        let (mut one, mut two) = (Negotiation::new(&ada, true, 0), Negotiation::new(&grace, false, 0));
        one.offer(start);
        one.handle_timeout(start + GATHERING);
        hand_over(start, &mut one, &mut two);
        two.offer(start);
        two.handle_timeout(start + GATHERING);
        hand_over(start, &mut two, &mut one);
        assert_eq!(ada.state.borrow().rollbacks, 0);
        one.handle_timeout(start + GATHERING * 2);
        hand_over(start, &mut one, &mut two);
        assert_eq!((one.newest(), two.newest()), (2, 2));
        for side in [&ada, &grace] {
            assert_eq!(side.signaling_state(), SignalingState::Stable);
        }
    }

    #[test]
    fn when_offers_collide_the_polite_side_yields() {
        let start = Instant::now();
        let (ada, grace) = (Fake::new("AA"), Fake::new("BB"));
        let (mut polite, mut impolite) =
            (Negotiation::new(&ada, true, 4), Negotiation::new(&grace, false, 2));
        for side in [&mut polite, &mut impolite] {
            side.offer(start);
            side.handle_timeout(start + GATHERING);
        }
        // Number 5 from the polite side, 3 from the other, which goes on under the higher one.
        let stale = outgoing(&mut impolite);
        assert!(matches!(stale[..], [Content::Description { negotiation: 3, .. }]));
        impolite.outgoing.extend(stale);
        assert_eq!(hand_over(start, &mut impolite, &mut polite), [Outcome::Done]);
        assert_eq!(ada.state.borrow().rollbacks, 0, "3 is stale");
        hand_over(start, &mut polite, &mut impolite);
        hand_over(start, &mut impolite, &mut polite);
        assert_eq!(ada.state.borrow().rollbacks, 1);
        polite.handle_timeout(start + GATHERING * 3);
        hand_over(start, &mut polite, &mut impolite);
        assert_eq!((&ada).signaling_state(), SignalingState::Stable);
        assert_eq!((&grace).signaling_state(), SignalingState::Stable);
        assert_eq!((polite.newest(), impolite.newest()), (5, 5));
    }

    #[test]
    fn an_offer_without_an_answer_is_sent_again() {
        let start = Instant::now();
        let ada = Fake::new("AA");
        let mut one = Negotiation::new(&ada, true, 0);
        one.offer(start);
        one.handle_timeout(start + GATHERING);
        assert_eq!(outgoing(&mut one).len(), 1);
        one.handle_timeout(start + GATHERING + ANSWER_TIMEOUT);
        assert!(matches!(outgoing(&mut one)[..], [Content::Description { negotiation: 1, .. }]));
        assert!(one.poll_timeout().is_some());
    }

    #[test]
    fn no_candidate_is_lost_where_an_offer_that_came_twice_is_answered_twice() {
        let now = Instant::now();
        let (one, two) = (Fake::new("one"), Fake::new("two"));
        let (mut ada, mut bob) = (Negotiation::new(&one, true, 0), Negotiation::new(&two, false, 0));
        ada.offer(now);
        ada.handle_timeout(now + GATHERING);
        ada.resend(now + GATHERING);
        hand_over(now, &mut ada, &mut bob);
        bob.send_candidate(candidate("found late"));
        hand_over(now, &mut bob, &mut ada);
        assert_eq!(one.state.borrow().candidates, ["found late"]);
    }

    #[test]
    fn stale_candidates_are_dropped_and_early_ones_wait() {
        let start = Instant::now();
        let (ada, grace) = (Fake::new("AA"), Fake::new("BB"));
        let (mut one, mut two) = (Negotiation::new(&ada, true, 0), Negotiation::new(&grace, false, 0));
        two.receive_candidate(1, candidate("early"));
        for _ in 0..1_000 {
            two.receive_candidate(9, candidate("flood"));
        }
        assert_eq!(two.early.len(), EARLY_CANDIDATES);
        one.offer(start);
        one.handle_timeout(start + GATHERING);
        hand_over(start, &mut one, &mut two);
        two.receive_candidate(0, candidate("stale"));
        assert_eq!(grace.state.borrow().candidates, ["early"]);
    }

    #[test]
    fn a_new_certificate_needs_a_new_connection() {
        let start = Instant::now();
        let (ada, grace, again) = (Fake::new("AA"), Fake::new("BB"), Fake::new("CC"));
        let (mut one, mut two) = (Negotiation::new(&ada, true, 0), Negotiation::new(&grace, false, 0));
        one.offer(start);
        one.handle_timeout(start + GATHERING);
        hand_over(start, &mut one, &mut two);
        two.handle_timeout(start + GATHERING * 2);
        hand_over(start, &mut two, &mut one);
        let mut replaced = Negotiation::new(&again, true, one.newest());
        replaced.offer(start);
        replaced.handle_timeout(start + GATHERING);
        assert_eq!(hand_over(start, &mut replaced, &mut two), [Outcome::StartOver]);
    }
}
