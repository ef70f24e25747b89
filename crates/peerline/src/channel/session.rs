//! A [`Client`] with its WebSocket.

use std::collections::{HashMap, VecDeque};
use std::future::pending;
use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::SinkExt as _;
use futures_util::stream::{SplitStream, StreamExt as _};
use peerline_signaling::client::{Answer, Client, CommandError, Event, RequestId};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;

use super::sleep_until;
use super::transport::{ConnectError, Server, Socket};
use crate::event_log::{EventLog, LogEvent};

/// Close code for a connection that just broke (RFC 6455 §7.4.1).
const BROKE: u16 = 1006;
/// How long the last frames may take to leave.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// What the session says.
pub(super) enum Said {
    /// What the client says, without what concerns its connection.
    Event(Event),
    /// A connection could not be made. The session tries again.
    Unreachable(ConnectError),
}

/// Where the answer to a request goes.
pub(super) type AnswerSender = oneshot::Sender<Result<Answer, CommandError>>;

/// The conversation with the server. After each use of `client`, [`Session::settle`] carries what follows.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) said: VecDeque<Said>,
    server: Server,
    connection: Connection,
    writer: Option<JoinHandle<()>>,
    waiting: HashMap<RequestId, AnswerSender>,
    event_log: Option<EventLog>,
}

enum Connection {
    None,
    Opening(Pin<Box<dyn Future<Output = Result<Socket, ConnectError>> + Send>>),
    /// Frames to send go to a task of their own: a server that doesn't read must not keep us from our timers.
    Open(mpsc::UnboundedSender<String>, SplitStream<Socket>),
}

enum News {
    Opened(Box<Socket>),
    Failed(ConnectError),
    Frame(String),
    Closed(u16),
}

impl Session {
    pub(super) fn new(client: Client, server: Server, event_log: Option<EventLog>) -> Self {
        Self {
            client,
            said: VecDeque::new(),
            server,
            connection: Connection::None,
            writer: None,
            waiting: HashMap::new(),
            event_log,
        }
    }

    /// Tells `sender` what becomes of a request.
    pub(super) fn await_answer(&mut self, request: Result<RequestId, CommandError>, sender: AnswerSender) {
        match request {
            Ok(request) => {
                self.waiting.insert(request, sender);
            }
            Err(error) => {
                let _ = sender.send(Err(error));
            }
        }
    }

    /// Carries out what the client wants, and takes what it says.
    pub(super) fn settle(&mut self) {
        while let Some(frame) = self.client.poll_transmit() {
            if let Connection::Open(frames, _) = &self.connection {
                // When the writer is gone, the reader hears of it.
                let _ = frames.send(frame);
            }
        }
        while let Some(event) = self.client.poll_event() {
            if let Some(log) = &self.event_log {
                log.hear_signaling(&event);
            }
            match event {
                Event::Connect => {
                    let server = self.server.clone();
                    self.connection = Connection::Opening(Box::pin(async move { server.connect().await }));
                }
                Event::Disconnect => self.connection = Connection::None,
                Event::Answered(request, answer) => match self.waiting.remove(&request) {
                    Some(waiting) => _ = waiting.send(Ok(answer)),
                    None => self.said.push_back(Said::Event(Event::Answered(request, answer))),
                },
                event => self.said.push_back(Said::Event(event)),
            }
        }
    }

    /// Waits until something happens, and takes it. Nothing is lost when this is dropped early.
    pub(super) async fn wait(&mut self) {
        let timeout = self.client.poll_timeout();
        tokio::select! {
            news = self.connection.next() => self.take(news),
            () = sleep_until(timeout) => self.client.handle_timeout(Instant::now()),
        }
    }

    /// Ends the session; resolves when the last frames have left.
    pub(super) async fn close(&mut self) {
        self.client.close(Instant::now());
        self.settle();
        self.connection = Connection::None;
        if let Some(writer) = self.writer.take() {
            let _ = tokio::time::timeout(LAST_FRAMES, writer).await;
        }
    }

    fn take(&mut self, news: News) {
        let now = Instant::now();
        match news {
            News::Opened(socket) => {
                let (mut sink, stream) = (*socket).split();
                let (frames, mut queue) = mpsc::unbounded_channel::<String>();
                self.writer = Some(tokio::spawn(async move {
                    while let Some(frame) = queue.recv().await {
                        if sink.send(Message::text(frame)).await.is_err() {
                            return;
                        }
                    }
                    let _ = sink.close().await;
                }));
                self.connection = Connection::Open(frames, stream);
                self.client.connected(now);
            }
            News::Failed(error) => {
                self.connection = Connection::None;
                if let Some(log) = &self.event_log {
                    let reason = Some(error.to_string());
                    log.say(LogEvent::Server { state: "unreachable".into(), reason });
                }
                self.said.push_back(Said::Unreachable(error));
                self.client.disconnected(now, BROKE);
            }
            News::Frame(frame) => self.client.handle_input(now, frame.as_bytes()),
            News::Closed(code) => {
                self.connection = Connection::None;
                self.client.disconnected(now, code);
            }
        }
    }
}

impl Connection {
    async fn next(&mut self) -> News {
        match self {
            Self::None => pending().await,
            Self::Opening(connecting) => match connecting.await {
                Ok(socket) => News::Opened(Box::new(socket)),
                Err(error) => News::Failed(error),
            },
            Self::Open(_, stream) => loop {
                match stream.next().await {
                    Some(Ok(Message::Text(text))) => return News::Frame(text.as_str().to_owned()),
                    Some(Ok(Message::Close(close))) => {
                        return News::Closed(close.map_or(BROKE, |close| close.code.into()));
                    }
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return News::Closed(BROKE),
                }
            },
        }
    }
}
