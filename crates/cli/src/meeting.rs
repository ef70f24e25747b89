//! One's place in a channel, from entering it to leaving it.

use std::collections::BTreeMap;
use std::time::Duration;

use peerline::channel::{
    Channel, ChannelError, ChannelEvent, ChannelSender, Code, Link, Participant, ParticipantId,
    ParticipantState,
};
use peerline::event_log::EventLog;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::client_options::ClientOptions;
use crate::exit::{Failure, Problem};
use crate::notes::{Note, Notes};
use crate::path::Path;
use crate::place::{Expiry, Place, Where};
use crate::terminal;

/// How long a server may take to let us in.
const ENTERING: Duration = Duration::from_secs(30);
/// How long those who are there already may take to be told of.
const PATIENCE: Duration = Duration::from_secs(3);
/// After how long the path is looked at again: ICE often finds a better one just after it connected.
const SECOND_LOOK: Duration = Duration::from_millis(1_500);

/// A channel that has been entered, and what is known of those who are there.
pub(crate) struct Meeting {
    channel: Channel,
    notes: Notes,
    made: Option<Made>,
    people: BTreeMap<ParticipantId, Participant>,
    /// When we say that we wait, as long as nobody is there.
    patience: Option<Instant>,
    /// When we give up, as long as nobody has come, or the partner is away.
    expires: Option<Instant>,
    /// How long a partner may be away; `None`: as long as it takes.
    absence: Option<Duration>,
    /// Whether the work needs direct connections.
    direct: bool,
    /// Whether somebody has come.
    was_met: bool,
    /// Whether the present partner was connected.
    was_connected: bool,
    paths: mpsc::UnboundedReceiver<(ParticipantId, Path)>,
    path_found: mpsc::UnboundedSender<(ParticipantId, Path)>,
    stopping: watch::Sender<bool>,
}

/// What was made for this meeting.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    /// A spoken code; without, it is a link that any number may use.
    pub(crate) code: Option<String>,
    /// The same for a browser.
    pub(crate) link: String,
    /// How long we wait for somebody.
    pub(crate) expires: Duration,
}

/// What happens in a meeting.
#[derive(Debug)]
pub(crate) enum MeetingEvent {
    Channel(ChannelEvent),
    /// The direct connection to a participant takes this way.
    Path(ParticipantId, Path),
}

impl Meeting {
    /// Enters the channel, and tells of a code or a link that was made for it.
    ///
    /// By a code there is one participant at a time (`docs/signaling.md` §1).
    pub(crate) async fn enter(
        options: &ClientOptions,
        log: Option<EventLog>,
        place: &Where,
        expiry: &Expiry,
        notes: Notes,
        direct: bool,
    ) -> Result<Self, Problem> {
        let expires = expiry.after(place);
        let (link, made) = resolve(place.clone(), options.server.0.clone(), expires).await?;
        let identity = options.identity();
        if let Err(error) = &identity {
            let warning =
                format!("The identity of this user can't be kept ({error}); one for this time is used.");
            notes.tell(&Note::Warning { warning });
        }
        let proxy = options.proxy().unwrap_or_else(|warning| {
            notes.tell(&Note::Warning { warning });
            None
        });
        let mut options = options.channel_options(identity.ok());
        options.proxy = proxy;
        options.one_partner = !place.is_for_many();
        options.event_log = log;
        let channel =
            tokio::time::timeout(ENTERING, Channel::join(&link, options)).await.map_err(|_| {
                let why = format!("{} does not answer.", link.origin());
                Problem::new(Failure::Unconnected, why)
            })??;
        match made.clone() {
            Some(Made { code: Some(code), link, expires }) => notes.tell(&Note::Code { code, link, expires }),
            Some(Made { code: None, link, .. }) => notes.tell(&Note::Link { link }),
            None => {}
        }
        let absence = expires.filter(|_| !place.is_for_many());
        let expires = deadline(expires);
        let (path_found, paths) = mpsc::unbounded_channel();
        // Whoever made a code knows that nobody is there yet.
        let patience = made.is_none().then(|| Instant::now() + PATIENCE);
        let people = BTreeMap::new();
        let stopping = watch::Sender::new(false);
        let (was_met, was_connected) = (false, false);
        Ok(Self {
            channel,
            notes,
            made,
            people,
            patience,
            expires,
            absence,
            direct,
            was_met,
            was_connected,
            paths,
            path_found,
            stopping,
        })
    }

