//! Making offers (RFC 9429 §5.2).

use peerline_ice::Credentials;
use peerline_sdp::{SessionDescription, Setup};

use super::section::{self, LocalTransport};
use super::session::{CLOSED, Created, Session, WRONG_STATE, credentials};
use super::{Description, SdpType};
use crate::{Error, SignalingState};

impl Session {
    /// Makes an offer (W3C `createOffer`): all sections there have been, in their places, and one for data channels
    /// if it is needed.
    ///
    /// A restart takes its credentials from `restart`.
    ///
    /// # Errors
    /// `InvalidState` unless stable, or with an offer of our own pending.
    pub fn create_offer(
        &mut self,
        ice_restart: bool,
        sctp_init: Option<Vec<u8>>,
        restart: impl FnOnce() -> Credentials,
    ) -> Result<Description, Error> {
        match self.state {
            SignalingState::Stable | SignalingState::HaveLocalOffer => {}
            SignalingState::Closed => return Err(CLOSED),
            _ => return Err(WRONG_STATE),
        }
        let before = self.local.latest().map(|applied| &applied.description);
        let before_credentials = before.and_then(credentials);
        let credentials = match before_credentials {
            Some(credentials) if !ice_restart && !self.wants_restart() => credentials,
            Some(_) => restart(),
            None => self.first_credentials.clone(),
        };
        let transport = LocalTransport { credentials: &credentials, setup: Setup::ActPass, sctp_init };

        let options = section::SPED.into_iter().filter(|_| self.settings.dtls_in_stun);
        let mut offer = section::empty(self.origin.clone(), options);
        let mut media = Vec::new();
        let mut bundle = Vec::new();
        let ours = match self.state {
            SignalingState::Stable => self.agreed_section(),
            _ => self.local_section().map(|(index, ..)| index),
        };
        for (index, like) in before.iter().flat_map(|before| before.media.iter().enumerate()) {
            if ours == Some(index) {
                let mid = like.mid();
                let protocol = &like.media_line().protocol;
                media.push(section::data(protocol, mid.as_deref(), &self.settings, &transport));
                bundle.extend(mid);
            } else if ours.is_some() && !like.is_data_channel() && like.media_line().port != 0 {
                media.push(section::held(like, &self.settings, &transport));
                bundle.extend(like.mid());
            } else {
                media.push(section::refused(like));
            }
        }
        if ours.is_none() && self.wants_data {
            let mid = self.unused_mid();
            media.push(section::data("UDP/DTLS/SCTP", Some(&mid), &self.settings, &transport));
            bundle.push(mid);
        }
        section::bundle(&mut offer, bundle);
        offer.media = media;
        self.describe_candidates(&mut offer);
        let Created { sdp, .. } = self.last_created_offer.insert(Created::new(offer));
        Ok(Description { kind: SdpType::Offer, sdp: sdp.clone() })
    }

    /// The least number that no section of either side has for a name.
    fn unused_mid(&self) -> String {
        let sides = [&self.local, &self.remote];
        let applied = sides.into_iter().flat_map(|side| [&side.current, &side.pending]).flatten();
        let used: Vec<String> = applied
            .flat_map(|applied| applied.description.media.iter().filter_map(|media| media.mid()))
            .collect();
        let free = (0u32..).map(|number| number.to_string()).find(|mid| !used.contains(mid));
        free.unwrap_or_default()
    }

    /// Puts our candidates, as far as they are known, into a description.
    pub(super) fn describe_candidates(&self, description: &mut SessionDescription) {
        let Some(credentials) = credentials(description) else { return };
        for (_, media) in section::with_ufrag(description, &credentials.ufrag) {
            for candidate in &self.candidates {
                if candidate.ufrag().is_none_or(|ufrag| ufrag == credentials.ufrag) {
                    section::add_candidate(media, candidate);
                }
            }
            if self.complete_ufrag.as_ref() == Some(&credentials.ufrag) {
                section::end_candidates(media);
            }
        }
    }
}
