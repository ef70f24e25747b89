//! The connection: what the W3C's `RTCPeerConnection` does with descriptions.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};
use std::net::IpAddr;
use std::time::Instant;

use peerline_dtls::{self as dtls, Certificate, Dtls};
use peerline_ice::{self as ice, Agent, Route};
use peerline_sctp::DataChannels;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::jsep::{LocalSettings, Session};
use crate::train::Train;
use crate::{
    Configuration, Description, DtlsTransportState, Error, Event, IceCandidate, IceConnectionState,
    IceGatheringState, PeerConnectionState, SdpType, SignalingState,
};

/// One side of a peer connection (W3C `RTCPeerConnection`).
///
/// After each call that takes `now`, drain [`poll_transmit`](Self::poll_transmit) and
/// [`poll_event`](Self::poll_event) until both have nothing more, and call
/// [`handle_timeout`](Self::handle_timeout) when [`poll_timeout`](Self::poll_timeout) says. After a received burst it
/// is enough to drain once.
pub struct Connection {
    pub(crate) configuration: Configuration,
    pub(crate) certificate: Certificate,
    pub(crate) session: Session,
    pub(crate) ice: Agent,
    pub(crate) is_gathering_begun: bool,
    /// Of the peer's candidates, of its newest generation, that ICE has been told of: what tells them apart.
    pub(crate) told_candidates: Vec<u64>,
    pub(crate) dtls: Option<Dtls>,
    pub(crate) channels: DataChannels,
    /// How datagrams go out; without it DTLS and SCTP wait.
    pub(crate) route: Option<Route>,
    pub(crate) train: Train,
    /// DTLS datagrams from peers that knew the password, before there was an answer to check their certificate by.
    pub(crate) early: Vec<Box<[u8]>>,
    pub(crate) has_remote_address: bool,
    pub(crate) received: crate::network::Received,
    pub(crate) flow: crate::flow::Flow,
    pub(crate) events: VecDeque<Event>,
    pub(crate) is_negotiation_needed: bool,
    pub(crate) ice_gathering_state: IceGatheringState,
    pub(crate) ice_connection_state: IceConnectionState,
    pub(crate) dtls_state: DtlsTransportState,
    /// What the handshake has shown.
    pub(crate) dtls_connected: Option<dtls::Connected>,
    pub(crate) connection_state: PeerConnectionState,
}

impl Connection {
    /// A connection that has nothing to do yet. `random` has to be unpredictable.
    ///
    /// # Errors
    /// `SyntaxError` and `InvalidAccessError` for ICE servers that can't be, as the W3C's constructor throws them.
    pub fn new(
        configuration: Configuration,
        certificate: Certificate,
        mut random: StdRng,
    ) -> Result<Self, Error> {
        configuration.validate()?;
        let ice_config = ice::Config {
            role: ice::Role::Controlling,
            transport_policy: configuration.ice_transport_policy,
            dtls_in_stun: configuration.dtls_in_stun,
            timing: configuration.ice_timing.clone(),
            limits: configuration.ice_limits.clone(),
        };
        let ice = Agent::new(ice_config, StdRng::from_rng(&mut random));
        let mut sctp_config = configuration.sctp.clone();
        sctp_config.max_receive_message_size = configuration.max_message_size;
        let settings = LocalSettings {
            fingerprint: certificate.fingerprint(),
            // RFC 8842 §4: 120 random bits at least.
            tls_id: format!("{:032x}", random.random::<u128>()),
            sctp_port: sctp_config.local_port,
            max_message_size: configuration.max_message_size,
            dtls_in_stun: configuration.dtls_in_stun,
        };
        let session = Session::new(settings, ice.local_credentials().clone(), &mut random);
        let train = Train::new(sctp_config.packet_size.max(sctp_config.max_packet_size));
        let channels = DataChannels::new(sctp_config, StdRng::from_rng(&mut random));
        Ok(Self {
            configuration,
            certificate,
            session,
            ice,
            is_gathering_begun: false,
            told_candidates: Vec::new(),
            dtls: None,
            channels,
            route: None,
            train,
            early: Vec::new(),
            has_remote_address: false,
            received: crate::network::Received::default(),
            flow: crate::flow::Flow::default(),
            events: VecDeque::new(),
            is_negotiation_needed: false,
            ice_gathering_state: IceGatheringState::New,
            ice_connection_state: IceConnectionState::New,
            dtls_state: DtlsTransportState::New,
            dtls_connected: None,
            connection_state: PeerConnectionState::New,
        })
    }

    /// W3C `signalingState`.
    pub fn signaling_state(&self) -> SignalingState {
        self.session.state()
    }

