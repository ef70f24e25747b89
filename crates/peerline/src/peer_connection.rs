//! Peer connections (W3C `RTCPeerConnection`).

use std::collections::HashMap;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use futures_util::Stream;
use peerline_connection as connection;
use rand::SeedableRng as _;
use rand::rngs::StdRng;

use crate::endpoint::{self, Note};
use crate::event_log::{EventLog, Recorder};
use crate::peer::Peer;
use crate::{
    BundlePolicy, Certificate, DataChannel, DataChannelInit, Description, DtlsTransportState, Error, Event,
    IceCandidate, IceConnectionState, IceGatheringState, IceServer, IceTransportPolicy, PeerConnectionState,
    SignalingState, StatsReport, Trust,
};

/// How a connection is to be (W3C `RTCConfiguration`).
#[derive(Debug, Clone, PartialEq)]
pub struct Configuration {
    /// STUN and TURN servers. Default none.
    pub ice_servers: Vec<IceServer>,
    /// Which `turns:` servers are believed to be themselves, by the hosts that their URLs name. Of a host that isn't here the
    /// certificate has to be signed by one of the web's authorities. Default none.
    pub trust: HashMap<String, Trust>,
    /// Which candidates may be used. Default all; with relayed ones only, the peer learns no address of this machine.
    pub ice_transport_policy: IceTransportPolicy,
    /// Which sections share a transport when the peer doesn't bundle. There is one section, so that this is only kept.
    pub bundle_policy: BundlePolicy,
    /// The certificate that the peer will know this side by: none (the default: one is made) or one.
    pub certificates: Vec<Certificate>,
    /// The longest message that is received whole, in bytes. Default 256 MiB. A [`ByteStream`](crate::ByteStream) reads
    /// messages in pieces.
    pub max_message_size: usize,
    /// Offers carry SCTP's INIT, which spares round trips where the peer knows of it (draft-hancke-tsvwg-snap). Default
    /// true; answers carry it if the offer does.
    pub sctp_snap: bool,
    /// DTLS's handshake travels with ICE's checks, which spares a round trip where the peer does the same
    /// (draft-hancke-webrtc-sped). Default true.
    pub dtls_in_stun: bool,
}

impl Default for Configuration {
    fn default() -> Self {
        let connection::Configuration {
            ice_servers,
            ice_transport_policy,
            bundle_policy,
            max_message_size,
            sctp_snap,
            dtls_in_stun,
            ..
        } = connection::Configuration::default();
        Self {
            ice_servers,
            trust: HashMap::new(),
            ice_transport_policy,
            bundle_policy,
            certificates: Vec::new(),
            max_message_size,
            sctp_snap,
            dtls_in_stun,
        }
    }
}

impl Configuration {
    fn to_machine(&self) -> connection::Configuration {
        connection::Configuration {
            ice_servers: self.ice_servers.clone(),
            ice_transport_policy: self.ice_transport_policy,
            bundle_policy: self.bundle_policy,
            max_message_size: self.max_message_size,
            sctp_snap: self.sctp_snap,
            dtls_in_stun: self.dtls_in_stun,
            ..connection::Configuration::default()
        }
    }
}

/// A connection with a peer (W3C `RTCPeerConnection`).
///
/// A clone is the same connection. It is closed when the last clone is dropped, whoever still has its channels.
#[derive(Debug, Clone)]
pub struct PeerConnection {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    peer: Arc<Peer>,
    certificates: Vec<Certificate>,
    /// The sockets stay as long as the connection does.
    _endpoint: Arc<endpoint::Inner>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.peer.call(|state, now| state.connection.close(now));
        // Channels that nobody took would keep the peer alive.
        self.peer.events.discard();
    }
}

