//! Somebody else in a channel, and the connection to it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use peerline_signaling::ParticipantId;
use peerline_signaling::client::MemberState;
use peerline_signaling::client::content::{Content, Profile};
use tokio::sync::mpsc;

use super::connection::{Connection, Ingredients, News, Reported};
use super::left_out::Arrival;
use super::negotiation::Outcome;
use super::recovery::Recovery;
use super::{Participant, ParticipantState};
use crate::event_log::EventLog;
use crate::{
    Configuration, DataChannel, DataChannelEvent, Endpoint, Event, Message, PeerConnection,
    PeerConnectionState,
};

/// Attempts of the recovery: the first asks or restarts, later ones restart, every third replaces the connection.
const REPLACE: u32 = 3;
/// New connections that the other side may make necessary within a time. Each is costly.
const START_OVERS: usize = 8;
const START_OVERS_WITHIN: Duration = Duration::from_secs(60);
/// How long one is kept whom the server has given up, once the direct connection is broken, too.
const LAST_CHANCE: Duration = Duration::from_secs(5);

/// What all participants' connections are made of.
pub(super) struct Surroundings {
    pub(super) endpoint: Endpoint,
    pub(super) configuration: Configuration,
    pub(super) reports: mpsc::Sender<Reported>,
    /// How many connections there have been.
    pub(super) connections: u64,
    /// Whether we are connected to the server.
    pub(super) online: bool,
    /// Where what happens to them is written.
    pub(super) event_log: Option<EventLog>,
}

/// What news of a connection means for the channel.
pub(super) enum Effect {
    /// The data channel `peerline` is open.
    DataOpen,
    /// A message by that data channel.
    Said(Content),
    /// The other side opened a data channel.
    DataChannel(DataChannel),
}

/// Whether the server has given a participant up.
enum Lost {
    No,
    /// It has; the direct connection holds.
    Held,
    /// The direct connection is broken, too.
    Until(Instant),
}

pub(super) struct Remote {
    id: ParticipantId,
    profile: Profile,
    presence: MemberState,
    polite: bool,
    connection: Option<Connection>,
    number: u64,
    recovery: Recovery,
    start_overs: Vec<Instant>,
    lost: Lost,
    outgoing: VecDeque<Content>,
    /// What the application knows of it.
    told: Option<Participant>,
}

impl Arrival {
    /// As an application sees one whom nobody connects to.
    pub(super) fn described(&self) -> Participant {
        let present = self.presence == MemberState::Present;
        let state = if present { ParticipantState::Connecting } else { ParticipantState::Away };
        describe(self.id, &self.profile, self.presence, state)
    }
}

fn describe(
    id: ParticipantId,
    profile: &Profile,
    presence: MemberState,
    state: ParticipantState,
) -> Participant {
    let Profile { name, identity, microphone, camera } = profile.clone();
    let present = presence == MemberState::Present;
    Participant { id, name, identity, microphone, camera, state, present }
}

impl Remote {
    pub(super) fn new(now: Instant, arrival: Arrival) -> Self {
        let Arrival { id, profile, presence, polite, offers: _ } = arrival;
        Self {
            id,
            profile,
            presence,
            polite,
            connection: None,
            number: 0,
            recovery: Recovery::new(now),
            start_overs: Vec::new(),
            lost: Lost::No,
            outgoing: VecDeque::new(),
            told: None,
        }
    }

    /// What it would be if it arrived now: with a connection of which we make the first offer.
    pub(super) fn into_arrival(self) -> Arrival {
        let Self { id, profile, presence, polite, .. } = self;
        Arrival { id, profile, presence, polite, offers: true }
    }

    /// As an application sees it, when that is something new.
    pub(super) fn news(&mut self) -> Option<Participant> {
        let described = self.described();
        if self.told.as_ref() == Some(&described) {
            return None;
        }
        self.told = Some(described.clone());
        Some(described)
    }

    /// As an application sees it.
    pub(super) fn described(&self) -> Participant {
        describe(self.id, &self.profile, self.presence, self.state())
    }

    pub(super) fn name(&self) -> &str {
        &self.profile.name
    }

    pub(super) fn peer_connection(&self) -> Option<&PeerConnection> {
        self.connection.as_ref().map(|connection| &connection.peer)
    }