    /// W3C `iceGatheringState`.
    pub fn ice_gathering_state(&self) -> IceGatheringState {
        self.ice_gathering_state
    }

    /// W3C `iceConnectionState`.
    pub fn ice_connection_state(&self) -> IceConnectionState {
        self.ice_connection_state
    }

    /// W3C `connectionState`.
    pub fn connection_state(&self) -> PeerConnectionState {
        self.connection_state
    }

    /// W3C `RTCDtlsTransport.state`.
    pub fn dtls_transport_state(&self) -> DtlsTransportState {
        self.dtls_state
    }

    /// Our side of DTLS, once that is agreed on and until the connection is closed.
    pub fn dtls_role(&self) -> Option<dtls::Role> {
        self.session.agreement().map(|agreement| agreement.dtls_role)
    }

    /// What DTLS's handshake has shown: the version, and the peer's certificate.
    pub fn dtls_connected(&self) -> Option<&dtls::Connected> {
        self.dtls_connected.as_ref()
    }

    /// W3C `canTrickleIceCandidates`: whether the peer takes candidates one by one. `None` before its description.
    pub fn can_trickle_ice_candidates(&self) -> Option<bool> {
        self.session.can_trickle()
    }

    /// W3C `currentLocalDescription`: ours, as agreed on, with our candidates so far.
    pub fn current_local_description(&self) -> Option<Description> {
        self.session.current_local()
    }

    /// W3C `pendingLocalDescription`: ours, as proposed.
    pub fn pending_local_description(&self) -> Option<Description> {
        self.session.pending_local()
    }

    /// W3C `localDescription`: what is proposed, otherwise what is agreed on.
    pub fn local_description(&self) -> Option<Description> {
        self.pending_local_description().or_else(|| self.current_local_description())
    }

    /// W3C `currentRemoteDescription`: the peer's, as agreed on, with its candidates so far.
    pub fn current_remote_description(&self) -> Option<Description> {
        self.session.current_remote()
    }

    /// W3C `pendingRemoteDescription`: the peer's, as proposed.
    pub fn pending_remote_description(&self) -> Option<Description> {
        self.session.pending_remote()
    }

    /// Whether the peer's ICE agent is one of RFC 8445 (§10: `ice2`), by the description that was agreed on.
    pub fn remote_has_ice2(&self) -> bool {
        self.session.remote_has_ice2()
    }

    /// Which of this machine's addresses datagrams leave from, to the peer or to a relay. `None` where there is no way, or the
    /// system chooses the address.
    pub fn local_address(&self) -> Option<IpAddr> {
        self.route.map(|route| route.local.ip()).filter(|address| !address.is_unspecified())
    }

    /// W3C `remoteDescription`: what is proposed, otherwise what is agreed on.
    pub fn remote_description(&self) -> Option<Description> {
        self.pending_remote_description().or_else(|| self.current_remote_description())
    }

    /// The configuration.
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// W3C `setConfiguration`. Other servers, or another policy, count from the next restart of ICE on, which the next offer
    /// brings (RFC 9429 §5.2.2). SCTP's and DTLS's settings count at the beginning only.
    ///
    /// # Errors
    /// `InvalidStateError` when closed, `InvalidModificationError` where something can't be changed, and those of
    /// [`new`](Self::new).
    pub fn set_configuration(&mut self, configuration: Configuration) -> Result<(), Error> {
        self.check_open()?;
        configuration.validate()?;
        configuration.may_follow(&self.configuration)?;
        let before = std::mem::replace(&mut self.configuration, configuration);
        let after = &self.configuration;
        let is_other = (&after.ice_servers, after.ice_transport_policy)
            != (&before.ice_servers, before.ice_transport_policy);
        if is_other {
            self.ice.reconfigure(after.ice_transport_policy);
            self.session.outdate_ice();
        }
        Ok(())
    }

    /// W3C `createOffer`. `ice_restart` is its option of this name.
    ///
    /// # Errors
    /// `InvalidStateError` unless stable or with an offer of our own pending.
    pub fn create_offer(&mut self, now: Instant, ice_restart: bool) -> Result<Description, Error> {
        let init = self.configuration.sctp_snap.then(|| self.channels.local_init());
        let in_use = self.session.local_section().map(|(.., credentials)| credentials);
        let ice = &mut self.ice;
        let offer = self.session.create_offer(ice_restart, init, || restart(ice, now, in_use.as_ref()));
        self.settle(now);
        offer
    }

    /// W3C `createAnswer`.
    ///
    /// # Errors
    /// `InvalidStateError` unless the peer has offered.
    pub fn create_answer(&mut self, now: Instant) -> Result<Description, Error> {
        let init = Some(self.channels.local_init());
        let in_use = self.session.local_section().map(|(.., credentials)| credentials);
        let ice = &mut self.ice;
        let answer = self.session.create_answer(init, || restart(ice, now, in_use.as_ref()));
        self.settle(now);
        answer
    }

