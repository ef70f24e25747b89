//! The state of offer and answer (RFC 9429 §3.2, §4.1; webrtc-pc §4.4.1.5).

use std::sync::Arc;

use peerline_dtls as dtls;
use peerline_ice::Credentials;
use peerline_sdp::{
    Attribute, Candidate, IcePwd, IceUfrag, MediaDescription, Origin, SctpInit, SessionDescription, Setup,
};
use rand::Rng;
use rand::rngs::StdRng;

use super::remote::{RemoteTransport, data_section};
use super::validate;
use super::{Description, SdpType};
use crate::{Error, SignalingState};

/// What our descriptions say of ourselves.
#[derive(Debug, Clone)]
pub(crate) struct LocalSettings {
    pub fingerprint: dtls::Fingerprint,
    pub tls_id: String,
    pub sctp_port: u16,
    /// The longest message that we take, in bytes.
    pub max_message_size: usize,
    /// DTLS may travel with checks.
    pub dtls_in_stun: bool,
}

/// A description of ours that was created, and may be set.
pub(super) struct Created {
    pub sdp: String,
    description: SessionDescription,
}

impl Created {
    pub fn new(description: SessionDescription) -> Self {
        Self { sdp: description.to_string(), description }
    }
}

/// A description that was set.
#[derive(Debug, Clone)]
pub(super) struct Applied {
    pub kind: SdpType,
    pub description: SessionDescription,
    /// If it is the peer's: what it says of the transport of data channels, which is asked for much more often than it
    /// changes.
    pub transport: Option<Arc<RemoteTransport>>,
}

impl Applied {
    fn to_description(&self) -> Description {
        Description { kind: self.kind, sdp: self.description.to_string() }
    }
}

/// The descriptions of one side.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// What is agreed on.
    pub current: Option<Applied>,
    /// What is proposed.
    pub pending: Option<Applied>,
}

impl Side {
    /// What was set last.
    pub fn latest(&self) -> Option<&Applied> {
        self.pending.as_ref().or(self.current.as_ref())
    }

    pub fn latest_mut(&mut self) -> Option<&mut Applied> {
        self.pending.as_mut().or(self.current.as_mut())
    }
}

/// What the transports have to do.
#[derive(Debug, Clone)]
pub(crate) struct Agreement {
    pub local: Credentials,
    pub remote: Arc<RemoteTransport>,
    pub dtls_role: dtls::Role,
    /// Our description has said SCTP's INIT.
    pub has_local_init: bool,
    /// Our description is the offer.
    pub we_offered: bool,
}

/// Offers and answers of one connection.
pub(crate) struct Session {
    pub(super) state: SignalingState,
    pub(super) settings: LocalSettings,
    /// Our `o=` line as the next new description has it.
    pub(super) origin: Origin,
    pub(super) local: Side,
    pub(super) remote: Side,
    pub(super) last_created_offer: Option<Created>,
    pub(super) last_created_answer: Option<Created>,
    /// The credentials of our first description.
    pub(super) first_credentials: Credentials,
    /// A restart is wanted of these user name fragments (W3C `[[LocalIceCredentialsToReplace]]`).
    credentials_to_replace: Vec<String>,
    /// ICE is configured otherwise since these were in use.
    outdated: Vec<String>,
    /// There are data channels that need a section.
    pub(super) wants_data: bool,
    pub(super) dtls_role: Option<dtls::Role>,
    /// Our candidates, of generations that may still be described.
    pub(super) candidates: Vec<Candidate>,
    /// The generation whose candidates are all there.
    pub(super) complete_ufrag: Option<String>,
}

impl Session {
    pub fn new(settings: LocalSettings, first_credentials: Credentials, random: &mut StdRng) -> Self {
        Self {
            state: SignalingState::Stable,
            settings,
            // RFC 9429 §5.2.1: 63 random bits.
            origin: Origin::new(random.random::<u64>() >> 1),
            local: Side::default(),
            remote: Side::default(),
            last_created_offer: None,
            last_created_answer: None,
            first_credentials,
            credentials_to_replace: Vec::new(),
            outdated: Vec::new(),
            wants_data: false,
            dtls_role: None,
            candidates: Vec::new(),
            complete_ufrag: None,
        }
    }

