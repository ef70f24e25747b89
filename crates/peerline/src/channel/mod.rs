//! A Peerline channel: from a link to the participants behind it (`docs/signaling.md`).
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use peerline::channel::{Channel, ChannelEvent, ChannelOptions, Link};
//!
//! let link = Link::parse("https://call.example/c/#v1.…")?;
//! let mut channel = Channel::join(&link, ChannelOptions::named("Ada")).await?;
//! while let Some(event) = channel.next_event().await {
//!     if let ChannelEvent::Chat(message) = event {
//!         println!("{}: {}", message.name, message.text);
//!     }
//! }
//! # Ok(())
//! # }
//! ```

mod actor;
mod chat;
mod connection;
mod left_out;
mod negotiation;
mod network;
mod participant;
mod recovery;
mod session;
mod transport;

use std::future::pending;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use peerline_signaling::client::content::{self, Chat as ChatContent, ChatId, Profile};
use peerline_signaling::client::{self, Client, CommandError};
use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};
use tokio::sync::{mpsc, oneshot};

use self::actor::{Actor, Command, Handles, Manners};
use self::participant::Surroundings;
use self::session::Session;
use self::transport::Server;

use crate::event_log::{EventLog, LogEvent};
use crate::{
    Configuration, DataChannel, DataChannelInit, Endpoint, EndpointConfig, Error, IceServer,
    IceTransportPolicy, Interfaces, PeerConnection, Proxy,
};

pub use self::chat::Way;
pub use self::transport::ConnectError;
pub use crate::trust::{CertificateFingerprint, Disbelieved, Trust};
pub use peerline_signaling::client::{Answer, ClosedReason, LeaveReason, MemberState, Plaintext, Refusal};
pub use peerline_signaling::code::CodeError;
pub use peerline_signaling::link::LinkError;
pub use peerline_signaling::name::Name;
pub use peerline_signaling::seal::IdentityKey;
pub use peerline_signaling::{Code, Link, ParticipantId};

/// Events that wait for their reader before the channel stops listening to the server.
const EVENTS: usize = 256;
/// News of direct connections that wait to be taken.
const REPORTS: usize = 64;

/// How one enters a channel.
#[derive(Debug)]
pub struct ChannelOptions {
    /// The name that the others see: 1 to 64 characters.
    pub name: String,
    /// Which server is believed to be the one that the link names.
    pub trust: Trust,
    /// The key pair that one is known by. Default: a new one.
    pub identity: Option<IdentityKey>,
    /// The program's name and version, told to the server.
    pub agent: String,
    /// Whether to connect to the others directly. Without, everything goes sealed through the server. Default true.
    pub direct: bool,
    /// The sockets for direct connections. Default: an endpoint of the channel's own, with the loopback addresses where
    /// the server is on this machine, or where there are no others.
    pub endpoint: Option<Endpoint>,
    /// The proxy through which servers are reached where there is no direct way: the channel's, and unless `endpoint` has its own,
    /// relays. Default none.
    pub proxy: Option<Proxy>,
    /// Whether the router is asked to forward to the channel's own endpoint ([`EndpointConfig::port_mapping`]). Default true.
    pub port_mapping: bool,
    /// Whether the channel's own endpoint searches a direct way with many ports where there is none but a relay
    /// ([`EndpointConfig::port_search`]). Default false.
    pub port_search: bool,
    /// Whether the addresses of the channel's own endpoint are hidden from the others
    /// ([`EndpointConfig::hide_host_addresses`]). Default false.
    pub hide_host_addresses: bool,
    /// Which ways direct connections may take; through the relay only, the others learn no address of this machine.
    pub ice_transport_policy: IceTransportPolicy,
    /// Whether a server that is away is waited for when one enters; without, that is an error. Default true.
    pub wait_for_server: bool,
    /// Whether to work with one participant at a time, the first who comes, as clients do that meet by a spoken code
    /// (`docs/signaling.md` §1). Others are told nothing until its place is free. Default false.
    pub one_partner: bool,
    /// Where what happens is written. Default nowhere.
    pub event_log: Option<EventLog>,
}

