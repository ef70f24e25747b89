//! STUN and TURN over one TCP or TLS connection (RFC 8656 §2.1, RFC 7443): one task, one TURN machine, one client. With TCP towards peers
//! (RFC 6062), a client has further connections, each of which carries the data of one with a peer.

mod carry;
mod peer_connections;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use peerline_stun::framing::{FRAME_MAX, Frame, next_frame};
use peerline_turn::{
    AllocationId, AllocationRequest, Client, ConnectError, ConnectionId, Dropped, Event, FromClient,
    FromPeer, Refusal, Server, Transport,
};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::UdpSocket;

use crate::admission::Admitted;
use crate::relay::connections::{Report, Waiting};
use crate::relay::icmp::{self, is_icmp};
use crate::relay::{Lease, RelaySocket, Shared};
use crate::server::Context;
use carry::{Begun, carry};
use peer_connections::{News, PeerConnections};

/// A connection without an allocation that says nothing for so long is closed.
const IDLE: Duration = Duration::from_secs(30);
/// The longest message of somebody who has no allocation yet.
const STRANGER_FRAME_MAX: usize = 4096;
/// What waits for a client that reads slowly. Beyond it datagrams are dropped, as a full router would.
const OUTPUT_MAX: usize = 128 * 1024;
/// Answers may be queued beyond that, up to here: then we stop reading requests.
const ANSWERS_MAX: usize = OUTPUT_MAX + 16 * 1024;
/// The same for somebody who has no allocation yet.
const STRANGER_ANSWERS_MAX: usize = 4096;
/// Datagrams taken from a relay socket before the client's bytes have their turn.
const DATAGRAMS: usize = 64;
const READ_SIZE: usize = 16 * 1024;
/// The same for somebody who has no allocation yet, and may wait like this.
const STRANGER_READ_SIZE: usize = 1024;

thread_local! {
    /// Where a datagram from a peer lands: used within one call only.
    static DATAGRAM: RefCell<Box<[u8]>> = RefCell::new(vec![0; 65_536].into());
}

/// Who is at the other end.
pub(crate) fn client(peer: SocketAddr, local: SocketAddr, is_tls: bool) -> Client {
    let transport = if is_tls { Transport::Tls } else { Transport::Tcp };
    Client { transport, remote: peer, local }
}

/// Serves the client until either side ends it.
pub(crate) async fn serve<S>(stream: S, client: Client, context: Arc<Context>, admitted: Admitted)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let shared = context.relay.shared().clone();
    let mut turn = TurnStream::new(shared, client);
    if let Err(error) = turn.run(stream, &context).await {
        tracing::debug!(peer = %client.remote, %error, "TURN connection ended");
    }
    turn.end();
    drop(admitted);
}

struct TurnStream {
    server: Server,
    shared: Arc<Shared>,
    client: Client,
    relays: Option<Relays>,
    input: BytesMut,
    output: Output,
    /// What the connection is to carry from now on, and nothing else.
    bound: Option<Waiting>,
}

/// What waits to be written to the client.
struct Output {
    bytes: BytesMut,
    /// Whether each message is written on its own.
    is_by_message: bool,
    /// What is left of a message whose beginning has been written.
    rest: usize,
}

/// The relay sockets of the one allocation that a connection can have. The fields are dropped in this order: sockets
/// before the lease of their ports.
struct Relays {
    /// Of an allocation of TCP: instead of the others.
    tcp: Option<PeerConnections>,
    ipv4: Option<UdpSocket>,
    ipv6: Option<UdpSocket>,
    allocation: AllocationId,
    lease: Lease,
}

/// What the relay sockets have.
enum RelayNews {
    /// Datagrams or ICMP errors.
    Datagrams(Family),
    /// Something about TCP connections with peers.
    Connections(News),
}

#[derive(Debug, Clone, Copy)]
enum Family {
    Ipv4,
    Ipv6,
}

impl TurnStream {
    fn new(shared: Arc<Shared>, client: Client) -> Self {
        Self {
            server: Server::new(shared.turn_config().clone(), &mut StdRng::from_os_rng()),
            shared,
            client,
            relays: None,
            input: BytesMut::new(),
            output: Output::new(client.transport),
            bound: None,
        }
    }

