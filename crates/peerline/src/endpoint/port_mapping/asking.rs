//! A [`Mapper`] with its socket.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Instant;

use peerline_portmap::{Event, Mapper, PORT, Protocol};
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use tokio::net::UdpSocket;
use tokio::time::sleep_until;

/// RFC 6887 §7: no answer is longer.
const LONGEST: usize = 1100;

/// A mapping by PCP or NAT-PMP, or the attempt at one. When it is dropped, the router is told.
#[derive(Debug)]
pub(super) struct Asking {
    mapper: Mapper,
    socket: UdpSocket,
    /// The same socket, which sends when there is no runtime any more.
    sender: std::net::UdpSocket,
    external: Option<SocketAddrV4>,
}

impl Asking {
    pub(super) fn begin(internal: SocketAddrV4, router: Ipv4Addr) -> io::Result<Self> {
        let socket = std::net::UdpSocket::bind(SocketAddrV4::new(*internal.ip(), 0))?;
        // The kernel keeps from us what others send (RFC 6886 §3.1).
        socket.connect(SocketAddrV4::new(router, PORT))?;
        socket.set_nonblocking(true)?;
        let sender = socket.try_clone()?;
        let mapper = Mapper::new(Instant::now(), internal, StdRng::from_os_rng());
        Ok(Self { mapper, socket: UdpSocket::from_std(socket)?, sender, external: None })
    }

    /// Where the router forwards from.
    pub(super) fn external(&self) -> Option<SocketAddrV4> {
        self.external
    }

    /// In which protocol it does.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.mapper.protocol()
    }

    /// Waits for the first answer. `false`: the router doesn't grant anything.
    pub(super) async fn is_mapped(&mut self) -> bool {
        self.changed().await && self.external.is_some()
    }

    /// Waits until something has changed. `false`: nothing will any more.
    pub(super) async fn changed(&mut self) -> bool {
        loop {
            self.send();
            match self.mapper.poll_event() {
                Some(Event::Mapped(external)) => self.external = Some(external),
                Some(Event::Lost) => self.external = None,
                Some(Event::Ended) => return false,
                None => {
                    self.wait().await;
                    continue;
                }
            }
            return true;
        }
    }

    async fn wait(&mut self) {
        let mut buffer = [0; LONGEST];
        let timeout = self.mapper.poll_timeout();
        let time = async {
            match timeout {
                Some(timeout) => sleep_until(timeout.into()).await,
                None => pending().await,
            }
        };
        tokio::select! {
            received = self.socket.recv(&mut buffer) => {
                // An error says that nobody listens there: the timeouts end it.
                let received = received.ok().and_then(|length| buffer.get(..length));
                if let Some(datagram) = received {
                    self.mapper.handle_input(Instant::now(), datagram);
                }
            }
            () = time => self.mapper.handle_timeout(Instant::now()),
        }
    }

    fn send(&mut self) {
        let mut buffer = [0; LONGEST];
        while let Some(length) = self.mapper.poll_transmit(&mut buffer) {
            // What is lost is asked for again.
            let _ = self.sender.send(buffer.get(..length).unwrap_or_default());
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.mapper.close();
        self.send();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6886 §3.2 to §3.4, with a router that knows nothing else.
    #[tokio::test]
    async fn a_port_is_asked_for_and_given_back() {
        let router = Ipv4Addr::new(127, 77, 0, 2);
        let listener = UdpSocket::bind((router, PORT)).await.unwrap();
        let served = tokio::spawn(async move {
            let mut buffer = [0; LONGEST];
            loop {
                let (length, from) = listener.recv_from(&mut buffer).await.unwrap();
                let answer: &[u8] = match &buffer[..length] {
                    [0, 0] => &[0, 128, 0, 0, 0, 0, 0, 1, 203, 0, 113, 2],
                    [0, 1, _, _, 0x0F, 0xA0, _, _, 0, 0, 0, 0] => return,
                    [0, 1, ..] => &[0, 129, 0, 0, 0, 0, 0, 1, 0x0F, 0xA0, 0x13, 0x88, 0, 0, 2, 0x58],
                    _ => &[0, 129, 0, 1, 0, 0, 0, 1],
                };
                listener.send_to(answer, from).await.unwrap();
            }
        });
        let mut asking = Asking::begin("127.0.0.1:4000".parse().unwrap(), router).unwrap();
        assert!(asking.is_mapped().await);
        assert_eq!(asking.external(), Some("203.0.113.2:5000".parse().unwrap()));
        assert_eq!(asking.protocol(), Some(Protocol::NatPmp));
        drop(asking);
        served.await.unwrap();
    }

    /// A router that is slow may grant a port when nobody is there any more to use it.
    #[tokio::test]
    async fn a_port_that_was_asked_for_is_given_back_even_where_none_was_granted_yet() {
        let router = Ipv4Addr::new(127, 77, 0, 3);
        let listener = UdpSocket::bind((router, PORT)).await.unwrap();
        let mut asking = Asking::begin("127.0.0.1:4000".parse().unwrap(), router).unwrap();
        let mut buffer = [0; LONGEST];
        tokio::select! {
            _ = asking.changed() => panic!("nobody has answered"),
            received = listener.recv_from(&mut buffer) => assert_eq!(received.unwrap().0, 60),
        }
        drop(asking);
        let mut lifetime = buffer[4..8].to_vec();
        while lifetime != [0; 4] {
            let (length, _) = listener.recv_from(&mut buffer).await.unwrap();
            if length == 60 {
                lifetime = buffer[4..8].to_vec();
            }
        }
    }
}