impl ChannelOptions {
    /// The defaults, under this name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        let agent = concat!("peerline/", env!("CARGO_PKG_VERSION")).to_owned();
        Self {
            name: name.to_owned(),
            trust: Trust::default(),
            identity: None,
            agent,
            direct: true,
            endpoint: None,
            proxy: None,
            port_mapping: true,
            port_search: false,
            hide_host_addresses: false,
            ice_transport_policy: IceTransportPolicy::All,
            wait_for_server: true,
            one_partner: false,
            event_log: None,
        }
    }
}

/// Why a channel could not be entered, or a message not be sent.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// There is no way to the server, and trying again is of no use.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server refused.
    #[error("the server refused: {}", .0.message)]
    Refused(Refusal),
    /// It cannot be sent.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// A chat message has 1 to 8,000 characters.
    #[error("a message has 1 to 8,000 characters")]
    Text,
    /// No socket could be opened.
    #[error("no network socket could be opened: {0}")]
    Endpoint(std::io::Error),
    /// That participant is not there, or direct connections are switched off.
    #[error("that participant is not there")]
    NoParticipant,
    /// The peer connection refused.
    #[error(transparent)]
    PeerConnection(#[from] Error),
    /// The channel has been left, or another client has taken this one's place.
    #[error("the channel has been left")]
    Left,
}

/// Somebody else in a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Participant {
    /// Who; the same for as long as its program runs.
    pub id: ParticipantId,
    /// What it calls itself, as it may be shown; possibly empty. Names needn't be unique, nor true.
    pub name: String,
    /// Its public key, in base64url, if it told one.
    pub identity: Option<String>,
    /// Whether its microphone is on.
    pub microphone: bool,
    /// Whether its camera is on.
    pub camera: bool,
    /// How things stand with it.
    pub state: ParticipantState,
    /// Whether the server can reach it. A direct connection may hold without.
    pub present: bool,
}

/// How things stand with a participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParticipantState {
    /// The direct connection is being made, or made again after it broke. Chat goes through the server meanwhile.
    Connecting,
    /// The direct connection stands, and chat goes by it.
    Connected,
    /// Neither connected to us nor to the server at the moment; expected back.
    Away,
    /// Several attempts at a direct connection failed; further ones follow.
    Failed,
}

/// A chat message.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatMessage {
    /// Names the message: 22 characters.
    pub id: String,
    /// Who wrote it.
    pub from: ParticipantId,
    /// What the writer calls itself, as it may be shown.
    pub name: String,
    /// 1 to 8,000 characters. Control characters are as the sender wrote them: whoever shows it on a terminal takes them out.
    pub text: String,
    /// When it was written, by the sender's clock, in milliseconds since 1970.
    pub time: f64,
    /// The way that it came.
    pub way: Way,
}

/// What happens in a channel.
#[derive(Debug)]
pub enum ChannelEvent {
    /// The server has us in the channel again, after [`Self::Reconnecting`].
    Joined,
    /// The connection to the server broke, with the reason where it is known. It is made again; direct connections go on.
    Reconnecting(Option<String>),
    /// Somebody is there.
    ParticipantArrived(Participant),
    /// Somebody told something else about itself, or can be reached, or cannot.
    ParticipantChanged(Participant),
    /// Somebody is gone.
    ParticipantLeft(Participant, LeaveReason),
    /// Somebody came whose place is taken ([`ChannelOptions::one_partner`]): perhaps one who overheard the code.
    LeftOut(Participant),
    /// Somebody wrote something; each message comes once.
    Chat(ChatMessage),
    /// A message of an application's own, of a `kind` that Peerline's clients don't know (§9).
    Message {
        /// Who says it.
        from: ParticipantId,
        /// Whether it was said to everybody.
        everybody: bool,
        /// What it says; by agreement JSON with a member `kind`.
        payload: Plaintext,
    },
    /// A participant opened a data channel.
    DataChannel(ParticipantId, DataChannel),
    /// The end: another client has taken this one's place.
    Closed(ClosedReason),
}

/// One's place in a channel. Dropping it leaves.
pub struct Channel {
    own: ParticipantId,
    link: Link,
    commands: mpsc::UnboundedSender<Command>,
    events: mpsc::Receiver<ChannelEvent>,
    /// The one that was made for it.
    own_endpoint: Option<Endpoint>,
}