    async fn run<S: AsyncRead + AsyncWrite>(&mut self, stream: S, context: &Context) -> io::Result<()> {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut shutdown = context.shutdown.clone();
        let mut heard = now();
        let mut is_flushed = true;
        loop {
            if let Some(waiting) = self.bound.take() {
                let (input, output) = (self.input.to_vec(), self.output.bytes.to_vec());
                let carried = carry(reader, writer, Begun { input, output }, waiting, shutdown).await;
                self.shared.add_statistics(&carried);
                return Ok(());
            }
            let due = match (self.server.poll_timeout(), self.relays.is_none()) {
                (Some(due), true) => due.min(heard + IDLE),
                (None, true) => heard + IDLE,
                (Some(due), false) => due,
                (None, false) => heard + Duration::from_secs(3600),
            };
            let reads = self.reads();
            if reads {
                self.input.reserve(if self.relays.is_some() { READ_SIZE } else { STRANGER_READ_SIZE });
            }
            tokio::select! {
                read = reader.read_buf(&mut self.input), if reads => {
                    if read? == 0 {
                        return Ok(());
                    }
                    let now = now();
                    if self.take_input(now)? {
                        heard = now;
                    }
                }
                written = push(&mut writer, self.output.next()), if !(self.output.bytes.is_empty() && is_flushed) => {
                    let length = written?;
                    is_flushed = length == 0;
                    self.output.wrote(length);
                }
                news = news(self.relays.as_mut()) => {
                    let now = now();
                    match news {
                        RelayNews::Datagrams(family) => {
                            let met = self.take_datagrams(now, family);
                            self.tell_icmp(now, family, met);
                        }
                        RelayNews::Connections(news) => self.take_connection(now, news),
                    }
                }
                () = tokio::time::sleep_until(due.into()) => {
                    let now = now();
                    if self.relays.is_none() && now >= heard + IDLE {
                        return Ok(());
                    }
                    self.server.handle_timeout(now);
                    self.drain(now);
                }
                () = shutdown.closing() => return Ok(()),
            }
        }
    }

    /// Whether the client is listened to: whoever asks and doesn't read the answers is not.
    fn reads(&self) -> bool {
        let most = if self.relays.is_some() { ANSWERS_MAX } else { STRANGER_ANSWERS_MAX };
        self.output.bytes.len() < most
    }

    /// Takes whole messages off the input; says whether there was one.
    fn take_input(&mut self, now: Instant) -> io::Result<bool> {
        let mut input = std::mem::take(&mut self.input);
        let mut taken = 0;
        loop {
            match next_frame(input.get(taken..).unwrap_or_default()) {
                Frame::Incomplete => break,
                Frame::Invalid => return Err(io::ErrorKind::InvalidData.into()),
                Frame::Complete { message, consumed } => {
                    self.take_message(now, message)?;
                    taken += consumed;
                    // What follows is data.
                    if self.bound.is_some() {
                        break;
                    }
                }
            }
        }
        input.advance(taken);
        let longest = if self.relays.is_some() { FRAME_MAX } else { STRANGER_FRAME_MAX };
        if input.len() > longest && self.bound.is_none() {
            return Err(io::ErrorKind::InvalidData.into());
        }
        // Nothing of a burst stays behind.
        self.input = if input.is_empty() { BytesMut::new() } else { input };
        Ok(taken > 0)
    }

    fn take_message(&mut self, now: Instant, message: &[u8]) -> io::Result<()> {
        match self.server.relay_from_client(now, &self.client, message) {
            FromClient::Relay { peer, payload, dont_fragment, .. } => {
                let family = Family::of(peer);
                let socket = self.relays.as_ref().and_then(|relays| relays.socket(family));
                if let Some(error) =
                    socket.and_then(|socket| send(socket, self.shared.toward(peer), payload, dont_fragment))
                {
                    self.tell_icmp(now, family, Some(error));
                }
            }
            FromClient::Control => {
                self.shared.adjust_clock(now);
                self.server.handle_input(now, &self.client, message);
                self.drain(now);
            }
            // In a stream there is no next message to find after one that is none.
            FromClient::Dropped(Dropped::Malformed) => return Err(io::ErrorKind::InvalidData.into()),
            FromClient::Dropped(_) => {}
        }
        Ok(())
    }

    /// Takes what peers sent. Returns the ICMP error that it met.
    fn take_datagrams(&mut self, now: Instant, family: Family) -> Option<io::Error> {
        let relays = self.relays.as_ref()?;
        let socket = relays.socket(family)?;
        let mut met = None;
        DATAGRAM.with_borrow_mut(|buffer| {
            for _ in 0..DATAGRAMS {
                let (length, source) = match socket.try_recv_from(buffer) {
                    Ok(received) => received,
                    Err(error) if is_icmp(&error) => {
                        met = Some(error);
                        break;
                    }
                    Err(_) => break,
                };
                let peer = self.shared.seen_as(SocketAddr::new(source.ip(), source.port()));
                let Some(payload) = buffer.get(..length) else { break };
                if self.output.bytes.len() + length > OUTPUT_MAX {
                    continue;
                }
                if let FromPeer::Relay { header, .. } =
                    self.server.relay_from_peer(now, relays.allocation, peer, length)
                {
                    self.output.bytes.extend_from_slice(header.as_bytes());
                    self.output.bytes.extend_from_slice(payload);
                    self.output.bytes.extend_from_slice([0; 3].get(..header.padding()).unwrap_or_default());
                }
            }
        });
        met
    }

