//! A TURN client over any stream, and the user that it is.

use std::net::SocketAddr;
use std::time::Duration;

use peerline_stun::attribute::{
    CHANNEL_NUMBER, CONNECTION_ID, DATA, NONCE, REALM, REQUESTED_TRANSPORT, USERNAME, XOR_PEER_ADDRESS,
    XOR_RELAYED_ADDRESS,
};
use peerline_stun::framing::{Frame, next_frame};
use peerline_stun::integrity::{LongTermKey, PasswordAlgorithm};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

pub const USER: &str = "ada";
pub const PASSWORD: &str = "lovelace";
pub const CHANNEL: u16 = 0x4001;
/// Only a broken server takes that long, even where many tests share a processor.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What `--turn-user` takes.
pub fn user() -> String {
    format!("{USER}:{PASSWORD}")
}

/// A TURN client over any stream.
pub struct TurnClient<S> {
    pub stream: S,
    user: (String, String),
    input: Vec<u8>,
    credential: Option<(String, String, LongTermKey)>,
    transactions: u8,
}

impl<S: AsyncRead + AsyncWrite + Unpin> TurnClient<S> {
    pub fn new(stream: S) -> Self {
        Self::of(stream, USER, PASSWORD)
    }

    pub fn of(stream: S, name: &str, password: &str) -> Self {
        let user = (name.to_owned(), password.to_owned());
        Self { stream, user, input: Vec::new(), credential: None, transactions: 0 }
    }