impl Channel {
    /// Enters a channel; resolves when the server has let us in. Needs a tokio runtime.
    ///
    /// Unless told otherwise it waits for as long as the server is away: wrap it in a timeout where that is too long.
    /// Dropping the future leaves.
    ///
    /// # Errors
    /// When the server refuses (the channel is full, for instance), or there is no way to it that could work later.
    pub async fn join(link: &Link, options: ChannelOptions) -> Result<Self, ChannelError> {
        let server = Server::new(link.origin(), options.trust, options.proxy.clone())?;
        let mut random = StdRng::from_os_rng();
        let identity = options.identity.unwrap_or_else(|| new_identity(&mut random));
        let profile = Profile {
            name: content::presentable(&options.name),
            identity: Some(identity.public().to_text()),
            ..Profile::default()
        };
        let config = client::Config { agent: options.agent, ..client::Config::default() };
        let now = Instant::now();
        let mut client = Client::new(now, config, identity, StdRng::from_rng(&mut random));
        let own = client.participant();
        client.join(now, link, profile)?;
        if let Some(log) = &options.event_log {
            log.say(LogEvent::Channel { server: link.origin().to_owned(), participant: own.to_string() });
        }
        let (reporter, reports) = mpsc::channel(REPORTS);
        let mut own_endpoint = None;
        let surroundings = if options.direct {
            let endpoint = match options.endpoint {
                Some(endpoint) => endpoint,
                None => {
                    let config = EndpointConfig {
                        proxy: options.proxy,
                        port_mapping: options.port_mapping,
                        port_search: options.port_search,
                        hide_host_addresses: options.hide_host_addresses,
                        ..EndpointConfig::default()
                    };
                    let endpoint =
                        bind(server.is_on_this_machine(), config).map_err(ChannelError::Endpoint)?;
                    own_endpoint.insert(endpoint).clone()
                }
            };
            let ice_transport_policy = options.ice_transport_policy;
            // Its relay is the same server as the one that the link names.
            let trust = [(server.host().to_owned(), options.trust)].into();
            let configuration = Configuration { ice_transport_policy, trust, ..Configuration::default() };
            Some(Surroundings {
                endpoint,
                configuration,
                reports: reporter,
                connections: 0,
                online: false,
                event_log: options.event_log.clone(),
            })
        } else {
            None
        };
        let (commands, receiver) = mpsc::unbounded_channel();
        let (sender, events) = mpsc::channel(EVENTS);
        let (entered, entering) = oneshot::channel();
        let channel = Self { own, link: link.clone(), commands, events, own_endpoint };
        let handles = Handles { commands: receiver, events: sender, entered };
        let manners = Manners { waits: options.wait_for_server, one_partner: options.one_partner };
        let session = Session::new(client, server, options.event_log);
        let actor = Actor::new(link.channel(), session, manners, handles, surroundings, reports);
        tokio::spawn(actor.run());
        entering.await.map_err(|_| ChannelError::Left)??;
        Ok(channel)
    }

    /// One's own identifier.
    #[must_use]
    pub const fn id(&self) -> ParticipantId {
        self.own
    }

    /// The channel's link.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// What happened next; `None` after the end. It has to be called: a channel whose events nobody takes stops listening.
    ///
    /// Cancel-safe: nothing is lost when the future is dropped.
    pub async fn next_event(&mut self) -> Option<ChannelEvent> {
        self.events.recv().await
    }

    /// A handle that sends while this one waits for events.
    #[must_use]
    pub fn sender(&self) -> ChannelSender {
        ChannelSender { commands: self.commands.clone() }
    }

    /// Leaves; resolves when the server has been told, and the router.
    pub async fn leave(mut self) {
        let _ = self.commands.send(Command::Leave);
        let told = async { while self.events.recv().await.is_some() {} };
        let given_back = async {
            if let Some(endpoint) = &self.own_endpoint {
                endpoint.end_port_mapping().await;
            }
        };
        tokio::join!(told, given_back);
    }
}

/// Sends in a channel.
#[derive(Clone)]
pub struct ChannelSender {
    commands: mpsc::UnboundedSender<Command>,
}

impl ChannelSender {
    /// Writes to everybody who is present; resolves when each of them has it or has left. It is on its way at once:
    /// messages keep the order of the calls, whichever is awaited first, or not at all.
    ///
    /// # Errors
    /// When the text is empty or too long, or the channel has been left.
    pub fn chat(&self, text: &str) -> impl Future<Output = Result<(), ChannelError>> + Send + use<> {
        let arrived = self.start_chat(text);
        async { arrived?.await.map_err(|_| ChannelError::Left) }
    }