    pub fn state(&self) -> SignalingState {
        self.state
    }

    pub fn close(&mut self) {
        self.state = SignalingState::Closed;
    }

    pub fn current_local(&self) -> Option<Description> {
        self.local.current.as_ref().map(Applied::to_description)
    }

    pub fn pending_local(&self) -> Option<Description> {
        self.local.pending.as_ref().map(Applied::to_description)
    }

    pub fn current_remote(&self) -> Option<Description> {
        self.remote.current.as_ref().map(Applied::to_description)
    }

    /// Whether the peer's agent is one of RFC 8445 (§10), by what is agreed on.
    pub fn remote_has_ice2(&self) -> bool {
        let current = self.remote.current.as_ref();
        current.and_then(|current| current.transport.as_ref()).is_some_and(|transport| transport.has_ice2)
    }

    pub fn pending_remote(&self) -> Option<Description> {
        self.remote.pending.as_ref().map(Applied::to_description)
    }

    /// There are, or are no longer, data channels that need a section.
    pub fn set_wants_data(&mut self, wants_data: bool) {
        self.wants_data = wants_data;
    }

    /// Whether the peer takes candidates one by one (W3C `canTrickleIceCandidates`); not known before its description.
    pub fn can_trickle(&self) -> Option<bool> {
        let description = &self.remote.latest()?.description;
        let sections = description.media.iter().map(|media| &**media).chain([description.session()]);
        let mut options = sections.filter_map(|section| section.get::<peerline_sdp::IceOptions>());
        Some(options.any(|options| options.contains("trickle")))
    }

    /// The next offer restarts ICE (W3C `restartIce`).
    pub fn restart_ice(&mut self) {
        self.credentials_to_replace = self.local_ufrags();
    }

    /// ICE is configured otherwise: the next offer restarts it, too, though none is needed for that alone
    /// (RFC 9429 §5.2.2).
    pub fn outdate_ice(&mut self) {
        self.outdated = self.local_ufrags();
    }

    /// Of our descriptions: the current one, and the one that is proposed and may be rolled back.
    fn local_ufrags(&self) -> Vec<String> {
        let sides = [&self.local.current, &self.local.pending];
        let ufrags = sides.into_iter().flatten().filter_map(|applied| credentials(&applied.description));
        ufrags.map(|credentials| credentials.ufrag).collect()
    }

    /// Whether the next offer restarts ICE.
    pub(super) fn wants_restart(&self) -> bool {
        let latest = self.local.latest().and_then(|applied| credentials(&applied.description));
        latest.is_some_and(|Credentials { ufrag, .. }| {
            self.credentials_to_replace.contains(&ufrag) || self.outdated.contains(&ufrag)
        })
    }

    /// webrtc-pc §4.7.3, "check if negotiation is needed".
    pub fn is_negotiation_needed(&self) -> bool {
        self.state == SignalingState::Stable
            && (!self.credentials_to_replace.is_empty()
                || (self.wants_data && self.agreed_section().is_none()))
    }

    /// The section that both sides have agreed on for data channels.
    pub fn agreed_section(&self) -> Option<usize> {
        let (local, remote) = (self.local.current.as_ref()?, self.remote.current.as_ref()?);
        let index = data_section(&remote.description)?;
        (data_section(&local.description) == Some(index)).then_some(index)
    }

    /// Whether a section for data channels was offered, by either side, and refused.
    pub fn refuses_data(&self) -> bool {
        let currents = [&self.local.current, &self.remote.current];
        let mut media = currents.into_iter().flatten().flat_map(|applied| &applied.description.media);
        media.any(MediaDescription::is_data_channel) && self.agreed_section().is_none()
    }

