//! TCP connections between peers (RFC 6544): those that are opened, and those that are accepted and have yet to say whose they are.

use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use peerline_connection::{Connection, Datagram, TcpConnectionId, TcpType, Transport};
use peerline_ice::next_tcp_frame;
use peerline_stun::{Class, Message, Method};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};

use super::peers::Peers;
use super::stream::{self, Framing, Incoming, Stream};
use super::{Note, PeerId, Shared};

/// How long a connection may take to open. One that nothing comes of is no use to anybody by then.
const OPENING: Duration = Duration::from_secs(10);
/// How long whoever has connected may take to say for whom that is: ICE's first check follows the handshake at once.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// The longest first message, in bytes, with its length: a check, and within it DTLS's first datagram.
const INTRODUCTION_MAX: usize = 2300;
/// How many connections at one address may wait for their first message, from everywhere and from one host. A new one takes the
/// place of the oldest.
const STRANGERS: usize = 64;
const STRANGERS_OF_HOST: usize = 16;
/// Connections that the kernel has accepted and we haven't.
const BACKLOG: u32 = 64;
/// How long nothing is accepted after the system has refused, as it does when there are too many open files.
const REFUSED: Duration = Duration::from_millis(100);

/// What the driver is told of TCP connections.
#[derive(Debug)]
pub(crate) enum TcpNote {
    /// One that was wanted stands.
    Opened { peer: PeerId, connection: TcpConnectionId, stream: Stream },
    /// Somebody has connected and sent this check. Whose the connection is, is to be said to `owner`; if it is nobody's, nothing.
    Accepted { stream: Stream, check: Vec<u8>, owner: oneshot::Sender<(PeerId, TcpConnectionId)> },
    /// A message came over one.
    Message { peer: PeerId, connection: TcpConnectionId, message: Incoming },
    /// One couldn't be opened, or has ended.
    Closed { peer: PeerId, connection: TcpConnectionId },
}

/// Accepts connections for passive candidates as long as it lives.
pub(super) struct Listener {
    local: SocketAddr,
    accepting: AbortHandle,
}

impl Listener {
    /// Listens at the address of a UDP socket; at another port if that one is taken.
    pub(super) fn bind(shared: &Arc<Shared>, of_udp: SocketAddr) -> io::Result<Self> {
        let listener = listen(of_udp).or_else(|_| listen(SocketAddr::new(of_udp.ip(), 0)))?;
        let local = listener.local_addr()?;
        let accepting = shared.runtime.spawn(accept(shared.clone(), listener, local)).abort_handle();
        Ok(Self { local, accepting })
    }

