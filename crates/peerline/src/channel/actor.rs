//! The task behind a [`super::Channel`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use peerline_signaling::client::content::{Chat as ChatContent, ChatId, Content, Profile};
use peerline_signaling::client::{
    ClosedReason, CommandError, Event, LeaveReason, Plaintext, RequestId, State,
};
use peerline_signaling::message::Ice;
use peerline_signaling::{ChannelId, ParticipantId};
use tokio::sync::{mpsc, oneshot};

use super::chat::{Chat, Outgoing, Way};
use super::connection::Reported;
use super::left_out::{Arrival, LeftOut};
use super::network::{Change, Network, next_change};
use super::participant::{Effect, Remote, Surroundings};
use super::session::{AnswerSender, Said, Session};
use super::{ChannelError, ChannelEvent, ChatMessage, EVENTS, sleep_until};
use crate::{IceServer, PeerConnection};

/// What the handles ask for.
pub(super) enum Command {
    Chat(ChatContent, oneshot::Sender<()>),
    Send(Option<ParticipantId>, Vec<u8>, AnswerSender),
    PeerConnection(ParticipantId, oneshot::Sender<PeerConnection>),
    IceServers(oneshot::Sender<Vec<IceServer>>),
    SetName(String),
    Wake,
    Leave,
}

pub(super) struct Actor {
    channel: ChannelId,
    session: Session,
    manners: Manners,
    commands: mpsc::UnboundedReceiver<Command>,
    events: mpsc::Sender<ChannelEvent>,
    outgoing: VecDeque<ChannelEvent>,
    /// Who waits for the server to let us in, at first.
    entered: Option<oneshot::Sender<Result<(), ChannelError>>>,
    joined: bool,
    participants: BTreeMap<ParticipantId, Remote>,
    left_out: LeftOut,
    /// Without, there are no direct connections.
    surroundings: Option<Surroundings>,
    network: Option<Network>,
    reports: mpsc::Receiver<Reported>,
    chat: Chat,
    /// Chat messages that the server has been asked to carry.
    carried: HashMap<RequestId, (ParticipantId, ChatId)>,
    ended: bool,
    /// Who waits to be told of the STUN and TURN servers.
    ice_servers_wanted: Vec<oneshot::Sender<Vec<IceServer>>>,
}

/// What the application asked for when it entered.
pub(super) struct Manners {
    /// Whether a server that is away is waited for at first.
    pub(super) waits: bool,
    /// Whether there is one participant at a time.
    pub(super) one_partner: bool,
}

/// The channels between the task and the handles.
pub(super) struct Handles {
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) events: mpsc::Sender<ChannelEvent>,
    pub(super) entered: oneshot::Sender<Result<(), ChannelError>>,
}

