//! Candidates that come one by one (RFC 8838, RFC 8840; webrtc-pc §4.4.1.7).

use std::sync::Arc;

use peerline_ice::Credentials;
use peerline_sdp::{Candidate, IceUfrag, MediaDescription, SessionDescription, flag};

use super::remote::{RemoteTransport, bundle_of};
use super::session::{CLOSED, Session, credentials};
use super::{IceCandidate, section};
use crate::{Error, SignalingState};

/// The most candidates that a description is let grow by.
const MAX_CANDIDATES: usize = 256;

impl Session {
    /// A candidate of ours is known: it becomes part of the description, and is told to the peer if that description
    /// has been set.
    pub fn add_local_candidate(&mut self, candidate: Candidate) -> Option<IceCandidate> {
        let ufrag = candidate.ufrag().map(str::to_owned);
        self.candidates.reserve_exact(1);
        self.candidates.push(candidate.clone());
        let told = self.amend_local(ufrag.as_deref(), |media| section::add_candidate(media, &candidate));
        told.map(|told| IceCandidate { candidate: candidate.to_string(), ..told })
    }

    /// All candidates of ours of this generation are known.
    pub fn end_local_candidates(&mut self, ufrag: &str) -> Option<IceCandidate> {
        self.complete_ufrag = Some(ufrag.to_owned());
        self.amend_local(Some(ufrag), section::end_candidates)
    }

    /// What became known between making our latest description and setting it: the peer is to be told of it as well.
    pub fn untold_candidates(&mut self) -> Vec<IceCandidate> {
        let Some((index, _, Credentials { ufrag, .. })) = self.local_section() else { return Vec::new() };
        let media = self.local.latest().and_then(|applied| applied.description.media.get(index));
        let (described, is_complete): (Vec<Candidate>, bool) = media
            .map(|media| (media.all().collect(), media.has(flag::END_OF_CANDIDATES)))
            .unwrap_or_default();
        let is_untold = |candidate: &Candidate| {
            !described.contains(candidate) && candidate.ufrag().is_none_or(|other| other == ufrag)
        };
        let (untold, known) = std::mem::take(&mut self.candidates).into_iter().partition(is_untold);
        self.candidates = known;
        let mut told: Vec<_> =
            Vec::<Candidate>::into_iter(untold).filter_map(|one| self.add_local_candidate(one)).collect();
        if !is_complete && self.complete_ufrag.as_ref() == Some(&ufrag) {
            told.extend(self.end_local_candidates(&ufrag));
        }
        told
    }

    /// Changes our section of this generation in those descriptions that have it; gives back how the latest is named.
    fn amend_local(
        &mut self,
        ufrag: Option<&str>,
        change: impl Fn(&mut MediaDescription),
    ) -> Option<IceCandidate> {
        let mut told = None;
        for applied in [&mut self.local.current, &mut self.local.pending].into_iter().flatten() {
            let Some(credentials) = credentials(&applied.description) else { continue };
            if ufrag.is_some_and(|ufrag| ufrag != credentials.ufrag) {
                continue;
            }
            let mut sections = section::with_ufrag(&mut applied.description, &credentials.ufrag).peekable();
            // The first of a bundle is the one whose transport it is (RFC 8843 §7.2).
            told = sections.peek().map(|(index, media)| IceCandidate {
                candidate: String::new(),
                sdp_mid: media.mid(),
                sdp_mline_index: u16::try_from(*index).ok(),
                username_fragment: Some(credentials.ufrag.clone()),
            });
            sections.for_each(|(_, media)| change(media));
        }
        told
    }

    /// Takes a candidate of the peer's (W3C `addIceCandidate`). It becomes part of the peer's description; the
    /// transports read it from there.
    ///
    /// # Errors
    /// Candidates that can't be read, or belong to no section.
    pub fn add_remote_candidate(&mut self, candidate: &IceCandidate) -> Result<(), Error> {
        if self.state == SignalingState::Closed {
            return Err(CLOSED);
        }
        let has_place = candidate.sdp_mid.is_some() || candidate.sdp_mline_index.is_some();
        if !has_place && !candidate.candidate.is_empty() {
            return Err(Error::Type("the candidate has neither sdpMid nor sdpMLineIndex"));
        }
        let applied =
            self.remote.latest_mut().ok_or(Error::InvalidState("there is no remote description yet"))?;
        let description = &mut applied.description;
        let parsed = match &*candidate.candidate {
            "" => None,
            text => {
                let parsed = text.parse::<Candidate>();
                Some(parsed.map_err(|_| Error::Operation("the candidate can't be read"))?)
            }
        };
        let places: Vec<usize> = match (&candidate.sdp_mid, candidate.sdp_mline_index) {
            (Some(mid), _) => {
                let index = description.media.iter().position(|media| media.mid().as_ref() == Some(mid));
                vec![index.ok_or(Error::Operation("no section has this sdpMid"))?]
            }
            (None, Some(index)) if usize::from(index) < description.media.len() => vec![index.into()],
            (None, Some(_)) => return Err(Error::Operation("no section has this sdpMLineIndex")),
            (None, None) => (0..description.media.len()).collect(),
        };
        let said = candidate.username_fragment.as_deref().or(parsed.as_ref().and_then(Candidate::ufrag));
        let mut is_known = said.is_none();
        for index in places {
            let ufrag = ufrag_of(description, index);
            if said.is_some() && said != ufrag.as_deref() {
                continue;
            }
            is_known = true;
            let Some(media) = description.media.get_mut(index) else { continue };
            match &parsed {
                Some(parsed) => {
                    let known: Vec<Candidate> = media.all().collect();
                    if !known.contains(parsed) && known.len() < MAX_CANDIDATES {
                        media.push(parsed);
                    }
                }
                None if !media.has(flag::END_OF_CANDIDATES) => media.push_flag(flag::END_OF_CANDIDATES),
                None => {}
            }
        }
        applied.transport = RemoteTransport::read(&applied.description)?.map(Arc::new);
        if is_known { Ok(()) } else { Err(Error::Operation("no section has this usernameFragment")) }
    }
}

/// The user name fragment that a section's candidates are of.
fn ufrag_of(description: &SessionDescription, index: usize) -> Option<String> {
    let sections = [Some(index), bundle_of(description, index).first().copied()].into_iter().flatten();
    sections
        .filter_map(|index| description.media.get(index)?.get())
        .next()
        .or_else(|| description.session().get())
        .map(|IceUfrag(ufrag)| ufrag)
}