    /// Tells the client of ICMP errors that came back for what it sent; `met` is one that a call has just met.
    fn tell_icmp(&mut self, now: Instant, family: Family, mut met: Option<io::Error>) {
        const MOST: usize = 16;
        let Some(relays) = &self.relays else { return };
        let Some(socket) = relays.socket(family) else { return };
        for _ in 0..MOST {
            let taken = match met.take() {
                Some(met) => icmp::take(socket, Some(&met)),
                // The runtime has to hear that there are no more, so that it tells of the next one.
                None => {
                    let none = || io::Error::from(io::ErrorKind::WouldBlock);
                    socket.try_io(Interest::ERROR, || icmp::take(socket, None).ok_or_else(none)).ok()
                }
            };
            let Some((peer, error)) = taken else { break };
            if self.output.bytes.len() < OUTPUT_MAX {
                self.server.handle_icmp(now, relays.allocation, self.shared.seen_as(peer), error);
            }
        }
        self.drain(now);
    }

    /// Does what the machine asks for, until it asks for nothing.
    fn drain(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        loop {
            while let Some(transmit) = self.server.poll_transmit(&mut buffer) {
                self.output.bytes.extend_from_slice(buffer.get(..transmit.length).unwrap_or_default());
            }
            match self.server.poll_event() {
                Some(Event::AllocationRequested(request)) => self.allocate(now, &request),
                Some(Event::AddressEnded { relayed, .. }) => {
                    if let Some(relays) = &mut self.relays {
                        relays.close(Family::of(relayed));
                    }
                }
                Some(Event::AllocationEnded { .. }) => self.relays = None,
                Some(Event::ConnectRequested { allocation, connection, peer }) => {
                    self.connect(now, allocation, connection, peer);
                }
                Some(Event::ConnectionBindRequested { client, connection, username }) => {
                    self.bound = self.shared.waiting.take(connection, &username);
                    self.server.connection_bind_answered(&client, connection, self.bound.is_some());
                }
                Some(Event::ConnectionEnded { connection, .. }) => {
                    if let Some(tcp) = self.relays.as_mut().and_then(|relays| relays.tcp.as_mut()) {
                        tcp.close(connection);
                    }
                }
                None => return,
            }
        }
    }

    /// RFC 6062 §5.2.
    fn connect(
        &mut self,
        now: Instant,
        allocation: AllocationId,
        connection: ConnectionId,
        peer: SocketAddr,
    ) {
        let error = match &mut self.relays {
            Some(Relays { tcp: Some(tcp), lease, .. }) => match lease.connection() {
                Some(slot) => return tcp.connect(connection, peer, slot),
                None => ConnectError::QuotaReached,
            },
            _ => ConnectError::Failed,
        };
        self.server.connected(now, allocation, connection, Err(error));
    }

    /// Takes what has happened to connections with peers.
    fn take_connection(&mut self, now: Instant, news: News) {
        let Some(Relays { tcp: Some(tcp), lease, allocation, .. }) = &mut self.relays else {
            return;
        };
        let allocation = *allocation;
        match news {
            News::Made(connection, made) => {
                let answer = made.as_ref().map(|_| ()).map_err(|_| ConnectError::Failed);
                let is_wanted = self.server.connected(now, allocation, connection, answer);
                match made {
                    Ok(stream) if is_wanted => tcp.made(connection, stream),
                    _ => tcp.close(connection),
                }
            }
            // RFC 6062 §5.3: what isn't permitted is closed at once.
            News::Arrived(stream, source) => {
                let peer = self.shared.seen_by_tcp(source);
                // Who doesn't read what it is told is told nothing more.
                if self.output.bytes.len() < OUTPUT_MAX
                    && let Some(slot) = lease.connection()
                    && let Some(connection) = self.server.peer_connected(now, allocation, peer)
                {
                    tcp.wait(connection, stream, slot);
                }
            }
            News::Reported(Report::Bound(connection)) => {
                self.server.connection_bound(allocation, connection);
            }
            News::Reported(Report::Closed(connection)) => {
                self.server.connection_closed(allocation, connection);
                tcp.close(connection);
            }
        }
        self.drain(now);
    }