    pub(super) fn is_data_open(&self) -> bool {
        self.connection.as_ref().is_some_and(Connection::is_data_open)
    }

    fn is_connected(&self) -> bool {
        self.connection
            .as_ref()
            .is_some_and(|connection| connection.state() == PeerConnectionState::Connected)
    }

    fn state(&self) -> ParticipantState {
        if self.is_connected() && self.is_data_open() {
            ParticipantState::Connected
        } else if self.presence != MemberState::Present {
            ParticipantState::Away
        } else if self.recovery.has_failed() {
            ParticipantState::Failed
        } else {
            ParticipantState::Connecting
        }
    }

    /// Neither we nor the server reach it.
    pub(super) fn is_away(&self) -> bool {
        self.state() == ParticipantState::Away
    }

    fn is_reachable(&self, surroundings: &Surroundings) -> bool {
        surroundings.online && self.presence == MemberState::Present
    }

    /// Makes the connection; `offers`: this side makes the first offer. `newest` numbers go on.
    pub(super) fn connect(&mut self, now: Instant, offers: bool, surroundings: &mut Surroundings) {
        let newest = self.connection.as_ref().map_or(0, Connection::newest);
        if let Some(before) = self.connection.take() {
            before.close(false);
        }
        surroundings.connections += 1;
        self.number = surroundings.connections;
        let ingredients = Ingredients {
            endpoint: &surroundings.endpoint,
            configuration: surroundings.configuration.clone(),
            reports: surroundings.reports.clone(),
            participant: self.id,
            number: self.number,
            polite: self.polite,
            newest,
            offers,
            event_log: surroundings.event_log.as_ref(),
        };
        // Without a connection there is the server; the recovery tries again.
        self.connection = Connection::new(now, ingredients).ok();
    }

    /// Sends by the data channel `peerline`.
    pub(super) fn send_data(&self, content: &Content) {
        if let Some(connection) = &self.connection {
            connection.send_data(content);
        }
    }

    /// Takes a message of the negotiation.
    pub(super) fn negotiate(&mut self, now: Instant, content: Content, surroundings: &mut Surroundings) {
        let Some(connection) = &mut self.connection else { return };
        let is_offer = match &content {
            Content::Description { description, .. } => {
                description.kind == peerline_signaling::client::content::DescriptionType::Offer
            }
            _ => false,
        };
        let again = is_offer.then(|| content.clone());
        if connection.receive(now, content) == Outcome::StartOver && self.may_start_over(now) {
            self.connect(now, !is_offer, surroundings);
            if let (Some(connection), Some(offer)) = (&mut self.connection, again) {
                connection.receive(now, offer);
            }
        }
    }

    fn may_start_over(&mut self, now: Instant) -> bool {
        self.start_overs.retain(|time| now.saturating_duration_since(*time) < START_OVERS_WITHIN);
        let may = self.start_overs.len() < START_OVERS;
        if may {
            self.start_overs.push(now);
        }
        may
    }

    pub(super) fn set_profile(&mut self, profile: Profile) {
        self.profile = profile;
    }

    /// What the server says: it is there, it lost its connection, the server doesn't know it.
    pub(super) fn set_presence(
        &mut self,
        now: Instant,
        presence: MemberState,
        surroundings: Option<&mut Surroundings>,
    ) {
        self.presence = presence;
        self.lost = Lost::No;
        if let Some(surroundings) = surroundings.filter(|_| presence == MemberState::Present) {
            self.reached(now, surroundings);
        }
    }

    /// The server can reach this participant again; what was sent meanwhile may be lost.
    pub(super) fn reached(&mut self, now: Instant, surroundings: &mut Surroundings) {
        if !self.is_reachable(surroundings) {
            return;
        }
        if let Some(connection) = &mut self.connection {
            connection.resend(now);
        }
        let attempt = self.recovery.wake(now);
        self.reconnect(now, attempt, surroundings);
    }

    /// The server has given it up. Returns whether it is to go at once.
    pub(super) fn give_up(&mut self) -> bool {
        self.presence = MemberState::Missing;
        self.lost = Lost::Held;
        !self.is_connected()
    }

    /// Whether it is to go: the server gave it up some time ago, and the direct connection is broken.
    pub(super) fn is_gone(&self, now: Instant) -> bool {
        matches!(self.lost, Lost::Until(until) if until <= now)
    }

