//! Messages in TCP and TLS connections, and those to TURN servers (RFC 8656 §3.1).

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use peerline_connection::{RelayId, Transport};
use peerline_ice::{next_tcp_frame, tcp_frame_header};
use peerline_stun::framing::{FRAME_MAX, Frame, next_frame};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::sleep;
use tokio_rustls::TlsConnector;

use super::{Note, PeerId, Shared};
use crate::{Proxy, Trust, dial};

/// How many messages may wait to be written; what comes then is dropped, as a full network does it.
const QUEUE: usize = 256;
/// How many bytes of a connection may have come that the driver hasn't taken, notes included: TCP has the sender wait then.
const UNTAKEN: usize = 256 * 1024;
/// How long the other side may take to read what is left when this side has ended the connection.
const FLUSHING: Duration = Duration::from_secs(5);

/// The driver's end of a connection.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) transport: Transport,
    messages: mpsc::Sender<Box<[u8]>>,
    /// Nothing is ever sent: that it is dropped is seen even while something is being written.
    _open: oneshot::Sender<Infallible>,
}

/// What is to be written to a connection.
pub(super) struct Queue {
    messages: mpsc::Receiver<Box<[u8]>>,
    ended: oneshot::Receiver<Infallible>,
}

/// A message that has come. It takes its connection's room until it is dropped.
#[derive(Debug)]
pub(crate) struct Incoming {
    bytes: Vec<u8>,
    _room: OwnedSemaphorePermit,
}

impl Deref for Incoming {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Incoming {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

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
            Self::Lengths => match next_tcp_frame(stream) {
                // Nobody has a reason for one, and it would cost more here than there.
                Some(([], _)) => Frame::Invalid,
                Some((message, consumed)) => Frame::Complete { message, consumed },
                None => Frame::Incomplete,
            },
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
        let (messages, waiting) = mpsc::channel(QUEUE);
        let (open, ended) = oneshot::channel();
        (Self { local, remote, transport, messages, _open: open }, Queue { messages: waiting, ended })
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
    queue: Queue,
    framing: Framing,
    begun: Vec<u8>,
    tell: impl Fn(Incoming),
) -> io::Result<()> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let Queue { mut messages, ended } = queue;
    let room = Arc::new(Semaphore::new(UNTAKEN));
    let write = async {
        let mut batch = Vec::new();
        let mut bytes = Vec::new();
        while messages.recv_many(&mut batch, QUEUE).await > 0 {
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
                        let bytes = message.to_vec();
                        let taken = u32::try_from(bytes.len() + size_of::<Note>()).unwrap_or(u32::MAX);
                        let room = room.clone().acquire_many_owned(taken).await.map_err(io::Error::other)?;
                        tell(Incoming { bytes, _room: room });
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
    let unread = async {
        let _ = ended.await;
        sleep(FLUSHING).await;
        Err(io::ErrorKind::TimedOut.into())
    };
    tokio::select! {
        ended = read => ended,
        ended = write => ended,
        ended = unread => ended,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::duplex;
    use tokio::time::timeout;

    use super::*;

    fn stream() -> (Stream, Queue) {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Stream::new(address, address, Transport::Tcp)
    }

    /// Virtual time passes only when nobody can go on.
    const STUCK: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn whoever_sends_faster_than_the_driver_takes_has_to_wait() {
        for length in [1_u16, 1000, 0xFFFF] {
            let (ours, mut theirs) = duplex(4096);
            let (_stream, queue) = stream();
            let untaken = Mutex::new(Vec::new());
            let tell = |message| untaken.lock().unwrap().push(message);
            let frame = [&length.to_be_bytes()[..], &vec![7; length.into()]].concat();
            let flood = async {
                for _ in 0..4 * UNTAKEN.div_ceil(frame.len()) {
                    theirs.write_all(&frame).await.unwrap();
                }
            };
            let both =
                async { tokio::join!(exchange(ours, queue, Framing::Lengths, Vec::new(), tell), flood) };
            tokio::pin!(both);
            for _ in 0..2 {
                assert!(timeout(STUCK, &mut both).await.is_err());
                let taken = std::mem::take(&mut *untaken.lock().unwrap());
                let bytes: usize = taken.iter().map(|message| message.len()).sum();
                assert!(!taken.is_empty() && bytes <= UNTAKEN, "{bytes} bytes in {} messages", taken.len());
                assert!(taken.len() * size_of::<Note>() <= UNTAKEN, "{} messages", taken.len());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_frame_ends_a_peers_connection() {
        let (ours, _theirs) = duplex(4096);
        let (_stream, queue) = stream();
        let told = Mutex::new(0);
        let tell = |_| *told.lock().unwrap() += 1;
        let ended = exchange(ours, queue, Framing::Lengths, vec![0, 1, 7, 0, 0, 0, 1, 7], tell);
        let ended = timeout(STUCK, ended).await.expect("it ends");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(*told.lock().unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_not_wanted_any_more_ends_though_the_other_side_reads_nothing() {
        let (ours, _theirs) = duplex(64);
        let (stream, queue) = stream();
        let exchange = exchange(ours, queue, Framing::Lengths, Vec::new(), |_| ());
        tokio::pin!(exchange);
        stream.send(&[7; 1000]);
        assert!(timeout(STUCK, &mut exchange).await.is_err(), "it waits for the other side");
        drop(stream);
        assert!(timeout(STUCK, &mut exchange).await.is_err(), "there is time to read what is left");
        let ended = timeout(2 * FLUSHING, &mut exchange).await.expect("not for ever");
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_words_are_written() {
        let (ours, mut theirs) = duplex(64);
        let (stream, queue) = stream();
        stream.send(&[7; 1000]);
        drop(stream);
        let mut read = Vec::new();
        let exchange = exchange(ours, queue, Framing::Lengths, Vec::new(), |_| ());
        let (ended, length) = tokio::join!(exchange, theirs.read_to_end(&mut read));
        assert!(ended.is_ok());
        assert_eq!(length.unwrap(), 1002);
    }
}
