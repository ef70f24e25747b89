//! A hub with virtual time, and clients that speak JSON to it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use peerline_signaling::hub::{
    Config, ConnectionId, Event, Hub, IceGrant, IceServers, SourceAddress, Statistics,
};
use peerline_signaling::message::{Ice, IceServer};
use peerline_signaling::{ChannelId, ParticipantId, ParticipantKey};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

pub const IDENTITY: &str =
    "BPN7kyAnw0cNjsAIByCqGJ4BQkcvmVOZ2mZ4xWwLYnhqOjFj1mqQ9wYzI7tEXxqY3Q5sZyNIxU6sYqzG4mN4t_A";

/// Every hub has its own epoch and tokens.
static WORLDS: AtomicU64 = AtomicU64::new(0);

/// A channel of this number.
pub fn channel(number: u8) -> String {
    ChannelId::from_bytes(&[number; 32]).to_string()
}

/// Counts, so that every grant is another one.
#[derive(Default)]
struct Grants(u64);

impl IceServers for Grants {
    fn grant(&mut self, _: ConnectionId, participant: &ParticipantId) -> IceGrant {
        self.0 += 1;
        let server = IceServer {
            urls: vec!["turn:192.0.2.1:3478".to_owned()],
            username: Some(format!("{}:{participant}", self.0)),
            credential: Some("secret".to_owned()),
        };
        IceGrant { ice: Ice { servers: vec![server], expires: self.0 }, lifetime: Duration::from_secs(3_600) }
    }
}

pub struct World {
    pub hub: Hub,
    pub now: Instant,
    connections: u64,
    pub closed: HashMap<ConnectionId, u16>,
    pub events: Vec<Event>,
}

impl World {
    /// A hub that has been up for so long that nobody is still on the way back.
    pub fn new() -> Self {
        let mut world = Self::with(Config::default());
        world.sleep(120);
        world
    }

    /// A hub that has just begun.
    pub fn with(config: Config) -> Self {
        #[allow(clippy::disallowed_methods)]
        let now = Instant::now();
        let random = StdRng::seed_from_u64(WORLDS.fetch_add(1, Ordering::Relaxed));
        let hub = Hub::new(now, config, Box::new(Grants::default()), random);
        Self { hub, now, connections: 0, closed: HashMap::new(), events: Vec::new() }
    }

    /// Lets time pass, from timer to timer.
    pub fn sleep(&mut self, seconds: u64) {
        self.sleep_for(Duration::from_secs(seconds));
    }

    pub fn sleep_for(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(at) = self.hub.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.hub.handle_timeout(self.now);
            self.drain_events();
        }
        self.now = until;
    }

    pub fn connect_from(&mut self, address: &str) -> ConnectionId {
        self.connections += 1;
        let connection = ConnectionId(self.connections);
        let source: SourceAddress = address.parse::<IpAddr>().unwrap().into();
        self.hub.connect(self.now, connection, source);
        connection
    }

    pub fn input(&mut self, connection: ConnectionId, frame: &[u8]) {
        self.hub.handle_input(self.now, connection, frame);
        self.drain_events();
    }

    pub fn disconnect(&mut self, connection: ConnectionId) {
        self.hub.disconnect(self.now, connection);
        self.drain_events();
    }

    pub fn drain_events(&mut self) {
        while let Some(event) = self.hub.poll_event() {
            if let Event::Close { connection, code } = event {
                self.closed.insert(connection, code.number());
            }
            self.events.push(event);
        }
        while self.hub.poll_ready().is_some() {}
    }

    pub fn pull_one(&mut self, connection: ConnectionId) -> Option<Value> {
        let mut buffer = Vec::new();
        self.hub.poll_transmit(connection, &mut buffer)?;
        assert!(buffer.len() <= 65_536, "a frame of {} bytes", buffer.len());
        Some(serde_json::from_slice(&buffer).unwrap())
    }

    pub fn pull(&mut self, connection: ConnectionId) -> Vec<Value> {
        std::iter::from_fn(|| self.pull_one(connection)).collect()
    }

    pub fn statistics(&self) -> Statistics {
        self.hub.statistics()
    }

    /// A client of this number that has said `hello` from an address of its own.
    pub fn client(&mut self, number: u8) -> Client {
        let mut client = Client::new(number);
        client.connect(self);
        client.hello(self, None);
        client
    }

    /// Clients in channel 1 who have heard of each other.
    pub fn meeting(&mut self, count: u8) -> Vec<Client> {
        let mut clients: Vec<_> = (1..=count).map(|number| self.client(number)).collect();
        for client in &mut clients {
            client.join(self, &channel(1));
        }
        for client in &mut clients {
            client.told(self);
        }
        clients
    }
}

pub struct Client {
    key: ParticipantKey,
    pub participant: String,
    pub address: String,
    pub connection: ConnectionId,
    pub id: u64,
    pub token: String,
    pub epoch: String,
    /// The offset of the last frame that was read.
    pub offset: u64,
    /// Frames by the server itself that were read and not looked at.
    pub inbox: Vec<Value>,
}

impl Client {
    pub fn new(number: u8) -> Self {
        let key = ParticipantKey::from_bytes([number; 32]);
        Self {
            participant: key.participant().to_string(),
            key,
            address: format!("192.0.2.{number}"),
            connection: ConnectionId(0),
            id: 0,
            token: String::new(),
            epoch: String::new(),
            offset: 0,
            inbox: Vec::new(),
        }
    }