    /// W3C `setLocalDescription`. Without a description it is the offer or answer that is due, made now.
    /// An empty `sdp` means that it is made now, too.
    ///
    /// # Errors
    /// `InvalidStateError` if it isn't its turn, `InvalidModificationError` if it isn't what was created last.
    pub fn set_local_description(
        &mut self,
        now: Instant,
        description: Option<Description>,
    ) -> Result<(), Error> {
        self.check_open()?;
        let kind = description.as_ref().map(|description| description.kind).unwrap_or(
            match self.signaling_state() {
                SignalingState::Stable
                | SignalingState::HaveLocalOffer
                | SignalingState::HaveRemotePranswer => SdpType::Offer,
                _ => SdpType::Answer,
            },
        );
        let description = match description {
            Some(description) if !description.sdp.is_empty() || kind == SdpType::Rollback => description,
            // What was created before may not fit any more what we are prepared to say: it is made anew.
            _ if kind == SdpType::Offer => self.create_offer(now, false)?,
            _ => Description { kind, ..self.create_answer(now)? },
        };
        let before = self.signaling_state();
        let result = self.session.set_local(description);
        self.apply_descriptions(now, before);
        result
    }

    /// W3C `setRemoteDescription`. An offer takes back one of ours (perfect negotiation).
    ///
    /// # Errors
    /// `InvalidStateError` if it isn't its turn, `OperationError` if it can't be read, `InvalidAccessError` if what it
    /// says can't be.
    pub fn set_remote_description(&mut self, now: Instant, description: Description) -> Result<(), Error> {
        if (description.kind, self.signaling_state()) == (SdpType::Offer, SignalingState::HaveLocalOffer) {
            self.set_local_description(now, Some(Description::rollback()))?;
        }
        let before = self.signaling_state();
        let result = self.session.set_remote(description);
        self.apply_descriptions(now, before);
        result
    }

    /// W3C `addIceCandidate`. An empty `candidate` says that no more follow.
    ///
    /// # Errors
    /// `InvalidStateError` when closed or without a remote description, `TypeError` without a section,
    /// `OperationError` if it can't be read or its section isn't there.
    pub fn add_ice_candidate(&mut self, now: Instant, candidate: &IceCandidate) -> Result<(), Error> {
        self.session.add_remote_candidate(candidate)?;
        self.apply_agreement(now);
        self.settle(now);
        Ok(())
    }

    /// W3C `restartIce`: the next offer restarts ICE, and an offer is needed.
    pub fn restart_ice(&mut self) {
        self.session.restart_ice();
        self.update_negotiation_needed();
    }

    /// W3C `close`. What [`poll_transmit`](Self::poll_transmit) has is still to be sent: it tells the peer.
    pub fn close(&mut self, now: Instant) {
        if self.signaling_state() == SignalingState::Closed {
            return;
        }
        self.session.close();
        self.channels.abort(now, "");
        self.say_goodbye(now);
        while self.channels.poll_event().is_some() {}
        self.ice.close(now);
        // webrtc-pc §4.4.1.9: closing fires no events.
        self.events.retain(|event| matches!(event, Event::CloseRelay(_)));
        while let Some(event) = self.ice.poll_event() {
            if let ice::Event::CloseRelay(relay) = event {
                self.events.push_back(Event::CloseRelay(relay));
            }
        }
        self.is_negotiation_needed = false;
        self.ice_connection_state = IceConnectionState::Closed;
        self.dtls_state = DtlsTransportState::Closed;
        self.connection_state = PeerConnectionState::Closed;
    }

    pub(crate) fn check_open(&self) -> Result<(), Error> {
        match self.signaling_state() {
            SignalingState::Closed => Err(Error::InvalidState("the connection is closed")),
            _ => Ok(()),
        }
    }

    /// webrtc-pc §4.7.3: whether an offer is needed, and can be made now. It is what [`Event::NegotiationNeeded`] announces, which
    /// whoever handles it later than it was fired has to ask again.
    pub fn is_negotiation_needed(&self) -> bool {
        self.session.is_negotiation_needed()
    }

    /// It is announced once.
    pub(crate) fn update_negotiation_needed(&mut self) {
        let is_needed = self.session.is_negotiation_needed();
        if is_needed && !self.is_negotiation_needed {
            self.events.push_back(Event::NegotiationNeeded);
        }
        self.is_negotiation_needed = is_needed;
    }