    /// The section for data channels of our latest description: its index, its `a=mid`, and its credentials.
    pub fn local_section(&self) -> Option<(usize, Option<String>, Credentials)> {
        let description = &self.local.latest()?.description;
        let index = data_section(description)?;
        let media = description.media.get(index)?;
        Some((index, media.mid(), section_credentials(media)?))
    }

    /// What the transports have to do, if anything is agreed on, provisionally at least.
    pub fn agreement(&self) -> Option<Agreement> {
        let (local, remote) = match self.state {
            SignalingState::HaveLocalPranswer | SignalingState::HaveRemotePranswer => {
                (self.local.pending.as_ref()?, self.remote.pending.as_ref()?)
            }
            SignalingState::Closed => return None,
            _ => (self.local.current.as_ref()?, self.remote.current.as_ref()?),
        };
        let remote = remote.transport.clone()?;
        if data_section(&local.description) != Some(remote.section) {
            return None;
        }
        Some(Agreement {
            local: credentials(&local.description)?,
            dtls_role: self.dtls_role?,
            has_local_init: local.description.media.get(remote.section)?.has(SctpInit::NAME),
            remote,
            we_offered: local.kind == SdpType::Offer,
        })
    }

    /// Sets one of our descriptions (W3C `setLocalDescription`).
    ///
    /// # Errors
    /// A description that isn't the one that was created last, or that doesn't fit the state.
    pub fn set_local(&mut self, description: Description) -> Result<(), Error> {
        use SignalingState::*;
        let state = match (description.kind, self.state) {
            (_, Closed) => return Err(CLOSED),
            (SdpType::Rollback, _) => return self.roll_back(),
            (SdpType::Offer, Stable | HaveLocalOffer) => HaveLocalOffer,
            (SdpType::Pranswer, HaveRemoteOffer | HaveLocalPranswer) => HaveLocalPranswer,
            (SdpType::Answer, HaveRemoteOffer | HaveLocalPranswer) => Stable,
            _ => return Err(WRONG_STATE),
        };
        // webrtc-pc §4.4.1.5: our own descriptions aren't to be changed.
        let last = match description.kind {
            SdpType::Offer => &self.last_created_offer,
            _ => &self.last_created_answer,
        };
        let Description { kind, sdp } = description;
        let Some(created) = last.as_ref().filter(|created| created.sdp == sdp) else {
            return Err(Error::InvalidModification("the description isn't the one that was created last"));
        };
        let description = created.description.clone();
        if kind != SdpType::Offer {
            let remote = self.remote.pending.as_ref().ok_or(WRONG_STATE)?;
            self.dtls_role = self.role_as_answerer(remote.transport.as_deref())?.or(self.dtls_role);
        }
        self.origin.version = description.origin().version + 1;
        self.local.pending = Some(Applied { kind, description, transport: None });
        self.enter(state);
        Ok(())
    }

    /// Sets one of the peer's descriptions (W3C `setRemoteDescription`).
    ///
    /// # Errors
    /// A description that can't be read, that doesn't fit what was agreed on before, or that doesn't fit the state.
    pub fn set_remote(&mut self, description: Description) -> Result<(), Error> {
        use SignalingState::*;
        let state = match (description.kind, self.state) {
            (_, Closed) => return Err(CLOSED),
            (SdpType::Rollback, _) => return self.roll_back(),
            (SdpType::Offer, Stable | HaveRemoteOffer) => HaveRemoteOffer,
            (SdpType::Pranswer, HaveLocalOffer | HaveRemotePranswer) => HaveRemotePranswer,
            (SdpType::Answer, HaveLocalOffer | HaveRemotePranswer) => Stable,
            _ => return Err(WRONG_STATE),
        };
        let Description { kind, sdp } = description;
        let description = SessionDescription::parse(&sdp)?;
        let transport = match &self.local.pending {
            Some(offer) if kind != SdpType::Offer => {
                validate::answer(&offer.description, &description)?;
                let transport = RemoteTransport::read(&description)?;
                self.dtls_role = self.role_as_offerer(transport.as_ref())?.or(self.dtls_role);
                transport
            }
            _ => {
                let before = self.remote.current.as_ref().map(|applied| &applied.description);
                validate::offer(before, &description)?;
                let transport = RemoteTransport::read(&description)?;
                self.role_as_answerer(transport.as_ref())?;
                // It answered another offer.
                self.last_created_answer = None;
                transport
            }
        };
        self.remote.pending = Some(Applied { kind, description, transport: transport.map(Arc::new) });
        self.enter(state);
        Ok(())
    }