    pub fn connect(&mut self, world: &mut World) {
        self.connection = world.connect_from(&self.address);
    }

    pub fn hello_frame(&mut self, resume: Option<Value>) -> Value {
        let mut hello = json!({"type": "hello", "key": self.key.to_text(), "agent": "test"});
        if let Some(resume) = resume {
            hello["resume"] = resume;
        }
        hello
    }

    /// Says `hello`; the answer is `welcome`.
    pub fn hello(&mut self, world: &mut World, resume: Option<Value>) -> Value {
        let hello = self.hello_frame(resume);
        let welcome = self.ask(world, hello);
        assert_eq!(welcome["type"], "welcome", "{welcome}");
        self.token = welcome["resume"].as_str().unwrap().to_owned();
        self.epoch = welcome["epoch"].as_str().unwrap().to_owned();
        if welcome["recovered"] == false {
            self.offset = 0;
        }
        welcome
    }

    pub fn resume(&self) -> Value {
        json!({"token": self.token, "epoch": self.epoch, "offset": self.offset})
    }

    /// The connection breaks.
    pub fn lose(&mut self, world: &mut World) {
        world.disconnect(self.connection);
    }

    /// Connects again and resumes; the answer says whether it worked.
    pub fn come_back(&mut self, world: &mut World) -> bool {
        self.connect(world);
        let resume = self.resume();
        self.hello(world, Some(resume))["recovered"] == true
    }

    /// Connects again with nothing but the key.
    pub fn come_back_anew(&mut self, world: &mut World) {
        self.connect(world);
        assert_eq!(self.hello(world, None)["recovered"], false);
    }

    pub fn say(&mut self, world: &mut World, frame: &Value) {
        world.input(self.connection, frame.to_string().as_bytes());
    }

    /// Asks with the next `id`, and returns that id.
    pub fn pose(&mut self, world: &mut World, mut frame: Value) -> u64 {
        self.id += 1;
        frame["id"] = self.id.into();
        self.say(world, &frame);
        self.id
    }

    /// Asks with the next `id` and returns the answer.
    pub fn ask(&mut self, world: &mut World, frame: Value) -> Value {
        let id = self.pose(world, frame);
        self.answer_to(world, id).unwrap_or_else(|| panic!("no answer"))
    }

    /// Asks, and returns the error's code.
    pub fn ask_in_vain(&mut self, world: &mut World, frame: Value) -> String {
        let answer = self.ask(world, frame);
        assert_eq!(answer["type"], "error", "{answer}");
        answer["code"].as_str().unwrap().to_owned()
    }

    /// The answer to this `id`, if it has come.
    pub fn answer_to(&mut self, world: &mut World, id: u64) -> Option<Value> {
        self.read(world);
        let index = self.inbox.iter().position(|frame| frame["re"] == id)?;
        Some(self.inbox.remove(index))
    }

    fn read(&mut self, world: &mut World) {
        for frame in world.pull(self.connection) {
            if let Some(offset) = frame["offset"].as_u64() {
                self.offset = offset;
            }
            self.inbox.push(frame);
        }
    }

    /// Everything that the client has been told and that is no answer to a request.
    pub fn told(&mut self, world: &mut World) -> Vec<Value> {
        self.read(world);
        let (told, rest) =
            std::mem::take(&mut self.inbox).into_iter().partition(|frame| frame["re"].is_null());
        self.inbox = rest;
        told
    }

    /// Stays for so long, and sends its heartbeats.
    pub fn stay(&mut self, world: &mut World, seconds: u64) {
        for second in 0..seconds {
            world.sleep(1);
            if second % 25 == 0 {
                self.ask(world, json!({"type": "ping"}));
            }
        }
    }

    /// The types of what it has been told.
    pub fn told_types(&mut self, world: &mut World) -> Vec<String> {
        self.told(world).iter().map(|frame| frame["type"].as_str().unwrap().to_owned()).collect()
    }

    pub fn acknowledge(&mut self, world: &mut World) {
        let ack = json!({"type": "ack", "offset": self.offset});
        self.say(world, &ack);
    }

    pub fn join(&mut self, world: &mut World, channel: &str) -> Value {
        let joined = self.ask(world, self.join_frame(channel));
        assert_eq!(joined["type"], "joined", "{joined}");
        joined
    }

    pub fn join_frame(&self, channel: &str) -> Value {
        json!({"type": "join", "channel": channel, "profile": format!("profile-of-{}", self.participant)})
    }

    pub fn send_frame(&self, to: &Self, payload: &str) -> Value {
        json!({"type": "send", "channel": channel(1), "to": to.participant, "payload": payload})
    }

    pub fn announce(&mut self, world: &mut World, name: &str) {
        let frame = json!({"type": "announce", "name": name, "identity": IDENTITY, "presence": "online"});
        assert_eq!(self.ask(world, frame)["type"], "ok");
    }

    pub fn find(&mut self, world: &mut World, prefix: &str) -> Vec<Value> {
        let found = self.ask(world, json!({"type": "find", "prefix": prefix}));
        assert_eq!(found["type"], "found", "{found}");
        found["people"].as_array().unwrap().clone()
    }

    pub fn invite_frame(&self, to: &Self) -> Value {
        json!({"type": "invite", "to": to.participant, "payload": "sealed-invitation", "timeout": 30})
    }
}