    /// The transports do what the descriptions say now.
    fn apply_descriptions(&mut self, now: Instant, before: SignalingState) {
        let state = self.signaling_state();
        if let Some((_, _, credentials)) = self.session.local_section() {
            if *self.ice.local_credentials() != credentials {
                // A restart that was described only, or has been rolled back.
                self.ice.cancel_restart(now);
            }
            if !self.is_gathering_begun {
                self.is_gathering_begun = true;
                self.ice.gather(now);
            }
        }
        if state != before {
            self.events.push_back(Event::SignalingStateChange(state));
        }
        let untold = self.session.untold_candidates();
        self.events.extend(untold.into_iter().map(Event::IceCandidate));
        self.apply_agreement(now);
        if state == SignalingState::Stable && state != before {
            self.close_refused_channels(now);
            // What the flag was stands for what was negotiated before.
            self.is_negotiation_needed = false;
            self.update_negotiation_needed();
        }
        self.settle(now);
    }

    /// Tells the transports what has been agreed on, as far as they don't know it yet.
    pub(crate) fn apply_agreement(&mut self, now: Instant) {
        let Some(agreement) = self.session.agreement() else { return };
        // While a restart is proposed, what is agreed on is of the generation before.
        if agreement.local != *self.ice.local_credentials() {
            return;
        }
        let remote = agreement.remote;
        let is_first = self.dtls_state == DtlsTransportState::New;
        self.channels.set_role(match agreement.dtls_role {
            dtls::Role::Active => peerline_sctp::Role::Client,
            dtls::Role::Passive => peerline_sctp::Role::Server,
        });
        if is_first {
            self.set_dtls_state(DtlsTransportState::Connecting);
        }
        if self.ice.embeds() && !remote.candidates.is_empty() {
            // Before the first check, which takes its hello along.
            self.begin_dtls(now);
        }
        if self.ice.remote_credentials() != Some(&remote.credentials) {
            // RFC 8445 §6.1.1: they last. For agents of RFC 5245 (§5.2), as browsers are, a restart selects them anew.
            if is_first || !remote.has_ice2 {
                let is_controlling = agreement.we_offered || remote.is_lite;
                let role = if is_controlling { ice::Role::Controlling } else { ice::Role::Controlled };
                self.ice.set_role(now, role);
            }
            let parameters =
                ice::RemoteParameters { credentials: remote.credentials.clone(), lite: remote.is_lite };
            self.ice.set_remote(now, parameters);
            self.told_candidates.clear();
        }
        for candidate in &remote.candidates {
            let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(candidate);
            if !self.told_candidates.contains(&hash) {
                // What can't be used is passed over (webrtc-pc §4.4.1.7): what is newer than we are.
                let _ = self.ice.add_remote_candidate(now, candidate);
                self.told_candidates.reserve_exact(1);
                self.told_candidates.push(hash);
            }
        }
        if remote.has_all_candidates {
            self.ice.end_of_remote_candidates(now);
        }
        self.channels.set_remote(remote.sctp.port, remote.sctp.max_message_size.unwrap_or(usize::MAX));
        if self.route.is_some() || !self.early.is_empty() {
            self.begin_dtls(now);
        }
    }

    /// Begins the handshake, if it is agreed on who does. Not before there is somebody who may hear it: it takes memory, and
    /// has a time limit.
    pub(crate) fn begin_dtls(&mut self, now: Instant) {
        if self.dtls.is_some() || self.dtls_state != DtlsTransportState::Connecting {
            return;
        }
        let Some(agreement) = self.session.agreement() else { return };
        let (role, remote) = (agreement.dtls_role, agreement.remote);
        let mut config = self.configuration.dtls.clone();
        if self.ice.embeds() {
            config.mtu = config.mtu.saturating_sub(self.ice.embedding_overhead(&remote.credentials));
        }
        match Dtls::new(now, &config, role, &self.certificate, remote.fingerprints.clone()) {
            Ok(dtls) => {
                self.dtls = Some(dtls);
                for mut datagram in std::mem::take(&mut self.early) {
                    self.handle_dtls(now, &mut datagram);
                }
                self.embed_handshake(now);
            }
            Err(_) => {
                self.early.clear();
                self.set_dtls_state(DtlsTransportState::Failed);
            }
        }
    }
}

/// The credentials of the generation that follows the one `in_use`: if it was begun before, and as ICE is configured now,
/// still the same.
fn restart(ice: &mut Agent, now: Instant, in_use: Option<&ice::Credentials>) -> ice::Credentials {
    if in_use == Some(ice.local_credentials()) || ice.is_reconfigured() {
        ice.restart(now);
    }
    ice.local_credentials().clone()
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("signaling_state", &self.signaling_state())
            .field("ice", &self.ice_connection_state)
            .field("dtls", &self.dtls_state)
            .finish_non_exhaustive()
    }
}
