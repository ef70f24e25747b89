//! Binding requests from a UDP socket (RFC 8489 §6.2), several at a time.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use peerline_stun::attribute::{CHANGE_REQUEST, OTHER_ADDRESS, PADDING};
use peerline_stun::transaction::{Due, Retransmission, Transaction};
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use tokio::net::UdpSocket;
use tokio::time::{sleep_until, timeout};

/// A network that loses one packet in ten loses a request of these once in ten thousand times. About 2.2 seconds in all.
pub(super) const RETRANSMISSION: Retransmission =
    Retransmission { timeout: Duration::from_millis(250), count: 4, last: 2 };

/// What to ask.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Request {
    /// RFC 5780 §7.2: flags that ask for an answer from elsewhere.
    pub(super) change: u32,
    /// The whole request's length, by PADDING (RFC 5780 §7.6); 0: as it is.
    pub(super) length: usize,
}

/// CHANGE-REQUEST's flags.
pub(super) const CHANGE_IP: u32 = 4;
pub(super) const CHANGE_PORT: u32 = 2;

#[derive(Debug, Clone, Copy)]
pub(super) struct Answer {
    pub(super) mapped: SocketAddr,
    /// Where the server may be asked as well (RFC 5780 §7.4).
    pub(super) other: Option<SocketAddr>,
    pub(super) round_trip: Duration,
}

/// One socket that asks.
pub(super) struct Asker {
    socket: UdpSocket,
    pub(super) local: SocketAddr,
}

impl Asker {
    /// A new socket at the address that leads to `server`.
    pub(super) async fn towards(server: SocketAddr) -> std::io::Result<Self> {
        let any: IpAddr =
            if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        // Connecting sends nothing: it asks for the route.
        let route = UdpSocket::bind((any, 0)).await?;
        route.connect(server).await?;
        let socket = UdpSocket::bind((route.local_addr()?.ip(), 0)).await?;
        let local = socket.local_addr()?;
        Ok(Self { socket, local })
    }

    pub(super) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Asks; `None` where no answer came.
    pub(super) async fn ask(&self, server: SocketAddr, request: Request) -> std::io::Result<Option<Answer>> {
        let answers = self.ask_all(&[(server, request)]).await?;
        Ok(answers.first().copied().flatten())
    }

    /// Asks several things at the same time. The answers are in the order of the requests.
    pub(super) async fn ask_all(
        &self,
        requests: &[(SocketAddr, Request)],
    ) -> std::io::Result<Vec<Option<Answer>>> {
        let mut asked = Vec::new();
        for (server, request) in requests {
            let transaction = TransactionId::new(rand::random());
            let bytes = write(transaction, *request);
            asked.push(Asked {
                server: *server,
                transaction,
                bytes,
                timer: Transaction::new(Instant::now(), RETRANSMISSION),
                sent: None,
                answer: None,
            });
        }
        let mut buffer = vec![0; 2048];
        loop {
            for one in &mut asked {
                while let Some(due) = one.timer.handle_timeout(Instant::now()) {
                    if due == Due::Send {
                        one.sent = Some(Instant::now());
                        self.send(&one.bytes, one.server).await?;
                    }
                }
            }
            let Some(next) = asked.iter().filter_map(|one| one.timer.poll_timeout()).min() else {
                return Ok(asked.into_iter().map(|one| one.answer).collect());
            };
            tokio::select! {
                received = self.socket.recv_from(&mut buffer) => {
                    // A refusal of an earlier datagram by ICMP isn't this one's.
                    let Ok((length, _)) = received else { continue };
                    take(&mut asked, buffer.get(..length).unwrap_or_default());
                }
                () = sleep_until(next.into()) => {}
            }
        }
    }

    /// A packet that is too long for the interface is lost like one that is too long for a router.
    async fn send(&self, bytes: &[u8], server: SocketAddr) -> std::io::Result<()> {
        match self.socket.send_to(bytes, server).await {
            Err(error) if rustix::io::Errno::from_io_error(&error) == Some(rustix::io::Errno::MSGSIZE) => {
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => Ok(()),
            sent => sent.map(|_| ()),
        }
    }

    /// Sends something to somebody, and waits for the same from anybody.
    pub(super) async fn exchange(&self, to: SocketAddr, word: &[u8], patience: Duration) -> bool {
        let mut buffer = [0; 64];
        let heard = async {
            loop {
                let _ = self.socket.send_to(word, to).await;
                let received = timeout(RETRANSMISSION.timeout, self.socket.recv_from(&mut buffer)).await;
                if matches!(received, Ok(Ok((length, _))) if buffer.get(..length) == Some(word)) {
                    return;
                }
            }
        };
        timeout(patience, heard).await.is_ok()
    }
}

struct Asked {
    server: SocketAddr,
    transaction: TransactionId,
    bytes: Vec<u8>,
    timer: Transaction,
    sent: Option<Instant>,
    answer: Option<Answer>,
}

fn write(transaction: TransactionId, request: Request) -> Vec<u8> {
    let mut buffer = vec![0; 2048];
    let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, transaction);
    if request.change != 0 {
        writer.number(CHANGE_REQUEST, request.change);
    }
    // The header of the attribute has four bytes, and its value is padded to four.
    let room = request.length.saturating_sub(writer.len() + 4) & !3;
    if request.length > 0 && room > 0 {
        writer.attribute(PADDING, &vec![0; room]);
    }
    let length = writer.finish().unwrap_or_default();
    buffer.truncate(length);
    buffer
}

fn take(asked: &mut [Asked], datagram: &[u8]) {
    let Ok(message) = Message::parse(datagram) else { return };
    let Some(one) = asked.iter_mut().find(|one| one.transaction == message.transaction()) else { return };
    if one.answer.is_some() || message.class() == Class::Request {
        return;
    }
    one.timer.answered();
    // An error is an answer, too, but shows nothing.
    let Some(mapped) = message.mapped_address().filter(|_| message.class() == Class::Success) else { return };
    let round_trip = one.sent.map(|sent| sent.elapsed()).unwrap_or_default();
    one.answer = Some(Answer { mapped, other: message.address(OTHER_ADDRESS), round_trip });
}