    pub async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            match next_frame(&self.input) {
                Frame::Complete { message, consumed } => {
                    let message = message.to_vec();
                    self.input.drain(..consumed);
                    return Some(message);
                }
                Frame::Incomplete => {}
                Frame::Invalid => panic!("the server sent what is no TURN"),
            }
            let mut buffer = [0; 4096];
            let read = tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await.unwrap();
            match read {
                Ok(length) if length > 0 => self.input.extend_from_slice(&buffer[..length]),
                _ => return None,
            }
        }
    }

    pub async fn request(&mut self, method: Method, attributes: impl Fn(&mut MessageWriter<'_>)) -> Vec<u8> {
        self.transactions = self.transactions.wrapping_add(1);
        let mut buffer = [0; 1024];
        let mut writer = MessageWriter::new(
            &mut buffer,
            Class::Request,
            method,
            TransactionId::new([self.transactions; 12]),
        );
        attributes(&mut writer);
        if let Some((realm, nonce, key)) = &self.credential {
            writer.attribute(USERNAME, self.user.0.as_bytes());
            writer.attribute(REALM, realm.as_bytes());
            writer.attribute(NONCE, nonce.as_bytes());
            writer.integrity(key.as_bytes());
        }
        let length = writer.finish().unwrap();
        self.stream.write_all(&buffer[..length]).await.unwrap();
        self.next().await.unwrap()
    }

    pub async fn allocate(&mut self) -> SocketAddr {
        self.allocate_for(17).await.unwrap()
    }

    /// A relayed address of TCP (RFC 6062).
    pub async fn allocate_tcp(&mut self) -> SocketAddr {
        self.try_allocate_tcp().await.unwrap()
    }

    /// The same, or an error's code.
    pub async fn try_allocate_tcp(&mut self) -> Result<SocketAddr, u16> {
        self.allocate_for(6).await
    }

    async fn allocate_for(&mut self, protocol: u8) -> Result<SocketAddr, u16> {
        self.log_in(Method::ALLOCATE).await;
        let answer = self.request(Method::ALLOCATE, |writer| {
            writer.attribute(REQUESTED_TRANSPORT, &[protocol, 0, 0, 0]);
        });
        let answer = answer.await;
        let answer = Message::parse(&answer).unwrap();
        answer.error().map_or_else(
            || Ok(answer.xor_address(XOR_RELAYED_ADDRESS).unwrap()),
            |(code, _)| Err(code.number()),
        )
    }

    /// Gets a nonce by a request of that kind.
    async fn log_in(&mut self, method: Method) {
        let challenge = self.request(method, |_| {}).await;
        let challenge = Message::parse(&challenge).unwrap();
        assert_eq!(challenge.error().unwrap().0.number(), 401);
        let realm = challenge.text(REALM).unwrap().to_owned();
        let nonce = challenge.text(NONCE).unwrap().to_owned();
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, &self.user.0, &realm, &self.user.1);
        self.credential = Some((realm, nonce, key));
    }

    /// Asks for a connection to `peer`: its name, or an error's code.
    pub async fn connect(&mut self, peer: SocketAddr) -> Result<u32, u16> {
        let answer = self.request(Method::CONNECT, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, peer);
        });
        let answer = answer.await;
        let answer = Message::parse(&answer).unwrap();
        answer
            .error()
            .map_or_else(|| Ok(answer.number(CONNECTION_ID).unwrap()), |(code, _)| Err(code.number()))
    }

    /// The same, once the server has heard that the last connection to `peer` is over.
    pub async fn connect_when_over(&mut self, peer: SocketAddr) -> u32 {
        loop {
            match self.connect(peer).await {
                Err(446) => tokio::task::yield_now().await,
                made => return made.unwrap(),
            }
        }
    }

    /// Of the next message, which has to be one: the peer that has connected, and the connection's name.
    pub async fn connection_attempt(&mut self) -> (SocketAddr, u32) {
        let message = self.next().await.unwrap();
        let message = Message::parse(&message).unwrap();
        assert_eq!((message.class(), message.method()), (Class::Indication, Method::CONNECTION_ATTEMPT));
        (message.xor_address(XOR_PEER_ADDRESS).unwrap(), message.number(CONNECTION_ID).unwrap())
    }

    /// Takes a connection over: the stream that carries its data, of which some has come already; or an error's code.
    pub async fn bind_connection(mut self, connection: u32) -> Result<(S, Vec<u8>), u16> {
        self.log_in(Method::CONNECTION_BIND).await;
        let answer = self.request(Method::CONNECTION_BIND, |writer| {
            writer.number(CONNECTION_ID, connection);
        });
        let answer = answer.await;
        match Message::parse(&answer).unwrap().error() {
            None => Ok((self.stream, self.input)),
            Some((code, _)) => Err(code.number()),
        }
    }

    pub async fn permit(&mut self, peer: SocketAddr) {
        let answer = self.request(Method::CREATE_PERMISSION, |writer| {
            writer.xor_address(XOR_PEER_ADDRESS, peer);
        });
        assert_eq!(Message::parse(&answer.await).unwrap().class(), Class::Success);
    }

    pub async fn bind_channel(&mut self, peer: SocketAddr) {
        let answer = self.request(Method::CHANNEL_BIND, |writer| {
            writer.number(CHANNEL_NUMBER, u32::from(CHANNEL) << 16);
            writer.xor_address(XOR_PEER_ADDRESS, peer);
        });
        assert_eq!(Message::parse(&answer.await).unwrap().class(), Class::Success);
    }

    pub async fn send_indication(&mut self, peer: SocketAddr, data: &[u8]) {
        let mut buffer = [0; 2048];
        let mut writer =
            MessageWriter::new(&mut buffer, Class::Indication, Method::SEND, TransactionId::new([9; 12]));
        writer.xor_address(XOR_PEER_ADDRESS, peer).attribute(DATA, data);
        let length = writer.finish().unwrap();
        self.stream.write_all(&buffer[..length]).await.unwrap();
    }

    pub async fn send_channel(&mut self, data: &[u8]) {
        let mut frame = CHANNEL.to_be_bytes().to_vec();
        frame.extend((data.len() as u16).to_be_bytes());
        frame.extend(data);
        frame.resize(frame.len().next_multiple_of(4), 0);
        self.stream.write_all(&frame).await.unwrap();
    }
}