    /// Whether the connection is at one of these addresses, or isn't made: then a new path may come sooner.
    pub(super) fn is_affected_by(&self, lost: &[IpAddr]) -> bool {
        let local = self.peer_connection().and_then(PeerConnection::local_address);
        !self.recovery.is_connected() || local.is_none_or(|local| lost.contains(&local))
    }

    pub(super) fn network_changed(&mut self, now: Instant, surroundings: &mut Surroundings) {
        let reachable = self.is_reachable(surroundings);
        if !self.recovery.network_changed(now, reachable) {
            return;
        }
        match &mut self.connection {
            // The other side hasn't noticed anything: there is no offer to collide with.
            Some(connection) if self.recovery.is_connected() => connection.restart(now),
            _ => self.reconnect(now, Some(1), surroundings),
        }
    }

    /// Takes new servers and credentials; they count from the next restart of ICE on.
    pub(super) fn configure(&self, configuration: &Configuration) {
        if let Some(connection) = &self.connection {
            // Refused only when it is closed.
            let _ = connection.peer.set_configuration(configuration.clone());
        }
    }

    /// Takes news of the connection of this number; those of earlier ones are over.
    pub(super) fn take(
        &mut self,
        now: Instant,
        number: u64,
        news: News,
        surroundings: &mut Surroundings,
    ) -> Option<Effect> {
        let connection = self.connection.as_mut().filter(|_| number == self.number)?;
        match news {
            News::Peer(Event::NegotiationNeeded) => connection.negotiate(now),
            News::Peer(Event::SignalingStateChange(_)) => {}
            News::Peer(Event::IceCandidate(candidate)) => connection.send_candidate(candidate),
            News::Peer(Event::DataChannel(channel)) => return Some(Effect::DataChannel(channel)),
            News::Peer(Event::ConnectionStateChange(state)) => self.state_changed(now, state, surroundings),
            News::Data(DataChannelEvent::Open) => return Some(Effect::DataOpen),
            News::Data(DataChannelEvent::Message(Message::Text(json))) => {
                let content = Content::parse(json.as_bytes())?;
                let by_data = matches!(content, Content::Chat(_) | Content::Received { .. } | Content::Bye);
                return by_data.then_some(Effect::Said(content));
            }
            News::Peer(_) | News::Data(_) => {}
        }
        None
    }

    fn state_changed(&mut self, now: Instant, state: PeerConnectionState, surroundings: &mut Surroundings) {
        match (&self.lost, state) {
            (Lost::Until(_), PeerConnectionState::Connected) => self.lost = Lost::Held,
            (Lost::Held, PeerConnectionState::Connected) | (Lost::No | Lost::Until(_), _) => {}
            (Lost::Held, _) => self.lost = Lost::Until(now + LAST_CHANCE),
        }
        let reachable = self.is_reachable(surroundings);
        let attempt = self.recovery.update(now, state, reachable);
        self.reconnect(now, attempt, surroundings);
    }

