//! Messages in TCP and TLS connections, and those to TURN servers (RFC 8656 §3.1).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use peerline_connection::{RelayId, Transport};
use peerline_ice::{next_tcp_frame, tcp_frame_header};
use peerline_stun::framing::{FRAME_MAX, Frame, next_frame};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;

use super::{Note, PeerId, Shared};
use crate::{Proxy, Trust, dial};

/// How many messages may wait to be written; what comes then is dropped, as a full network does it.
const QUEUE: usize = 256;

/// The driver's end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) transport: Transport,
    messages: mpsc::Sender<Box<[u8]>>,
}

/// What is to be written to a connection.
pub(super) type Queue = mpsc::Receiver<Box<[u8]>>;

/// How messages are told apart.
#[derive(Debug, Clone, Copy)]
pub(super) enum Framing {
    /// They say themselves how long they are (RFC 8656 §12.5).
    Stun,
    /// Their lengths go before them (RFC 4571).
    Lengths,
}

impl Framing {
    fn next(self, stream: &[u8]) -> Frame<'_> {
        match self {
            Self::Stun => next_frame(stream),
            Self::Lengths => next_tcp_frame(stream)
                .map_or(Frame::Incomplete, |(message, consumed)| Frame::Complete { message, consumed }),
        }
    }

    fn write(self, message: &[u8], bytes: &mut Vec<u8>) {
        if let Self::Lengths = self {
            let Some(header) = tcp_frame_header(message.len()) else { return };
            bytes.extend_from_slice(&header);
        }
        bytes.extend_from_slice(message);
    }
}

impl Stream {
    pub(super) fn new(local: SocketAddr, remote: SocketAddr, transport: Transport) -> (Self, Queue) {
        let (messages, queue) = mpsc::channel(QUEUE);
        (Self { local, remote, transport, messages }, queue)
    }

    pub(super) fn send(&self, message: &[u8]) {
        let _ = self.messages.try_send(message.into());
    }
}

/// What is to be connected to.
pub(super) struct Target {
    pub peer: PeerId,
    pub relay: RelayId,
    pub transport: Transport,
    /// The local address to be used.
    pub local: SocketAddr,
    /// The server; an unspecified address where its name couldn't be looked up, which the proxy may be able to.
    pub remote: SocketAddr,
    /// The name that the server's certificate has to have.
    pub host: String,
    /// Whether its certificate is believed.
    pub trust: Trust,
    /// What the proxy is asked for: the server's name, or the address of another one to which it has referred.
    pub target: String,
    pub proxy: Option<Proxy>,
}

/// Opens a connection and carries messages until either side ends it. Dropping the [`Stream`] ends it.
pub(super) async fn run(shared: Arc<Shared>, target: Target) {
    let Target { peer, relay, .. } = target;
    if let Err(error) = carry(&shared, target).await {
        tracing::debug!(%error, "connection to a relay ended");
    }
    shared.tell(Note::StreamClosed { peer, relay });
}

async fn carry(shared: &Shared, target: Target) -> io::Result<()> {
    let Target { peer, relay, transport, local, remote, host, trust, target, proxy } = target;
    let opened = |local| {
        let (stream, queue) = Stream::new(local, remote, transport);
        shared.tell(Note::StreamOpened { peer, relay, stream });
        queue
    };
    let tell = |message| shared.tell(Note::StreamMessage { peer, relay, message });
    let from = Some(local.ip());
    let direct = async {
        if remote.ip().is_unspecified() {
            // Its name hadn't been found when the proxy's turn came: it may be by now.
            return dial::connect(from, &target, remote.port()).await;
        }
        dial::connect_any(from, [remote]).await
    };
    let proxied = proxy.as_ref().map(|proxy| (proxy, proxy.connect(from, &target, remote.port())));
    if transport == Transport::Tls {
        let name = ServerName::try_from(host).map_err(io::Error::other)?;
        let config = Arc::new(trust.client_config(&[]).map_err(io::Error::other)?);
        let encrypt = |tcp| TlsConnector::from(Arc::clone(&config)).connect(name.clone(), tcp);
        let tls = dial::open(direct, proxied, encrypt).await?;
        let queue = opened(tls.get_ref().0.local_addr()?);
        exchange(tls, queue, Framing::Stun, Vec::new(), tell).await
    } else {
        let tcp = dial::open(direct, proxied, |tcp: TcpStream| async { Ok(tcp) }).await?;
        let queue = opened(tcp.local_addr()?);
        exchange(tcp, queue, Framing::Stun, Vec::new(), tell).await
    }
}

/// Carries messages until either side ends the connection. What has come already has `begun`.
pub(super) async fn exchange(
    stream: impl AsyncRead + AsyncWrite,
    mut queue: Queue,
    framing: Framing,
    begun: Vec<u8>,
    tell: impl Fn(Vec<u8>),
) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let write = async {
        let mut batch = Vec::new();
        let mut bytes = Vec::new();
        while queue.recv_many(&mut batch, QUEUE).await > 0 {
            bytes.clear();
            for message in batch.drain(..) {
                framing.write(&message, &mut bytes);
            }
            writer.write_all(&bytes).await?;
            writer.flush().await?;
        }
        writer.shutdown().await
    };
    let read = async {
        let mut stream = begun;
        stream.reserve(4096);
        loop {
            let mut begin = 0;
            loop {
                match framing.next(stream.get(begin..).unwrap_or_default()) {
                    Frame::Complete { message, consumed } => {
                        tell(message.to_vec());
                        begin += consumed;
                    }
                    Frame::Incomplete if stream.len() - begin <= FRAME_MAX => break,
                    Frame::Incomplete | Frame::Invalid => return Err(io::ErrorKind::InvalidData.into()),
                }
            }
            stream.drain(..begin);
            if reader.read_buf(&mut stream).await? == 0 {
                return Ok(());
            }
        }
    };
    tokio::select! {
        ended = read => ended,
        ended = write => ended,
    }
}