impl PeerConnection {
    pub(crate) fn on(endpoint: Arc<endpoint::Inner>, configuration: Configuration) -> Result<Self, Error> {
        let now = SystemTime::now();
        let certificate = match configuration.certificates.as_slice() {
            [] => Certificate::generate(now).map_err(|_| Error::Operation("no certificate could be made"))?,
            [certificate] if certificate.expires() < now => {
                return Err(Error::InvalidAccess("the certificate has expired"));
            }
            [certificate] => certificate.clone(),
            _ => return Err(Error::NotSupported("more than one certificate")),
        };
        let machine = configuration.to_machine();
        let machine = connection::Connection::new(machine, certificate.clone(), StdRng::from_os_rng())?;
        let peer = Peer::new(endpoint.shared().clone(), machine, configuration.trust);
        endpoint.shared().tell(Note::Added(peer.clone()));
        Ok(Self { inner: Arc::new(Inner { peer, certificates: vec![certificate], _endpoint: endpoint }) })
    }

    /// W3C `createOffer`. `ice_restart` is its option: candidates are gathered and tried anew.
    ///
    /// # Errors
    /// `InvalidStateError` when closed, or when it isn't our turn.
    pub fn create_offer(&self, ice_restart: bool) -> Result<Description, Error> {
        self.inner.peer.call(|state, now| state.connection.create_offer(now, ice_restart))
    }

    /// W3C `createAnswer`.
    ///
    /// # Errors
    /// `InvalidStateError` unless the peer has offered.
    pub fn create_answer(&self) -> Result<Description, Error> {
        self.inner.peer.call(|state, now| state.connection.create_answer(now))
    }

    /// W3C `setLocalDescription`: begins to gather candidates. Without a description it is the offer or the answer that is
    /// due; afterwards [`local_description`](Self::local_description) has it.
    ///
    /// # Errors
    /// `InvalidStateError` if it isn't its turn, `InvalidModificationError` if it isn't what was created last.
    pub fn set_local_description(&self, description: Option<Description>) -> Result<(), Error> {
        self.inner.peer.call(|state, now| {
            state.connection.set_local_description(now, description)?;
            state.record_description("local");
            Ok(())
        })
    }

    /// W3C `setRemoteDescription`. An offer takes back one of ours that is pending (perfect negotiation).
    ///
    /// # Errors
    /// `InvalidStateError` if it isn't its turn, `OperationError` if it can't be read, `InvalidAccessError` if what it says
    /// can't be.
    pub fn set_remote_description(&self, description: Description) -> Result<(), Error> {
        self.inner.peer.call(|state, now| {
            state.connection.set_remote_description(now, description)?;
            state.record_description("remote");
            Ok(())
        })
    }

    /// W3C `addIceCandidate`. An empty `candidate` says that no more follow.
    ///
    /// # Errors
    /// `InvalidStateError` without a remote description, `OperationError` if it can't be read.
    pub fn add_ice_candidate(&self, candidate: &IceCandidate) -> Result<(), Error> {
        self.inner.peer.call(|state, now| {
            state.connection.add_ice_candidate(now, candidate)?;
            state.record();
            Ok(())
        })
    }

    /// W3C `restartIce`: an offer is needed, and will restart ICE.
    pub fn restart_ice(&self) {
        self.inner.peer.call(|state, _| state.connection.restart_ice());
    }

    /// Whether an offer is still needed, and can be made: [`Event::NegotiationNeeded`] says that it was when it was queued.
    pub fn is_negotiation_needed(&self) -> bool {
        self.inner.peer.look(connection::Connection::is_negotiation_needed)
    }

    /// W3C `setConfiguration`. Other servers, or another policy, count from the next restart of ICE on, which the next offer
    /// brings; [`restart_ice`](Self::restart_ice) asks for one.
    ///
    /// # Errors
    /// `InvalidStateError` when closed, `InvalidModificationError` where something can't be changed, and those of
    /// [`Endpoint::peer_connection`](crate::Endpoint::peer_connection).
    pub fn set_configuration(&self, configuration: Configuration) -> Result<(), Error> {
        if !configuration.certificates.is_empty() && configuration.certificates != self.inner.certificates {
            return Err(Error::InvalidModification("the certificates can't be changed"));
        }
        self.inner.peer.call(|state, _| {
            let before = state.connection.configuration();
            let machine = connection::Configuration {
                ice_timing: before.ice_timing.clone(),
                ice_limits: before.ice_limits.clone(),
                dtls: before.dtls.clone(),
                sctp: before.sctp.clone(),
                ..configuration.to_machine()
            };
            state.connection.set_configuration(machine)?;
            state.trust = configuration.trust;
            Ok(())
        })
    }