    /// Tells a connection of the candidates at the address of a UDP socket.
    pub(super) fn tell(
        listener: Option<&Self>,
        of_udp: SocketAddr,
        now: Instant,
        connection: &mut Connection,
    ) {
        connection.add_tcp_address(now, of_udp, TcpType::Active);
        if let Some(listener) = listener {
            connection.add_tcp_address(now, listener.local, TcpType::Passive);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket_for(address)?;
    // Connections of before may linger (RFC 9293 §3.6.1).
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn socket_for(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

async fn accept(shared: Arc<Shared>, listener: TcpListener, local: SocketAddr) {
    let mut strangers = Strangers::default();
    loop {
        match listener.accept().await {
            Ok((tcp, remote)) => {
                let remote = SocketAddr::new(remote.ip().to_canonical(), remote.port());
                let leave = strangers.admit(remote.ip());
                shared.runtime.spawn(welcome(shared.clone(), tcp, local, remote, leave));
            }
            Err(error) => {
                tracing::debug!(%local, %error, "no connection accepted");
                sleep(REFUSED).await;
            }
        }
    }
}

/// Connections that haven't said whose they are: from where, and how they are sent away.
#[derive(Debug, Default)]
struct Strangers(VecDeque<(IpAddr, oneshot::Sender<()>)>);

impl Strangers {
    /// Makes room for one. It has to go when the receiver resolves.
    fn admit(&mut self, ip: IpAddr) -> oneshot::Receiver<()> {
        self.0.retain(|(_, leave)| !leave.is_closed());
        let host = host(ip);
        let is_neighbour = |(other, _): &(IpAddr, _)| *other == host;
        if self.0.iter().filter(|stranger| is_neighbour(stranger)).count() >= STRANGERS_OF_HOST {
            let oldest = self.0.iter().position(is_neighbour);
            oldest.and_then(|oldest| self.0.remove(oldest));
        } else if self.0.len() >= STRANGERS {
            self.0.pop_front();
        }
        let (leave, leaving) = oneshot::channel();
        self.0.push_back((host, leave));
        leaving
    }
}

/// What one host has: an address of IPv4, or a network of IPv6 (RFC 4291 §2.5.4).
fn host(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V6(ip) => std::net::Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        IpAddr::V4(_) => ip,
    }
}

/// Whoever has connected is a stranger until a check of his names somebody here.
async fn welcome(
    shared: Arc<Shared>,
    mut tcp: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    leave: oneshot::Receiver<()>,
) {
    let introduction = timeout(INTRODUCTION, read_check(&mut tcp));
    let (check, rest) = tokio::select! {
        introduced = introduction => match introduced.ok().flatten() {
            Some(introduced) => introduced,
            None => return,
        },
        _ = leave => return,
    };
    let _ = tcp.set_nodelay(true);
    let (stream, queue) = Stream::new(local, remote, Transport::Tcp);
    let (owner, owned) = oneshot::channel();
    shared.tell(Note::Tcp(TcpNote::Accepted { stream, check, owner }));
    if let Ok((peer, connection)) = owned.await {
        let carried = carry(&shared, (peer, connection), tcp, queue, rest).await;
        end(&shared, (peer, connection), carried);
    }
}

/// The first message, if it is a check, and what has come after it.
async fn read_check(tcp: &mut TcpStream) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut bytes = Vec::with_capacity(INTRODUCTION_MAX);
    loop {
        let room = INTRODUCTION_MAX - bytes.len();
        if (&mut *tcp).take(room as u64).read_buf(&mut bytes).await.ok()? == 0 || !may_be_check(&bytes) {
            return None;
        }
        if let Some((message, consumed)) = next_tcp_frame(&bytes) {
            let parsed = Message::parse(message).ok()?;
            let is_check = parsed.class() == Class::Request && parsed.method() == Method::BINDING;
            return is_check.then(|| (message.to_vec(), bytes.get(consumed..).unwrap_or_default().to_vec()));
        }
    }
}

/// Whether a check may begin so: its length, then a Binding request's type (RFC 8489 §5).
fn may_be_check(bytes: &[u8]) -> bool {
    let begins_well = bytes.iter().skip(2).zip([0, 1]).all(|(byte, expected)| *byte == expected);
    let is_short = bytes
        .first_chunk::<2>()
        .is_none_or(|length| usize::from(u16::from_be_bytes(*length)) + 2 <= INTRODUCTION_MAX);
    begins_well && is_short
}

/// Opens a connection and carries messages until either side ends it. Dropping the [`Stream`] ends it.
pub(super) async fn open(
    shared: Arc<Shared>,
    name: (PeerId, TcpConnectionId),
    local: SocketAddr,
    remote: SocketAddr,
) {
    let opened = timeout(OPENING, connect(local, remote)).await;
    let carried = match opened.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
        Ok((tcp, local)) => {
            let (peer, connection) = name;
            let (stream, queue) = Stream::new(local, remote, Transport::Tcp);
            shared.tell(Note::Tcp(TcpNote::Opened { peer, connection, stream }));
            carry(&shared, name, tcp, queue, Vec::new()).await
        }
        Err(error) => Err(error),
    };
    end(&shared, name, carried);
}

async fn connect(local: SocketAddr, remote: SocketAddr) -> io::Result<(TcpStream, SocketAddr)> {
    let socket = socket_for(remote)?;
    socket.bind(local)?;
    let tcp = socket.connect(remote).await?;
    tcp.set_nodelay(true)?;
    let local = tcp.local_addr()?;
    Ok((tcp, local))
}

async fn carry(
    shared: &Shared,
    (peer, connection): (PeerId, TcpConnectionId),
    tcp: TcpStream,
    queue: stream::Queue,
    begun: Vec<u8>,
) -> io::Result<()> {
    let tell = |message| shared.tell(Note::Tcp(TcpNote::Message { peer, connection, message }));
    stream::exchange(tcp, queue, Framing::Lengths, begun, tell).await
}

fn end(shared: &Shared, (peer, connection): (PeerId, TcpConnectionId), carried: io::Result<()>) {
    if let Err(error) = carried {
        tracing::debug!(%error, "connection to a peer ended");
    }
    shared.tell(Note::Tcp(TcpNote::Closed { peer, connection }));
}

impl Peers {
    pub(super) fn take_tcp_note(&mut self, now: Instant, note: TcpNote) {
        match note {
            TcpNote::Opened { peer, connection, stream } => {
                let local = stream.local;
                let place = self.get_mut(peer).and_then(|driven| driven.tcp.get_mut(&connection));
                if let Some(place @ None) = place {
                    *place = Some(stream);
                    self.call(peer, |machine| machine.tcp_opened(now, connection, local));
                }
            }
            TcpNote::Accepted { stream, mut check, owner } => {
                let (local, remote) = (stream.local, stream.remote);
                let Some(peer) = self.directory.stun_owner(&check) else {
                    return;
                };
                let accepted = self.call(peer, |machine| machine.tcp_accepted(now, local, remote));
                if let Some(connection) = accepted.flatten()
                    && owner.send((peer, connection)).is_ok()
                    && let Some(driven) = self.get_mut(peer)
                {
                    driven.tcp.insert(connection, Some(stream));
                    self.hand_in_tcp(now, peer, connection, &mut check);
                }
            }
            TcpNote::Message { peer, connection, mut message } => {
                self.hand_in_tcp(now, peer, connection, &mut message);
            }
            TcpNote::Closed { peer, connection } => {
                if self.get_mut(peer).is_some_and(|driven| driven.tcp.remove(&connection).is_some()) {
                    self.call(peer, |machine| machine.tcp_closed(now, connection));
                }
            }
        }
    }