    fn start_chat(&self, text: &str) -> Result<oneshot::Receiver<()>, ChannelError> {
        if !content::is_text(text) {
            return Err(ChannelError::Text);
        }
        let mut name = [0; 16];
        StdRng::from_os_rng().fill_bytes(&mut name);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let message = ChatContent {
            chat: ChatId::from_bytes(&name),
            text: text.to_owned(),
            time: since.as_millis() as f64,
        };
        let (done, arrived) = oneshot::channel();
        self.command(Command::Chat(message, done))?;
        Ok(arrived)
    }

    /// Says something of an application's own, sealed through the server, to one participant, or to everybody. By
    /// agreement it is JSON with a member `kind` that is not one of Peerline's (§9). It is on its way at once.
    ///
    /// # Errors
    /// When it is too long (about 48,900 bytes), or the channel has been left.
    pub fn send(
        &self,
        to: Option<ParticipantId>,
        payload: Vec<u8>,
    ) -> impl Future<Output = Result<Answer, ChannelError>> + Send + use<> {
        let (sender, answer) = oneshot::channel();
        let sent = self.command(Command::Send(to, payload, sender));
        async {
            sent?;
            Ok(answer.await.map_err(|_| ChannelError::Left)??)
        }
    }

    /// The direct connection to a participant. It may be replaced by another one when it breaks; its negotiation is the channel's.
    ///
    /// # Errors
    /// When that participant is not there, or direct connections are switched off.
    pub async fn peer_connection(&self, participant: ParticipantId) -> Result<PeerConnection, ChannelError> {
        let (sender, connection) = oneshot::channel();
        self.command(Command::PeerConnection(participant, sender))?;
        connection.await.map_err(|_| ChannelError::NoParticipant)
    }

    /// Opens a data channel to a participant; wait for [`DataChannel::opened`]. It ends with the direct connection.
    ///
    /// # Errors
    /// As [`Self::peer_connection`], and those of [`PeerConnection::create_data_channel`].
    pub async fn create_data_channel(
        &self,
        participant: ParticipantId,
        label: &str,
        init: DataChannelInit,
    ) -> Result<DataChannel, ChannelError> {
        let connection = self.peer_connection(participant).await?;
        Ok(connection.create_data_channel(label, init)?)
    }

    /// The STUN and TURN servers that the server tells of, with credentials; resolves when it has.
    ///
    /// # Errors
    /// When direct connections are switched off, or the channel has been left.
    pub async fn ice_servers(&self) -> Result<Vec<IceServer>, ChannelError> {
        let (sender, servers) = oneshot::channel();
        self.command(Command::IceServers(sender))?;
        servers.await.map_err(|_| ChannelError::Left)
    }

    /// Changes the name that the others see.
    ///
    /// # Errors
    /// When the channel has been left.
    pub fn set_name(&self, name: &str) -> Result<(), ChannelError> {
        self.command(Command::SetName(content::presentable(name)))
    }

    /// The machine woke up: finds out at once whether the connection to the server still works.
    ///
    /// # Errors
    /// When the channel has been left.
    pub fn wake(&self) -> Result<(), ChannelError> {
        self.command(Command::Wake)
    }

    fn command(&self, command: Command) -> Result<(), ChannelError> {
        self.commands.send(command).map_err(|_| ChannelError::Left)
    }
}

/// Who meets at a server on this machine may be on it, too, and its relay is reached by loopback alone.
fn bind(loopback_too: bool, config: EndpointConfig) -> std::io::Result<Endpoint> {
    let bind = |interfaces| Endpoint::bind(EndpointConfig { interfaces, ..config.clone() });
    if loopback_too {
        return bind(Interfaces::AllAndLoopback);
    }
    bind(Interfaces::All).or_else(|_| bind(Interfaces::AllAndLoopback))
}

fn new_identity(random: &mut StdRng) -> IdentityKey {
    loop {
        let mut scalar = [0; 32];
        random.fill_bytes(&mut scalar);
        // About one in 2^32 is no scalar of P-256.
        if let Ok(identity) = IdentityKey::from_bytes(&scalar) {
            return identity;
        }
    }
}

async fn sleep_until(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until.into()).await,
        None => pending().await,
    }
}
