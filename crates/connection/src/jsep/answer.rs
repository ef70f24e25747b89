//! Making answers (RFC 9429 §5.3).

use peerline_dtls as dtls;
use peerline_ice::Credentials;
use peerline_sdp::{BUNDLE, Candidate, MediaDescription, SessionDescription, Setup};

use super::remote::{RemoteTransport, bundle_of, has_ice_option};
use super::section::{self, LocalTransport};
use super::session::{Applied, CLOSED, Created, Session, WRONG_STATE, credentials};
use super::{Description, SdpType};
use crate::{Error, SignalingState};

impl Session {
    /// Makes an answer (W3C `createAnswer`): the section for data channels is taken, all others are refused.
    ///
    /// `sctp_init` is said only if the peer said its own (draft-hancke-tsvwg-snap). If the peer restarts ICE, so do we,
    /// with credentials from `restart`.
    ///
    /// # Errors
    /// `InvalidState` unless the peer has offered.
    pub fn create_answer(
        &mut self,
        sctp_init: Option<Vec<u8>>,
        restart: impl FnOnce() -> Credentials,
    ) -> Result<Description, Error> {
        match self.state {
            SignalingState::HaveRemoteOffer | SignalingState::HaveLocalPranswer => {}
            SignalingState::Closed => return Err(CLOSED),
            _ => return Err(WRONG_STATE),
        }
        let Applied { description: offer, transport: remote, .. } =
            self.remote.pending.as_ref().ok_or(WRONG_STATE)?;
        let ours = remote.as_ref().map(|remote| remote.section);
        let has_option = |option: &&str| ours.is_some_and(|ours| has_ice_option(offer, ours, option));
        let options = section::SPED.into_iter().filter(|_| self.settings.dtls_in_stun).filter(has_option);
        let mut answer = section::empty(self.origin.clone(), options);
        let mut media: Vec<_> = offer.media.iter().map(section::refused).collect();
        if let Some(remote) = remote.as_deref()
            && let index = remote.section
            && let Some(like) = offer.media.get(index)
        {
            let credentials = self.answer_credentials(remote, restart);
            let setup = match self.role_as_answerer(Some(remote))? {
                Some(dtls::Role::Passive) => Setup::Passive,
                _ => Setup::Active,
            };
            let sctp_init = sctp_init.filter(|_| remote.sctp.init.is_some());
            let transport = LocalTransport { credentials: &credentials, setup, sctp_init };
            let mut bundle = Vec::new();
            if let Some((tagged, section)) = self.section_to_hold(offer, index) {
                if let Some(place) = media.get_mut(tagged) {
                    *place = section::held(section, &self.settings, &transport);
                }
                bundle.extend(section.mid());
            }
            let mid = like.mid();
            let protocol = &like.media_line().protocol;
            if let Some(place) = media.get_mut(index) {
                *place = section::data(protocol, mid.as_deref(), &self.settings, &transport);
            }
            let is_bundled = |mid: &String| offer.groups(BUNDLE).any(|group| group.mids.contains(mid));
            bundle.extend(mid.filter(is_bundled));
            section::bundle(&mut answer, bundle);
        }
        answer.media = media;
        self.describe_candidates(&mut answer);
        let Created { sdp, .. } = self.last_created_answer.insert(Created::new(answer));
        Ok(Description { kind: SdpType::Answer, sdp: sdp.clone() })
    }

    /// The section whose transport our data channels are offered to share, if that can't be refused without losing the
    /// transport with it (RFC 8843 §7.3.4). In a first offer our section may come with a transport of its own, which shows
    /// by candidates of its own: we take that instead. A port and credentials say nothing: browsers write them in all
    /// sections, with the policy max-bundle, too.
    fn section_to_hold<'a>(
        &self,
        offer: &'a SessionDescription,
        ours: usize,
    ) -> Option<(usize, &'a MediaDescription)> {
        let tagged = *bundle_of(offer, ours).first()?;
        let (own, section) = (offer.media.get(ours)?, offer.media.get(tagged)?);
        let known: Vec<Candidate> = section.all().collect();
        let has_own_transport = self.agreed_section().is_none()
            && own.media_line().port != 0
            && own.all().any(|candidate| !known.contains(&candidate));
        let is_rtp = section.media_line().protocol.contains("RTP") && section.media_line().port != 0;
        (tagged != ours && !has_own_transport && is_rtp).then_some((tagged, section))
    }

    /// New credentials if the peer restarts ICE with its offer (RFC 8839 §4.4.3.1.1), otherwise those that we have.
    fn answer_credentials(
        &self,
        remote: &RemoteTransport,
        restart: impl FnOnce() -> Credentials,
    ) -> Credentials {
        let provisional = self.local.pending.as_ref().and_then(|applied| credentials(&applied.description));
        if let Some(provisional) = provisional {
            return provisional;
        }
        let Some(ours) = self.local.current.as_ref().and_then(|applied| credentials(&applied.description))
        else {
            return self.first_credentials.clone();
        };
        match self.remote.current.as_ref().and_then(|applied| applied.transport.as_ref()) {
            Some(before) if before.credentials == remote.credentials => ours,
            _ => restart(),
        }
    }
}