impl Actor {
    pub(super) fn new(
        channel: ChannelId,
        session: Session,
        manners: Manners,
        handles: Handles,
        surroundings: Option<Surroundings>,
        reports: mpsc::Receiver<Reported>,
    ) -> Self {
        let Handles { commands, events, entered } = handles;
        let network = surroundings.as_ref().map(|surroundings| Network::of(&surroundings.endpoint));
        Self {
            channel,
            session,
            manners,
            commands,
            events,
            outgoing: VecDeque::new(),
            entered: Some(entered),
            joined: false,
            participants: BTreeMap::new(),
            left_out: LeftOut::default(),
            surroundings,
            network,
            reports,
            chat: Chat::default(),
            carried: HashMap::new(),
            ended: false,
            ice_servers_wanted: Vec::new(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            self.settle();
            while !self.outgoing.is_empty()
                && let Ok(permit) = self.events.try_reserve()
            {
                if let Some(event) = self.outgoing.pop_front() {
                    permit.send(event);
                }
            }
            if self.ended {
                break;
            }
            let timeout = self.timeout();
            let listens = self.outgoing.len() < EVENTS;
            tokio::select! {
                () = self.session.wait(), if listens => {}
                Some((participant, number, news)) = self.reports.recv(), if listens => {
                    self.take_report(participant, number, news);
                }
                command = self.commands.recv() => self.obey(command),
                change = next_change(&mut self.network) => self.follow(change),
                () = has_room(&self.events), if !self.outgoing.is_empty() => {}
                () = self.events.closed() => self.ended = true,
                () = sleep_until(timeout) => self.handle_timeout(),
            }
        }
        for participant in self.participants.values_mut() {
            participant.close(true);
        }
        self.session.close().await;
        for event in self.outgoing {
            if self.events.send(event).await.is_err() {
                break;
            }
        }
    }

    /// Carries out what follows from what happened, until nothing follows.
    fn settle(&mut self) {
        loop {
            self.session.settle();
            if let Some(said) = self.session.said.pop_front() {
                self.take(said);
            } else if let Some(arrival) = self.next_partner() {
                self.arrive(arrival);
            } else if let Some(outgoing) = self.chat.poll_outgoing() {
                self.carry(outgoing);
            } else if !self.negotiate() {
                return;
            }
        }
    }

    /// Sends what negotiations have to say. Returns whether there was anything.
    fn negotiate(&mut self) -> bool {
        let now = Instant::now();
        let mut any = false;
        for (participant, remote) in &mut self.participants {
            while let Some(content) = remote.poll_outgoing() {
                any = true;
                // A refusal means that the other side is gone; if it comes back, it is sent again.
                let _ =
                    self.session.client.send(now, &self.channel, *participant, content.to_json().as_bytes());
            }
        }
        any
    }

    fn timeout(&self) -> Option<Instant> {
        let participants = self.participants.values().filter_map(Remote::poll_timeout);
        participants.chain(self.chat.poll_timeout()).min()
    }

    fn handle_timeout(&mut self) {
        let now = Instant::now();
        let participants = &self.participants;
        self.chat.handle_timeout(now, |participant| {
            participants.get(participant).is_some_and(Remote::is_data_open)
        });
        for participant in self.participants.keys().copied().collect::<Vec<_>>() {
            if self.participants.get(&participant).is_some_and(|remote| remote.is_gone(now)) {
                self.remove(participant, LeaveReason::Timeout);
            } else {
                self.change(participant, |remote, surroundings| {
                    if let Some(surroundings) = surroundings {
                        remote.handle_timeout(now, surroundings);
                    }
                });
            }
        }
    }

    fn obey(&mut self, command: Option<Command>) {
        let now = Instant::now();
        match command {
            Some(Command::Chat(message, done)) => {
                let present = self
                    .participants
                    .iter()
                    .map(|(participant, remote)| (*participant, remote.is_data_open()));
                self.chat.send(now, &message, present, done);
            }
            Some(Command::Send(to, payload, answer)) => {
                let request = match (to, self.participants.keys().next()) {
                    (Some(to), _) => self.session.client.send(now, &self.channel, to, &payload),
                    // The server's "everybody" has those in it who are left out.
                    (None, Some(partner)) if self.manners.one_partner => {
                        self.session.client.send(now, &self.channel, *partner, &payload)
                    }
                    (None, None) if self.manners.one_partner => Err(CommandError::NotJoined),
                    (None, _) => self.session.client.publish(now, &self.channel, &payload),
                };
                self.session.await_answer(request, answer);
            }
            Some(Command::PeerConnection(participant, answer)) => {
                let remote = self.participants.get(&participant);
                if let Some(connection) = remote.and_then(Remote::peer_connection) {
                    let _ = answer.send(connection.clone());
                }
            }
            Some(Command::IceServers(answer)) => {
                self.ice_servers_wanted.push(answer);
                self.tell_ice_servers();
            }
            Some(Command::SetName(name)) => {
                let identity = Some(self.session.client.identity().public().to_text());
                let profile = Profile { name, identity, ..Profile::default() };
                // Refused only where we are not in the channel: then there is nobody to tell.
                let _ = self.session.client.set_profile(now, &self.channel, profile);
            }
            Some(Command::Wake) => {
                self.session.client.wake(now);
                self.restart(now, |_| true);
            }
            Some(Command::Leave) | None => self.ended = true,
        }
    }

    /// Our network is another one.
    fn follow(&mut self, change: Change) {
        let now = Instant::now();
        self.session.client.network_changed(now);
        // What is new is tried beside what there is.
        if let Change::AddressesLost(lost) = change {
            self.restart(now, |remote| remote.is_affected_by(&lost));
        }
    }

    /// Looks for new paths to those whom `which` picks.
    fn restart(&mut self, now: Instant, which: impl Fn(&Remote) -> bool) {
        for participant in self.participants.keys().copied().collect::<Vec<_>>() {
            self.change(participant, |remote, surroundings| {
                if let Some(surroundings) = surroundings.filter(|_| which(remote)) {
                    remote.network_changed(now, surroundings);
                }
            });
        }
    }

    fn take(&mut self, said: Said) {
        match said {
            Said::Unreachable(error) => match self.entered.take() {
                Some(entered) if error.is_final() || !self.manners.waits => {
                    let _ = entered.send(Err(error.into()));
                    self.ended = true;
                }
                Some(entered) => self.entered = Some(entered),
                None => self.outgoing.push_back(ChannelEvent::Reconnecting(Some(error.to_string()))),
            },
            Said::Event(event) => self.take_event(event),
        }
    }

    fn take_event(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::StateChanged(State::Connecting) => {
                self.set_online(false);
                if std::mem::take(&mut self.joined) {
                    self.outgoing.push_back(ChannelEvent::Reconnecting(None));
                }
            }
            Event::StateChanged(State::Online) => {
                self.set_online(true);
                // A session that goes on is in its channels.
                if self.entered.is_none() {
                    self.enter();
                }
            }
            Event::Joined(_) => self.enter(),
            Event::JoinRefused(_, refusal) => {
                if let Some(entered) = self.entered.take() {
                    let _ = entered.send(Err(ChannelError::Refused(refusal)));
                }
                self.ended = true;
            }
            Event::HelloRefused(refusal) | Event::RejoinRefused(_, refusal) if self.entered.is_none() => {
                self.joined = false;
                self.outgoing.push_back(ChannelEvent::Reconnecting(Some(refusal.message)));
            }
            Event::Arrived { participant, profile, state, polite, offers, .. } => {
                if self.participants.contains_key(&participant) {
                    self.change(participant, |remote, surroundings| {
                        remote.set_profile(profile);
                        remote.set_presence(now, state, surroundings);
                    });
                    return;
                }
                self.left_out.remove(participant);
                let arrival = Arrival { id: participant, profile, presence: state, polite, offers };
                if self.manners.one_partner && !self.participants.is_empty() {
                    self.outgoing.push_back(ChannelEvent::LeftOut(arrival.described()));
                    self.left_out.add(arrival);
                } else {
                    self.arrive(arrival);
                }
            }
            Event::MemberState { participant, state, .. } => {
                if let Some(arrival) = self.left_out.get_mut(participant) {
                    arrival.presence = state;
                }
                self.change(participant, |remote, surroundings| {
                    remote.set_presence(now, state, surroundings)
                });
            }
            Event::ProfileChanged { participant, profile, .. } => {
                if let Some(arrival) = self.left_out.get_mut(participant) {
                    arrival.profile = profile;
                    return;
                }
                self.change(participant, |remote, _| remote.set_profile(profile));
            }
            Event::Left { participant, reason, .. } => {
                self.left_out.remove(participant);
                let stays = reason == LeaveReason::Timeout
                    && self.participants.get_mut(&participant).is_some_and(|remote| !remote.give_up());
                if !stays {
                    self.remove(participant, reason);
                }
            }
            Event::Message { from, .. } if self.is_left_out(from) => {}
            Event::Message { from, everybody, payload, .. } => self.hear(from, everybody, payload),
            Event::IceServers(ice) => self.configure(ice),
            Event::Answered(request, _) => {
                if let Some((to, chat)) = self.carried.remove(&request) {
                    self.chat.left_server(to, &chat);
                }
            }
            Event::Closed(reason) => {
                if reason == ClosedReason::Fenced {
                    self.outgoing.push_back(ChannelEvent::Closed(reason));
                }
                self.ended = true;
            }
            // Discovery and ringing are not a channel's.
            _ => {}
        }
    }

