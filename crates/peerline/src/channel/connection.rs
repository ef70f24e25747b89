//! One peer connection with its negotiation and its data channel. A participant may need several, one after the other.

use std::time::{Duration, Instant};

use peerline_signaling::ParticipantId;
use peerline_signaling::client::content::{CandidateInit, Content};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::negotiation::{Negotiation, Outcome};
use crate::event_log::EventLog;
use crate::{
    Configuration, DataChannel, DataChannelEvent, DataChannelInit, DataChannelState, Endpoint, Error, Event,
    IceCandidate, PeerConnection, PeerConnectionState, SignalingState,
};

/// The data channel that Peerline's clients talk by (`docs/signaling.md` §9).
const LABEL: &str = "peerline";
/// How long the last data message has to leave before the connection closes.
const LINGER: Duration = Duration::from_millis(100);

/// Something that happened on a connection.
pub(super) enum News {
    /// To the peer connection.
    Peer(Event),
    /// To the data channel `peerline`.
    Data(DataChannelEvent),
}

/// News of the connection of this number to this participant.
pub(super) type Reported = (ParticipantId, u64, News);

pub(super) struct Connection {
    pub(super) peer: PeerConnection,
    data: DataChannel,
    negotiation: Negotiation<PeerConnection>,
    may_offer: bool,
    reader: JoinHandle<()>,
}

/// What a connection is made of.
pub(super) struct Ingredients<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) configuration: Configuration,
    pub(super) reports: mpsc::Sender<Reported>,
    /// To whom.
    pub(super) participant: ParticipantId,
    /// Tells this connection from those before it.
    pub(super) number: u64,
    /// Whether this side yields when two offers collide.
    pub(super) polite: bool,
    /// The highest negotiation number that this pair has used.
    pub(super) newest: u64,
    /// Whether to make the first offer.
    pub(super) offers: bool,
    /// Where what happens is written.
    pub(super) event_log: Option<&'a EventLog>,
}

impl Connection {
    pub(super) fn new(now: Instant, ingredients: Ingredients<'_>) -> Result<Self, Error> {
        let Ingredients {
            endpoint,
            configuration,
            reports,
            participant,
            number,
            polite,
            newest,
            offers,
            event_log,
        } = ingredients;
        let peer = endpoint.peer_connection(configuration)?;
        if let Some(log) = event_log {
            peer.record(log, Some(participant.to_string()), Some(offers));
        }
        // Negotiated out of band: it exists on both sides without a message, whoever makes the offer.
        let init = DataChannelInit { negotiated: true, id: Some(0), ..DataChannelInit::default() };
        let data = peer.create_data_channel(LABEL, init)?;
        let reader = tokio::spawn(report(peer.clone(), data.clone(), participant, number, reports));
        let negotiation = Negotiation::new(peer.clone(), polite, newest);
        let mut connection = Self { peer, data, negotiation, may_offer: offers, reader };
        if offers {
            connection.negotiation.offer_first(now);
        }
        Ok(connection)
    }

    pub(super) fn state(&self) -> PeerConnectionState {
        self.peer.connection_state()
    }

    pub(super) const fn newest(&self) -> u64 {
        self.negotiation.newest()
    }

    pub(super) fn is_data_open(&self) -> bool {
        self.data.ready_state() == DataChannelState::Open
    }

    /// Sends by the data channel. What cannot be sent is sent again by the chat.
    pub(super) fn send_data(&self, content: &Content) {
        let _ = self.data.send_text(content.to_json());
    }

    /// Takes an offer, an answer, a candidate, or the wish for a restart.
    pub(super) fn receive(&mut self, now: Instant, content: Content) -> Outcome {
        match content {
            Content::Description { negotiation, description } => {
                let outcome = self.negotiation.receive(now, negotiation, &description);
                // From the first offer on, either side may make further ones.
                self.may_offer |= self.peer.remote_description().is_some();
                outcome
            }
            Content::Candidate { negotiation, candidate } => {
                self.negotiation.receive_candidate(negotiation, candidate);
                Outcome::Done
            }
            Content::Restart { negotiation } => {
                if negotiation >= self.newest() {
                    self.restart(now);
                }
                Outcome::Done
            }
            Content::Chat(_) | Content::Received { .. } | Content::Bye => Outcome::Done,
        }
    }

    /// Looks for a new path, by an offer with new ICE credentials; or makes the first offer, although the other side was to make it.
    pub(super) fn restart(&mut self, now: Instant) {
        if !self.may_offer {
            self.may_offer = true;
            self.negotiation.offer_first(now);
        } else if self.peer.signaling_state() == SignalingState::Stable {
            self.peer.restart_ice();
        } else {
            self.negotiation.resend(now);
        }
    }

    /// Whether the other side leaves a dead pair for the first one that answers, as agents of RFC 8445 do (§10: `ice2`). A browser that
    /// controls waits for 3.5 s; so it had better not make the offer, which gives it the control.
    pub(super) fn other_has_ice2(&self) -> bool {
        self.peer.remote_has_ice2()
    }

    /// Sends the pending offer again, if there is one.
    pub(super) fn resend(&mut self, now: Instant) {
        self.negotiation.resend(now);
    }

    /// An offer is to be made, unless what happened meanwhile has made it needless.
    pub(super) fn negotiate(&mut self, now: Instant) {
        if self.may_offer && self.peer.is_negotiation_needed() {
            self.negotiation.offer(now);
        }
    }

    pub(super) fn send_candidate(&mut self, candidate: IceCandidate) {
        let IceCandidate { candidate, sdp_mid, sdp_mline_index, username_fragment } = candidate;
        let ended = candidate.is_empty();
        let candidate =
            CandidateInit { candidate, sdp_mid, sdp_m_line_index: sdp_mline_index, username_fragment };
        self.negotiation.send_candidate((!ended).then_some(candidate));
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.negotiation.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.negotiation.poll_timeout()
    }

    pub(super) fn poll_outgoing(&mut self) -> Option<Content> {
        self.negotiation.poll_outgoing()
    }

    /// Ends the connection; `bye` tells the other side that this is on purpose.
    pub(super) fn close(self, bye: bool) {
        self.reader.abort();
        if bye && self.is_data_open() {
            self.send_data(&Content::Bye);
            tokio::spawn(async move {
                tokio::time::sleep(LINGER).await;
                self.peer.close();
            });
        } else {
            self.peer.close();
        }
    }
}

/// Hands on what happens, as fast as it is taken: a peer that floods the data channel waits for us.
async fn report(
    peer: PeerConnection,
    data: DataChannel,
    participant: ParticipantId,
    number: u64,
    reports: mpsc::Sender<Reported>,
) {
    let mut data_ended = false;
    loop {
        let news = tokio::select! {
            event = peer.next_event() => match event {
                Some(event) => News::Peer(event),
                None => return,
            },
            event = data.next_event(), if !data_ended => match event {
                Some(event) => News::Data(event),
                None => {
                    data_ended = true;
                    continue;
                }
            },
        };
        if reports.send((participant, number, news)).await.is_err() {
            return;
        }
    }
}