    fn reconnect(&mut self, now: Instant, attempt: Option<u32>, surroundings: &mut Surroundings) {
        let Some(attempt) = attempt else { return };
        let Some(connection) = self.connection.as_mut().filter(|_| attempt % REPLACE != 0) else {
            return self.connect(now, true, surroundings);
        };
        if attempt == 1 && self.polite && connection.newest() > 0 && connection.other_has_ice2() {
            // Only one side offers, so that two restarts at the same time don't collide.
            self.outgoing.push_back(Content::Restart { negotiation: connection.newest() });
        } else {
            connection.restart(now);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, surroundings: &mut Surroundings) {
        if let Some(connection) = &mut self.connection {
            connection.handle_timeout(now);
        }
        let reachable = self.is_reachable(surroundings);
        let attempt = self.recovery.handle_timeout(now, reachable);
        self.reconnect(now, attempt, surroundings);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let lost = match self.lost {
            Lost::Until(until) => Some(until),
            Lost::No | Lost::Held => None,
        };
        let connection = self.connection.as_ref().and_then(Connection::poll_timeout);
        [lost, connection, self.recovery.poll_timeout()].into_iter().flatten().min()
    }

    /// What is to be sent to it, sealed, by the server.
    pub(super) fn poll_outgoing(&mut self) -> Option<Content> {
        self.outgoing.pop_front().or_else(|| self.connection.as_mut()?.poll_outgoing())
    }

    /// Ends the connection; `bye` tells the other side that this is on purpose.
    pub(super) fn close(&mut self, bye: bool) {
        if let Some(connection) = self.connection.take() {
            connection.close(bye);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::{EndpointConfig, Interfaces};

    const GATHERING: Duration = Duration::from_millis(20);
    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    /// A participant as the other one sees it, and what its connections are made of.
    struct Side {
        remote: Remote,
        surroundings: Surroundings,
        /// What happens is told by the test.
        _reports: mpsc::Receiver<Reported>,
    }

    impl Side {
        fn new(now: Instant, polite: bool) -> Self {
            let (sender, reports) = mpsc::channel(1024);
            let interfaces = Interfaces::Only(vec![HERE]);
            let surroundings = Surroundings {
                endpoint: Endpoint::bind(EndpointConfig { interfaces, ..EndpointConfig::default() }).unwrap(),
                configuration: Configuration::default(),
                reports: sender,
                connections: 0,
                online: true,
                event_log: None,
            };
            let arrival = Arrival {
                id: ParticipantId::from_bytes(&[7; 16]),
                profile: Profile::default(),
                presence: MemberState::Present,
                polite,
                offers: !polite,
            };
            let mut side = Self { remote: Remote::new(now, arrival), surroundings, _reports: reports };
            side.remote.connect(now, !polite, &mut side.surroundings);
            side
        }

        fn turn(&mut self, now: Instant, state: PeerConnectionState) {
            self.remote.state_changed(now, state, &mut self.surroundings);
        }

        fn peer(&self) -> &PeerConnection {
            self.remote.peer_connection().unwrap()
        }

        fn outgoing(&mut self) -> Vec<Content> {
            std::iter::from_fn(|| self.remote.poll_outgoing()).collect()
        }

        fn hand_over(&mut self, now: Instant, to: &mut Self) {
            self.remote.handle_timeout(now, &mut self.surroundings);
            for content in self.outgoing() {
                to.remote.negotiate(now, content, &mut to.surroundings);
            }
        }
    }

    /// Two whose connection is agreed on, the polite one first, which has been told that it stands.
    async fn agreed() -> (Side, Side, Instant) {
        let now = Instant::now();
        let (mut one, mut other) = (Side::new(now, true), Side::new(now, false));
        other.peer().gathering_complete().await;
        other.hand_over(now + GATHERING, &mut one);
        one.peer().gathering_complete().await;
        one.hand_over(now + GATHERING * 2, &mut other);
        one.turn(now, PeerConnectionState::Connected);
        (one, other, now)
    }

    #[tokio::test]
    async fn who_is_polite_asks_for_a_restart_that_the_other_side_may_be_making() {
        let (mut one, _other, now) = agreed().await;
        one.turn(now, PeerConnectionState::Disconnected);
        one.remote.network_changed(now, &mut one.surroundings);
        assert!(matches!(one.outgoing()[..], [Content::Restart { .. }]));
    }

    #[tokio::test]
    async fn who_is_polite_offers_by_itself_where_nobody_else_has_noticed_anything() {
        let (mut one, _other, now) = agreed().await;
        one.remote.network_changed(now, &mut one.surroundings);
        assert!(one.peer().is_negotiation_needed());
        assert_eq!(one.outgoing(), []);
    }

    #[tokio::test]
    async fn an_address_that_is_lost_matters_to_what_goes_by_it_and_to_what_is_only_being_made() {
        let (mut one, _other, now) = agreed().await;
        one.peer().connected().await.unwrap();
        let elsewhere = IpAddr::from([192, 0, 2, 1]);
        assert!(one.remote.is_affected_by(&[elsewhere, HERE]));
        assert!(!one.remote.is_affected_by(&[elsewhere]));
        one.turn(now, PeerConnectionState::Disconnected);
        assert!(one.remote.is_affected_by(&[elsewhere]));
    }

    #[tokio::test]
    async fn what_interfaces_do_never_replaces_a_connection() {
        let (mut one, _other, now) = agreed().await;
        one.turn(now, PeerConnectionState::Disconnected);
        for _ in 0..10 {
            one.remote.network_changed(now, &mut one.surroundings);
        }
        assert_eq!(one.surroundings.connections, 1);
    }
}