    fn allocate(&mut self, now: Instant, request: &AllocationRequest) {
        let (mut lease, granted) = match self.shared.allocate(now, request) {
            Ok(allocated) => allocated,
            Err(refusal) => {
                self.server.allocated(now, request.request, Err(refusal));
                return;
            }
        };
        let (mut ipv4, mut ipv6, mut tcp) = (None, None, None);
        if request.is_tcp {
            let relayed = lease.ipv4.as_mut().or(lease.ipv6.as_mut());
            let (username, budgets) = (request.username.clone(), granted.budgets.clone());
            tcp = relayed
                .and_then(|relayed| PeerConnections::new(relayed, username, budgets, self.shared.clone()));
            if tcp.is_none() {
                self.server.allocated(now, request.request, Err(Refusal::InsufficientCapacity));
                return;
            }
        } else {
            ipv4 = lease.ipv4.as_mut().and_then(adopt);
            ipv6 = lease.ipv6.as_mut().and_then(adopt);
        }
        self.relays = self.server.allocated(now, request.request, Ok(granted)).map(|allocation| Relays {
            tcp,
            ipv4,
            ipv6,
            allocation,
            lease,
        });
    }

    fn end(&mut self) {
        let now = now();
        self.server.handle_disconnect(now, &self.client);
        self.drain(now);
        self.relays = None;
        self.shared.add_statistics(self.server.statistics());
    }
}

impl Output {
    fn new(transport: Transport) -> Self {
        Self { bytes: BytesMut::new(), is_by_message: transport == Transport::Tls, rest: 0 }
    }

    /// What the next write takes: all there is or, within TLS, one message. Each write becomes a TLS record, and
    /// coturn's client believes that a record is a message.
    fn next(&self) -> &[u8] {
        let length = match self.rest {
            _ if !self.is_by_message => self.bytes.len(),
            0 => match next_frame(&self.bytes) {
                Frame::Complete { consumed, .. } => consumed,
                Frame::Incomplete | Frame::Invalid => self.bytes.len(),
            },
            rest => rest,
        };
        self.bytes.get(..length).unwrap_or(&self.bytes)
    }

    fn wrote(&mut self, length: usize) {
        self.rest = self.next().len() - length;
        self.bytes.advance(length);
    }
}

impl Relays {
    fn socket(&self, family: Family) -> Option<&UdpSocket> {
        match family {
            Family::Ipv4 => self.ipv4.as_ref(),
            Family::Ipv6 => self.ipv6.as_ref(),
        }
    }

    fn close(&mut self, family: Family) {
        match family {
            Family::Ipv4 => {
                self.ipv4 = None;
                self.lease.ipv4 = None;
            }
            Family::Ipv6 => {
                self.ipv6 = None;
                self.lease.ipv6 = None;
            }
        }
    }
}

impl Family {
    fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::Ipv4 } else { Self::Ipv6 }
    }
}

/// Hands a relay socket to the runtime.
fn adopt(relayed: &mut RelaySocket) -> Option<UdpSocket> {
    let is_ipv4 = relayed.address.is_ipv4();
    relayed.take().and_then(|socket| {
        icmp::hear(&socket, is_ipv4).ok()?;
        UdpSocket::from_std(socket.into()).ok()
    })
}

/// The runtime's clock, which tests may stop.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Returns when there is something at the relay sockets; never without an allocation.
async fn news(relays: Option<&mut Relays>) -> RelayNews {
    match relays {
        Some(Relays { tcp: Some(tcp), .. }) => RelayNews::Connections(tcp.news().await),
        Some(relays) => RelayNews::Datagrams(ready(relays).await),
        None => std::future::pending().await,
    }
}

/// Returns when a peer's datagram or an ICMP error has arrived at one of the relay sockets.
async fn ready(relays: &Relays) -> Family {
    let one = |family| async move {
        match relays.socket(family) {
            Some(socket) if socket.ready(Interest::READABLE | Interest::ERROR).await.is_ok() => family,
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        family = one(Family::Ipv4) => family,
        family = one(Family::Ipv6) => family,
    }
}

/// Writes some of `output` or, when there is none, flushes what TLS still holds; says how much was written.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, output: &[u8]) -> io::Result<usize> {
    if output.is_empty() {
        return writer.flush().await.map(|()| 0);
    }
    match writer.write(output).await? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        length => Ok(length),
    }
}

/// Sends a datagram; one that the kernel does not take at once is lost, as datagrams may be. Returns the ICMP error of an
/// earlier datagram that it met on its way.
fn send(socket: &UdpSocket, peer: SocketAddr, payload: &[u8], dont_fragment: bool) -> Option<io::Error> {
    if dont_fragment {
        let _ = sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::PROBE);
    }
    let met = socket.try_send_to(payload, peer).err().filter(is_icmp);
    if met.is_some() {
        let _ = socket.try_send_to(payload, peer);
    }
    if dont_fragment {
        let _ = sockopt::set_ip_mtu_discover(socket, sockopt::Ipv4PathMtuDiscovery::OMIT);
    }
    met
}