    fn set_online(&mut self, online: bool) {
        if let Some(surroundings) = &mut self.surroundings {
            surroundings.online = online;
        }
    }

    fn enter(&mut self) {
        if let Some(entered) = self.entered.take() {
            self.joined = true;
            if entered.send(Ok(())).is_err() {
                self.ended = true;
            }
        } else if !std::mem::replace(&mut self.joined, true) {
            self.outgoing.push_back(ChannelEvent::Joined);
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        let now = Instant::now();
        let (participant, offers) = (arrival.id, arrival.offers);
        let mut remote = Remote::new(now, arrival);
        if let Some(surroundings) = &mut self.surroundings {
            remote.connect(now, offers, surroundings);
        }
        self.outgoing.extend(remote.news().map(ChannelEvent::ParticipantArrived));
        self.participants.insert(participant, remote);
    }

    /// Whether it is to be as if this one were not there.
    fn is_left_out(&self, participant: ParticipantId) -> bool {
        self.manners.one_partner && !self.participants.contains_key(&participant)
    }

    /// Who takes the partner's place, once that is free: the partner is gone, or neither we nor the server reach it.
    fn next_partner(&mut self) -> Option<Arrival> {
        if !self.participants.values().all(Remote::is_away) {
            return None;
        }
        let next = self.left_out.take_present()?;
        for (participant, mut partner) in std::mem::take(&mut self.participants) {
            partner.close(false);
            self.chat.left(participant);
            self.outgoing.push_back(ChannelEvent::ParticipantLeft(partner.described(), LeaveReason::Timeout));
            self.left_out.add(partner.into_arrival());
        }
        Some(next)
    }

    fn configure(&mut self, ice: Ice) {
        let Some(surroundings) = &mut self.surroundings else { return };
        let servers = ice.servers.into_iter().map(|server| IceServer {
            urls: server.urls,
            username: server.username,
            credential: server.credential,
        });
        // One that we cannot read must not keep us from the others.
        surroundings.configuration.ice_servers =
            servers.filter(|server| server.parse_urls().is_ok()).collect();
        for remote in self.participants.values() {
            remote.configure(&surroundings.configuration);
        }
        self.tell_ice_servers();
    }

    /// Answers those who want to know of the servers, once there are any.
    fn tell_ice_servers(&mut self) {
        let Some(surroundings) = &self.surroundings else { return self.ice_servers_wanted.clear() };
        let servers = &surroundings.configuration.ice_servers;
        if !servers.is_empty() {
            for wanted in self.ice_servers_wanted.drain(..) {
                let _ = wanted.send(servers.clone());
            }
        }
    }

    /// Changes a participant, and tells the application if that shows.
    fn change(
        &mut self,
        participant: ParticipantId,
        change: impl FnOnce(&mut Remote, Option<&mut Surroundings>),
    ) {
        let Some(remote) = self.participants.get_mut(&participant) else { return };
        change(remote, self.surroundings.as_mut());
        if let Some(changed) = remote.news() {
            self.outgoing.push_back(ChannelEvent::ParticipantChanged(changed));
        }
    }

    fn remove(&mut self, participant: ParticipantId, reason: LeaveReason) {
        if let Some(mut left) = self.participants.remove(&participant) {
            left.close(false);
            self.chat.left(participant);
            self.outgoing.push_back(ChannelEvent::ParticipantLeft(left.described(), reason));
        }
    }

    fn take_report(&mut self, participant: ParticipantId, number: u64, news: super::connection::News) {
        let now = Instant::now();
        let mut effect = None;
        self.change(participant, |remote, surroundings| {
            effect = surroundings.and_then(|surroundings| remote.take(now, number, news, surroundings));
        });
        match effect {
            Some(Effect::DataOpen) => self.chat.data_open(now, participant),
            Some(Effect::Said(content)) => self.hear_content(participant, content, Way::Data),
            Some(Effect::DataChannel(channel)) => {
                self.outgoing.push_back(ChannelEvent::DataChannel(participant, channel));
            }
            None => {}
        }
    }

    fn hear(&mut self, from: ParticipantId, everybody: bool, payload: Plaintext) {
        match Content::parse(&payload) {
            Some(content) => self.hear_content(from, content, Way::Server),
            None => self.outgoing.push_back(ChannelEvent::Message { from, everybody, payload }),
        }
    }

    fn hear_content(&mut self, from: ParticipantId, content: Content, way: Way) {
        match content {
            Content::Chat(message) => self.hear_chat(from, message, way),
            Content::Received { chat } => self.chat.acknowledged(from, &chat),
            Content::Bye => self.remove(from, LeaveReason::Left),
            Content::Description { .. } | Content::Candidate { .. } | Content::Restart { .. } => {
                let now = Instant::now();
                self.change(from, |remote, surroundings| {
                    if let Some(surroundings) = surroundings {
                        remote.negotiate(now, content, surroundings);
                    }
                });
            }
        }
    }

    fn hear_chat(&mut self, from: ParticipantId, message: ChatContent, way: Way) {
        if self.chat.received(from, &message, way) {
            let name =
                self.participants.get(&from).map(|remote| remote.name().to_owned()).unwrap_or_default();
            let ChatContent { chat, text, time } = message;
            let id = chat.as_str().to_owned();
            self.outgoing.push_back(ChannelEvent::Chat(ChatMessage { id, from, name, text, time, way }));
        }
    }

    fn carry(&mut self, outgoing: Outgoing) {
        let Outgoing { to, content, way } = outgoing;
        if way == Way::Data {
            if let Some(remote) = self.participants.get(&to) {
                remote.send_data(&content);
            }
            return;
        }
        let sent = self.session.client.send(Instant::now(), &self.channel, to, content.to_json().as_bytes());
        if let Content::Chat(message) = content {
            match sent {
                Ok(request) => {
                    self.carried.insert(request, (to, message.chat));
                }
                // It is tried again after a while.
                Err(_) => self.chat.left_server(to, &message.chat),
            }
        }
    }
}

/// Waits until the reader of events has taken some.
async fn has_room(events: &mpsc::Sender<ChannelEvent>) {
    let _ = events.reserve().await;
}