    fn hand_in_tcp(&mut self, now: Instant, peer: PeerId, connection: TcpConnectionId, payload: &mut [u8]) {
        let stream = self.get_mut(peer).and_then(|driven| driven.tcp.get(&connection));
        if let Some(Some(stream)) = stream {
            let (transport, local, remote) = (stream.transport, stream.local, stream.remote);
            self.call(peer, |machine| {
                machine.handle_input(now, Datagram { transport, local, remote, payload });
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicBool, AtomicU64};

    use futures_util::task::AtomicWaker;
    use tokio::sync::watch;

    use super::super::EndpointConfig;
    use super::super::driver::Driver;
    use super::*;

    #[tokio::test]
    async fn whoever_has_connected_is_let_go_with_the_endpoint() {
        let shared = Arc::new(Shared {
            notes: Mutex::default(),
            driver: AtomicWaker::new(),
            closed: AtomicBool::new(false),
            addresses: Mutex::default(),
            present: watch::Sender::default(),
            next_peer: AtomicU64::new(0),
            runtime: tokio::runtime::Handle::current(),
        });
        let driver = Driver::new(shared.clone(), EndpointConfig::default(), Vec::new());
        let introduce = || {
            let address = SocketAddr::from(([127, 0, 0, 1], 1));
            let (stream, _) = Stream::new(address, address, Transport::Tcp);
            let (owner, owned) = oneshot::channel();
            shared.tell(Note::Tcp(TcpNote::Accepted { stream, check: Vec::new(), owner }));
            owned
        };
        let before = introduce();
        drop(driver);
        let after = introduce();
        for mut owned in [before, after] {
            assert_eq!(owned.try_recv(), Err(oneshot::error::TryRecvError::Closed));
        }
    }

    fn is_sent_away(leaving: &mut oneshot::Receiver<()>) -> bool {
        leaving.try_recv() == Err(oneshot::error::TryRecvError::Closed)
    }

    #[test]
    fn strangers_take_each_others_place_those_of_one_host_first() {
        let mut strangers = Strangers::default();
        let many: IpAddr = [192, 0, 2, 1].into();
        let mut quiet = strangers.admit([192, 0, 2, 2].into());
        let mut loud: Vec<_> = (0..=STRANGERS_OF_HOST).map(|_| strangers.admit(many)).collect();
        assert!(is_sent_away(&mut loud[0]));
        assert!(!is_sent_away(&mut loud[1]) && !is_sent_away(&mut quiet));
        // Who has said whose he is isn't one any more.
        loud.truncate(1);
        let others = (0..STRANGERS).map(|number| strangers.admit([198, 51, 100, number as u8].into()));
        let mut others: Vec<_> = others.collect();
        assert!(is_sent_away(&mut quiet), "the oldest of all");
        assert!(!others.iter_mut().any(is_sent_away));
    }

    #[test]
    fn one_host_has_a_network_of_ipv6() {
        let [one, same, other] = ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"];
        let host_of = |text: &str| host(text.parse().unwrap());
        assert_eq!(host_of(one), host_of(same));
        assert_ne!(host_of(one), host_of(other));
    }

    #[test]
    fn what_cannot_become_a_check_is_seen_at_its_first_bytes() {
        for begun in [&[0, 100][..], &[0], &[0, 100, 0], &[0, 100, 0, 1, 0, 80]] {
            assert!(may_be_check(begun), "{begun:?}");
        }
        for garbage in
            [&b"GET / HTTP/1.1"[..], &[0, 100, 1], &[0, 100, 0, 3], &[0xff, 0xff], b"\x16\x03\x01\x02"]
        {
            assert!(!may_be_check(garbage), "{garbage:?}");
        }
    }
}