    fn roll_back(&mut self) -> Result<(), Error> {
        match self.state {
            SignalingState::HaveLocalOffer | SignalingState::HaveRemoteOffer => {
                self.local.pending = None;
                self.remote.pending = None;
                self.forget_created();
                self.state = SignalingState::Stable;
                Ok(())
            }
            _ => Err(WRONG_STATE),
        }
    }

    fn enter(&mut self, state: SignalingState) {
        self.state = state;
        if state != SignalingState::Stable {
            return;
        }
        self.forget_created();
        for side in [&mut self.local, &mut self.remote] {
            side.current = side.pending.take().or(side.current.take());
        }
        // webrtc-pc §4.4.1.5: what was to be replaced has been, if none of it is in the new description.
        if !self.wants_restart() {
            self.credentials_to_replace.clear();
        }
        if let Some(now) = self.local.current.as_ref().and_then(|applied| credentials(&applied.description)) {
            self.candidates.retain(|candidate| candidate.ufrag().is_none_or(|ufrag| ufrag == now.ufrag));
        }
    }

    /// What was made for another exchange can't be set any more (webrtc-pc §4.4.1.5).
    fn forget_created(&mut self) {
        self.last_created_offer = None;
        self.last_created_answer = None;
    }

    /// Our DTLS role when we answer this offer: the one that we have, or the client's if we may choose
    /// (RFC 8842 §5.3, RFC 9429 §5.3.1). `None` without data channels.
    pub(super) fn role_as_answerer(
        &self,
        offer: Option<&RemoteTransport>,
    ) -> Result<Option<dtls::Role>, Error> {
        let Some(offer) = offer else { return Ok(None) };
        let role = match offer.setup {
            Some(Setup::ActPass) => self.dtls_role.unwrap_or(dtls::Role::Active),
            Some(Setup::Passive) => dtls::Role::Active,
            // RFC 4145 §4.1: what an offer means that doesn't say it.
            Some(Setup::Active) | None => dtls::Role::Passive,
            Some(Setup::HoldConn) => return Err(Error::InvalidAccess("a=setup:holdconn in an offer")),
        };
        self.keep_role(role).map(Some)
    }

    /// Our DTLS role when this answers our offer.
    fn role_as_offerer(&self, answer: Option<&RemoteTransport>) -> Result<Option<dtls::Role>, Error> {
        let Some(answer) = answer else { return Ok(None) };
        let role = match answer.setup {
            Some(Setup::Active) => dtls::Role::Passive,
            Some(Setup::Passive) | None => dtls::Role::Active,
            Some(_) => {
                return Err(Error::InvalidAccess("a=setup of an answer is neither active nor passive"));
            }
        };
        self.keep_role(role).map(Some)
    }

    /// Roles change with a new DTLS association only (RFC 8842 §5.5), which we don't begin within a connection.
    fn keep_role(&self, role: dtls::Role) -> Result<dtls::Role, Error> {
        match self.dtls_role {
            Some(before) if before != role => Err(Error::InvalidAccess("the DTLS roles can't be changed")),
            _ => Ok(role),
        }
    }
}

pub(super) const CLOSED: Error = Error::InvalidState("the connection is closed");
pub(super) const WRONG_STATE: Error = Error::InvalidState("not in this signaling state");

/// The credentials of one of our descriptions.
pub(super) fn credentials(description: &SessionDescription) -> Option<Credentials> {
    section_credentials(description.media.get(data_section(description)?)?)
}

fn section_credentials(media: &MediaDescription) -> Option<Credentials> {
    Some(Credentials { ufrag: media.get::<IceUfrag>()?.0, pwd: media.get::<IcePwd>()?.0 })
}