    /// W3C `getConfiguration`.
    pub fn configuration(&self) -> Configuration {
        let certificates = self.inner.certificates.clone();
        self.inner.peer.drive(|state| {
            let machine = state.connection.configuration();
            Configuration {
                ice_servers: machine.ice_servers.clone(),
                trust: state.trust.clone(),
                ice_transport_policy: machine.ice_transport_policy,
                bundle_policy: machine.bundle_policy,
                certificates,
                max_message_size: machine.max_message_size,
                sctp_snap: machine.sctp_snap,
                dtls_in_stun: machine.dtls_in_stun,
            }
        })
    }

    /// W3C `createDataChannel`. The peer gets it by [`Event::DataChannel`], unless it is negotiated.
    ///
    /// # Errors
    /// `InvalidStateError` when closed, `TypeError` for what the W3C refuses in `init`, `OperationError` if the id is in
    /// use or none is left.
    pub fn create_data_channel(&self, label: &str, init: DataChannelInit) -> Result<DataChannel, Error> {
        let peer = &self.inner.peer;
        peer.call(|state, now| {
            let handle = state.connection.create_data_channel(now, label, init)?;
            state.adopt(peer, handle).ok_or(Error::Operation("the channel is gone already"))
        })
    }

    /// W3C `close`: the peer is told, and everything ends.
    pub fn close(&self) {
        self.inner.peer.call(|state, now| state.connection.close(now));
    }

    /// W3C `localDescription`: what is proposed, otherwise what is agreed on; with the candidates found so far.
    pub fn local_description(&self) -> Option<Description> {
        self.inner.peer.look(connection::Connection::local_description)
    }

    /// W3C `currentLocalDescription`.
    pub fn current_local_description(&self) -> Option<Description> {
        self.inner.peer.look(connection::Connection::current_local_description)
    }

    /// W3C `pendingLocalDescription`.
    pub fn pending_local_description(&self) -> Option<Description> {
        self.inner.peer.look(connection::Connection::pending_local_description)
    }

    /// W3C `remoteDescription`: what is proposed, otherwise what is agreed on.
    pub fn remote_description(&self) -> Option<Description> {
        self.inner.peer.look(connection::Connection::remote_description)
    }

    /// W3C `currentRemoteDescription`.
    pub fn current_remote_description(&self) -> Option<Description> {
        self.inner.peer.look(connection::Connection::current_remote_description)
    }

    /// W3C `pendingRemoteDescription`.
    pub fn pending_remote_description(&self) -> Option<Description> {
        self.inner.peer.look(connection::Connection::pending_remote_description)
    }

    /// Whether the peer's ICE agent is one of RFC 8445.
    pub(crate) fn remote_has_ice2(&self) -> bool {
        self.inner.peer.look(connection::Connection::remote_has_ice2)
    }

    /// Which of this machine's addresses datagrams leave from, as far as is known.
    pub(crate) fn local_address(&self) -> Option<IpAddr> {
        self.inner.peer.look(connection::Connection::local_address)
    }

    /// W3C `connectionState`.
    pub fn connection_state(&self) -> PeerConnectionState {
        self.inner.peer.look(connection::Connection::connection_state)
    }

    /// W3C `signalingState`.
    pub fn signaling_state(&self) -> SignalingState {
        self.inner.peer.look(connection::Connection::signaling_state)
    }

    /// W3C `iceGatheringState`.
    pub fn ice_gathering_state(&self) -> IceGatheringState {
        self.inner.peer.look(connection::Connection::ice_gathering_state)
    }

    /// W3C `iceConnectionState`.
    pub fn ice_connection_state(&self) -> IceConnectionState {
        self.inner.peer.look(connection::Connection::ice_connection_state)
    }

    /// W3C `RTCDtlsTransport.state`.
    pub fn dtls_transport_state(&self) -> DtlsTransportState {
        self.inner.peer.look(connection::Connection::dtls_transport_state)
    }