    /// A handle to send with while events are awaited.
    pub(crate) fn sender(&self) -> ChannelSender {
        self.channel.sender()
    }

    /// The code or the link that was made for it.
    pub(crate) fn made(&self) -> Option<&Made> {
        self.made.as_ref()
    }

    /// Resolves when a signal has come ([`OnSignal::Cancelled`](crate::client::OnSignal::Cancelled)).
    pub(crate) fn stopping(&self) -> impl Future<Output = ()> + use<> {
        let mut stopping = self.stopping.subscribe();
        async move {
            // An error means that the meeting is over.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Tells the work that a signal has come.
    pub(crate) fn stop_sender(&self) -> watch::Sender<bool> {
        self.stopping.clone()
    }

    /// What the server calls the channel.
    pub(crate) fn channel_name(&self) -> String {
        self.channel.link().channel().to_string()
    }

    /// One's own identifier.
    pub(crate) fn id(&self) -> ParticipantId {
        self.channel.id()
    }

    /// Who is there, by what was told of them.
    pub(crate) fn people(&self) -> impl Iterator<Item = &Participant> {
        self.people.values()
    }

    /// What was told of one who is there.
    pub(crate) fn person(&self, participant: ParticipantId) -> Option<&Participant> {
        self.people.get(&participant)
    }

    /// What happened next; notes are told of it. Cancel-safe.
    ///
    /// # Errors
    /// When nobody has come in time, or come back; when a partner can't be connected to, and that is needed; and when
    /// another program has taken this one's place.
    pub(crate) async fn next_event(&mut self) -> Result<MeetingEvent, Problem> {
        loop {
            tokio::select! {
                biased;
                event = self.channel.next_event() => {
                    let event = event.ok_or(ChannelError::Left)?;
                    self.note(&event);
                    self.check(&event)?;
                    return Ok(MeetingEvent::Channel(event));
                }
                Some((participant, path)) = self.paths.recv() => {
                    let name = self.name_of(participant);
                    self.notes.tell(&Note::Connected { name, path });
                    return Ok(MeetingEvent::Path(participant, path));
                }
                () = reached(self.patience) => {
                    self.patience = None;
                    self.notes.tell(&Note::Waiting);
                }
                () = reached(self.expires) => {
                    let why = if self.was_met { "The other side did not come back in time." } else { "Nobody came in time." };
                    return Err(Problem::new(Failure::Nobody, why));
                }
            }
        }
    }

    /// What to call a participant: by its name, and where that doesn't tell it from others, by a part of its identifier, too.
    pub(crate) fn name_of(&self, participant: ParticipantId) -> String {
        let name =
            self.people.get(&participant).map(|person| terminal::line(&person.name)).unwrap_or_default();
        let same = |person: &&Participant| terminal::line(&person.name) == name;
        if name.is_empty() || self.people().filter(same).count() > 1 {
            let id = participant.to_string();
            let start = id.get(..4).unwrap_or_default();
            return if name.is_empty() { format!("({start})") } else { format!("{name} ({start})") };
        }
        name
    }

    /// Leaves; resolves when the server has been told.
    pub(crate) async fn leave(self) {
        self.channel.leave().await;
    }

    fn note(&mut self, event: &ChannelEvent) {
        match event {
            ChannelEvent::ParticipantArrived(participant) => {
                // From now on it does not matter how long it takes.
                (self.patience, self.expires) = (None, None);
                self.was_met = true;
                self.people.insert(participant.id, participant.clone());
                let name = self.name_of(participant.id);
                self.notes.tell(&Note::Arrived { name });
            }
            ChannelEvent::ParticipantChanged(participant) => {
                let before = self.people.insert(participant.id, participant.clone());
                let before = before.map(|before| before.state);
                if before != Some(participant.state) {
                    self.note_state(participant, before);
                }
            }
            ChannelEvent::ParticipantLeft(participant, _) => {
                let name = self.name_of(participant.id);
                self.people.remove(&participant.id);
                self.notes.tell(&Note::Left { name });
                self.was_connected = false;
                self.expires = deadline(self.absence);
            }
            ChannelEvent::LeftOut(participant) => {
                self.notes.tell(&Note::LeftOut { name: terminal::line(&participant.name) });
            }
            ChannelEvent::Reconnecting(reason) => {
                let reason = reason.as_deref().map(terminal::line);
                self.notes.tell(&Note::ServerLost { reason });
            }
            ChannelEvent::Joined => self.notes.tell(&Note::ServerBack),
            _ => {}
        }
    }

    /// Whether the partner of a code can be connected to: one that never was is not waited for, and the network that
    /// was there before may come back.
    fn check(&mut self, event: &ChannelEvent) -> Result<(), Problem> {
        let ChannelEvent::ParticipantChanged(participant) = event else { return Ok(()) };
        if !self.direct || self.absence.is_none() {
            return Ok(());
        }
        match participant.state {
            ParticipantState::Connected => (self.was_connected, self.expires) = (true, None),
            ParticipantState::Failed if !self.was_connected => return Err(unreachable(participant)),
            ParticipantState::Failed => self.expires = self.expires.or_else(|| deadline(self.absence)),
            ParticipantState::Connecting | ParticipantState::Away => {}
        }
        Ok(())
    }

    fn note_state(&self, participant: &Participant, before: Option<ParticipantState>) {
        let name = self.name_of(participant.id);
        match participant.state {
            ParticipantState::Connected => {
                tokio::spawn(find_path(self.sender(), participant.id, self.path_found.clone()));
            }
            ParticipantState::Failed if self.direct => self.notes.tell(&Note::Unreachable { name }),
            ParticipantState::Failed => self.notes.tell(&Note::ThroughServer { name }),
            ParticipantState::Connecting | ParticipantState::Away => {
                if before == Some(ParticipantState::Connected) {
                    self.notes.tell(&Note::Disconnected { name });
                }
            }
        }
    }
}

/// The link of the place, and what was made for it.
async fn resolve(
    place: Where,
    server: String,
    expires: Option<Duration>,
) -> Result<(Link, Option<Made>), Problem> {
    let expires = expires.unwrap_or_default();
    let failed = |error: &dyn std::fmt::Display| Problem::new(Failure::Failed, error);
    let (code, is_new) = match place {
        Where::At(Place::Link(link)) => return Ok((link, None)),
        Where::NewLink => {
            let link = Link::new(&server, rand::random()).map_err(|error| failed(&error))?;
            let made = Made { code: None, link: link.to_string(), expires };
            return Ok((link, Some(made)));
        }
        Where::At(Place::Code(code)) => (code, false),
        Where::NewCode => (Code::random(&mut StdRng::from_os_rng()), true),
    };
    let spoken = code.to_string();
    let link = tokio::task::spawn_blocking(move || code.link(&server)).await;
    let link = link.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    let made = is_new.then(|| Made { code: Some(spoken), link: link.to_string(), expires });
    Ok((link, made))
}

/// Looks which way a new connection takes.
async fn find_path(
    sender: ChannelSender,
    participant: ParticipantId,
    found: mpsc::UnboundedSender<(ParticipantId, Path)>,
) {
    let Ok(connection) = sender.peer_connection(participant).await else { return };
    let first = Path::of(&connection);
    // Nobody listens any more when the meeting is over.
    let _ = first.map(|path| found.send((participant, path)));
    tokio::time::sleep(SECOND_LOOK).await;
    let _ =
        Path::of(&connection).filter(|path| first != Some(*path)).map(|path| found.send((participant, path)));
}

fn unreachable(participant: &Participant) -> Problem {
    let name = terminal::line(&participant.name);
    let why = format!(
        "{name} can't be connected. Either this network doesn't let you through, or the code is used by somebody \
         else: make a new one."
    );
    Problem::new(Failure::Unconnected, why)
}

fn deadline(after: Option<Duration>) -> Option<Instant> {
    after.and_then(|after| Instant::now().checked_add(after))
}

/// Waits for a time; without one for ever.
async fn reached(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}