    /// W3C `canTrickleIceCandidates`. `None` before the peer's description.
    pub fn can_trickle_ice_candidates(&self) -> Option<bool> {
        self.inner.peer.look(connection::Connection::can_trickle_ice_candidates)
    }

    /// W3C `RTCSctpTransport.maxMessageSize`: the longest message that the peer takes, in bytes; `usize::MAX` if it takes
    /// any. `None` before its description.
    pub fn max_message_size(&self) -> Option<usize> {
        let sdp = self.remote_description()?.sdp;
        let said = sdp.lines().find_map(|line| line.strip_prefix("a=max-message-size:"));
        match said.map(|size| size.trim().parse()) {
            Some(Ok(0)) => Some(usize::MAX),
            Some(Ok(size)) => Some(size),
            // RFC 8841 §6.1: what its absence means.
            _ => Some(65_536),
        }
    }

    /// W3C `RTCSctpTransport.maxChannels`: how many channels there can be. `None` before the connection stands.
    pub fn max_channels(&self) -> Option<u16> {
        self.inner.peer.look(|connection| connection.data_channels().max_channels())
    }

    /// W3C `RTCDtlsTransport.getRemoteCertificates`: the peer's certificate, in DER. `None` before the peer has proved to
    /// have it.
    pub fn remote_certificate(&self) -> Option<Vec<u8>> {
        self.inner.peer.look(|connection| Some(connection.dtls_connected()?.peer_certificate.to_vec()))
    }

    /// W3C `getStats`.
    pub fn stats(&self) -> StatsReport {
        self.inner.peer.drive(|state| StatsReport::new(state, &self.inner.certificates))
    }

    /// Has everything that happens from now on written to a log. Replaces an earlier one.
    pub fn set_event_log(&self, log: &EventLog) {
        self.record(log, None, None);
    }

    /// The same with what a channel knows: whom the connection is to, and who makes the first offer.
    pub(crate) fn record(&self, log: &EventLog, participant: Option<String>, offers: Option<bool>) {
        self.inner
            .peer
            .set_recorder(|connection| Recorder::new(log.clone(), connection, participant, offers));
    }

    /// Waits until all candidates are known: for signaling that sends descriptions only.
    pub async fn gathering_complete(&self) {
        self.when(|connection| {
            let is_complete = connection.ice_gathering_state() == IceGatheringState::Complete;
            (is_complete || connection.signaling_state() == SignalingState::Closed).then_some(())
        })
        .await;
    }

    /// Waits until the connection stands.
    ///
    /// # Errors
    /// `OperationError` when it has failed or was closed instead.
    pub async fn connected(&self) -> Result<(), Error> {
        self.when(|connection| match connection.connection_state() {
            PeerConnectionState::Connected => Some(Ok(())),
            PeerConnectionState::Failed => Some(Err(Error::Operation("the connection has failed"))),
            PeerConnectionState::Closed => Some(Err(Error::InvalidState("the connection is closed"))),
            _ => None,
        })
        .await
    }

    async fn when<R>(&self, look: impl Fn(&connection::Connection) -> Option<R>) -> R {
        poll_fn(|context| match self.inner.peer.look_or_wait(context, &look) {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        })
        .await
    }

    /// The next event. `None`: the connection is closed. Cancelled, it has taken nothing.
    pub async fn next_event(&self) -> Option<Event> {
        poll_fn(|context| self.poll_event(context)).await
    }

    fn poll_event(&self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.inner.peer.events.poll_next(context)
    }

    /// The events as a stream.
    pub fn events(&self) -> impl Stream<Item = Event> + Send + Unpin + use<> {
        let peer = self.inner.peer.clone();
        futures_util::stream::poll_fn(move |context| peer.events.poll_next(context))
    }

    /// Calls `handler` with each event from now on, those that wait first. It runs on the endpoint's task, so it has to
    /// be quick; it may call whatever doesn't wait.
    pub fn on_event(&self, handler: impl FnMut(Event) + Send + 'static) {
        self.inner.peer.events.set_handler(Box::new(handler), |_| ());
    }
}
