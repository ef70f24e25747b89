//! A mapping by UPnP-IGD.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peerline_portmap::LIFETIME;
use peerline_portmap::upnp::{
    ANSWER, Action, Answer, Fault, GROUP, SEARCH, Service, Url, external_address, get, location, outcome,
    services,
};
use rand::Rng as _;
use socket2::{Domain, Protocol, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UdpSocket;
use tokio::time::{sleep, timeout};

use crate::dial;

/// How often the router is searched for, and how long after each time it has. It may take a second (`MX: 1`).
const SEARCHES: u32 = 3;
const SEARCH_PATIENCE: Duration = Duration::from_millis(1200);
/// How long it has for each question.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many of its ports are tried.
const PORTS: u32 = 4;

/// A mapping that stands.
#[derive(Debug)]
pub(super) struct Upnp {
    router: Ipv4Addr,
    service: Service,
    internal: SocketAddrV4,
    external: SocketAddrV4,
    /// In seconds; 0: for as long as the router runs.
    lifetime: u32,
}

impl Upnp {
    /// Finds the router's service, and asks it. `None`: there is none, or it doesn't want to.
    /// `asked` is set before it is.
    pub(super) async fn begin(internal: SocketAddrV4, router: Ipv4Addr, asked: &AtomicBool) -> Option<Self> {
        let url = search(*internal.ip(), router).await.ok()??;
        Self::at(internal, router, &url, asked).await
    }

    /// The same with a router that says at this place what it can.
    async fn at(internal: SocketAddrV4, router: Ipv4Addr, url: &Url, asked: &AtomicBool) -> Option<Self> {
        let description = ask(internal, router, url.port, &get(router, url)).await?;
        for service in services(&description.body, url, router) {
            let external = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, internal.port());
            let mut upnp = Self { router, service, internal, external, lifetime: LIFETIME };
            asked.store(true, Ordering::Relaxed);
            if upnp.add().await {
                if upnp.find_address().await {
                    return Some(upnp);
                }
                upnp.end().await;
            }
        }
        None
    }

    /// Where the router forwards from.
    pub(super) fn external(&self) -> SocketAddrV4 {
        self.external
    }

    /// Waits for the next renewal: where the router forwards from now. `None`: it doesn't any more.
    pub(super) async fn renewed(&mut self) -> Option<SocketAddrV4> {
        // One without an end is renewed in case that the router was started anew.
        sleep(Duration::from_secs((LIFETIME / 2).into())).await;
        (self.add().await && self.find_address().await).then_some(self.external)
    }

    /// Gives it back.
    pub(super) async fn end(&self) {
        self.act(Action::DeletePortMapping { external: self.external.port() }).await;
    }

    async fn add(&mut self) -> bool {
        for _ in 0..PORTS {
            let external = self.external.port();
            let action =
                Action::AddPortMapping { external, internal: self.internal, lifetime: self.lifetime };
            match self.act(action).await.map(|answer| outcome(&answer)) {
                Some(Ok(())) => return true,
                Some(Err(Fault::OnlyPermanent)) => self.lifetime = 0,
                Some(Err(Fault::Conflict)) => self.external.set_port(rand::rng().random_range(1024..=65535)),
                Some(Err(Fault::Refused)) | None => return false,
            }
        }
        false
    }

    async fn find_address(&mut self) -> bool {
        let answer = self.act(Action::GetExternalIpAddress).await;
        let address = answer.and_then(|answer| external_address(&answer));
        self.external.set_ip(address.unwrap_or(Ipv4Addr::UNSPECIFIED));
        address.is_some()
    }

    async fn act(&self, action: Action) -> Option<Answer> {
        let request = action.request(self.router, &self.service);
        ask(self.internal, self.router, self.service.url.port, &request).await
    }
}

/// Asks on the network of `local` who is a router. Only the one that is ours is listened to.
async fn search(local: Ipv4Addr, router: Ipv4Addr) -> io::Result<Option<Url>> {
    let socket = socket2::Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
    socket.bind(&SocketAddr::from((local, 0)).into())?;
    socket.set_multicast_if_v4(&local)?;
    socket.set_multicast_ttl_v4(2)?;
    socket.set_nonblocking(true)?;
    let socket = UdpSocket::from_std(socket.into())?;
    let mut buffer = [0; 2048];
    for _ in 0..SEARCHES {
        socket.send_to(SEARCH.as_bytes(), GROUP).await?;
        let answered = async {
            loop {
                let Ok((length, source)) = socket.recv_from(&mut buffer).await else { continue };
                let found = location(buffer.get(..length).unwrap_or_default(), router);
                if source.ip() == router && found.is_some() {
                    return found;
                }
            }
        };
        if let Ok(found) = timeout(SEARCH_PATIENCE, answered).await {
            return Ok(found);
        }
    }
    Ok(None)
}

/// One request to the router, on a connection of its own.
async fn ask(internal: SocketAddrV4, router: Ipv4Addr, port: u16, request: &str) -> Option<Answer> {
    let exchange = async {
        let local = Some((*internal.ip()).into());
        let mut stream = dial::connect_any(local, [SocketAddr::from((router, port))]).await.ok()?;
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut bytes = Vec::new();
        while bytes.len() < ANSWER {
            let is_end = stream.read_buf(&mut bytes).await.ok()? == 0;
            let answer = Answer::parse(&bytes, is_end);
            if answer.is_some() || is_end {
                return answer;
            }
        }
        None
    };
    timeout(PATIENCE, exchange).await.ok()?
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::super::{Asking, Way, first, unless_stopped};
    use super::*;

    const ROUTER: Ipv4Addr = Ipv4Addr::new(127, 77, 0, 1);

    /// A router that says what it has been asked to do, and answers with these statuses and bodies.
    async fn router(answers: Vec<(u16, String)>) -> (u16, tokio::task::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind((ROUTER, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let mut requests = Vec::new();
            for (status, body) in answers {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let is_whole = |request: &[u8]| {
                    let text = String::from_utf8_lossy(request);
                    let is_action = text.starts_with("POST ");
                    text.contains("\r\n\r\n") && (!is_action || text.ends_with("</s:Envelope>\r\n"))
                };
                while !is_whole(&request) {
                    assert!(stream.read_buf(&mut request).await.unwrap() > 0);
                }
                requests.push(String::from_utf8(request).unwrap());
                let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len());
                stream.write_all((head + &body).as_bytes()).await.unwrap();
            }
            requests
        });
        (port, served)
    }

    const DESCRIPTION: &str = "<root><service>\
        <serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>\
        <controlURL>/control</controlURL></service></root>";
    const ADDRESS: &str = "<r><NewExternalIPAddress>203.0.113.2</NewExternalIPAddress></r>";
    const INTERNAL: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 4000);

    fn description_at(port: u16) -> Url {
        Url { port, path: "/description".to_owned() }
    }

    /// A router that grants a port, and takes it back.
    async fn granting_router() -> (u16, tokio::task::JoinHandle<Vec<String>>) {
        let bodies = [DESCRIPTION, "<ok/>", ADDRESS, "<ok/>"];
        router(bodies.map(|body| (200, body.to_owned())).into()).await
    }

    /// The port was granted, and given back.
    fn assert_given_back(requests: &[String]) {
        assert!(requests[1].contains("#AddPortMapping"));
        assert!(requests[3].contains("#DeletePortMapping") && requests[3].contains("<NewExternalPort>4000<"));
    }

    #[tokio::test]
    async fn a_router_is_asked_until_it_grants_a_port() {
        let fault = |code: u16| (500, format!("<UPnPError><errorCode>{code}</errorCode></UPnPError>"));
        let (port, served) = router(vec![
            (200, DESCRIPTION.to_owned()),
            fault(725),
            fault(718),
            (200, "<ok/>".to_owned()),
            (200, ADDRESS.to_owned()),
            (200, "<ok/>".to_owned()),
        ])
        .await;
        let upnp = Upnp::at(INTERNAL, ROUTER, &description_at(port), &AtomicBool::new(false)).await.unwrap();
        let external = upnp.external();
        assert_eq!(*external.ip(), Ipv4Addr::new(203, 0, 113, 2));
        assert_ne!(external.port(), 4000, "that was somebody else's");
        upnp.end().await;
        let requests = served.await.unwrap();
        assert!(requests[0].starts_with("GET /description HTTP/1.1\r\n"));
        assert!(
            requests[1].contains("<NewLeaseDuration>1200<") && requests[1].contains("<NewExternalPort>4000<")
        );
        assert!(
            requests[2].contains("<NewLeaseDuration>0<") && requests[2].contains("<NewExternalPort>4000<")
        );
        let granted = format!("<NewExternalPort>{}<", external.port());
        assert!(requests[3].contains("#AddPortMapping") && requests[3].contains(&granted));
        assert!(requests[4].contains("#GetExternalIPAddress"));
        assert!(requests[5].contains("#DeletePortMapping") && requests[5].contains(&granted));
    }

    #[tokio::test]
    async fn who_leaves_while_a_port_is_granted_gives_it_back() {
        let (port, served) = granting_router().await;
        let url = description_at(port);
        let asked = AtomicBool::new(false);
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let found = async { Upnp::at(INTERNAL, ROUTER, &url, &asked).await.map(Way::Upnp) };
        let leaving = async {
            while !asked.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            drop(stop);
        };
        let (way, ()) = tokio::join!(unless_stopped(found, &asked, &mut stopped), leaving);
        assert!(way.is_none(), "nobody is there any more to use it");
        assert_given_back(&served.await.unwrap());
    }

    #[tokio::test]
    async fn a_port_that_is_granted_when_another_protocol_was_quicker_is_given_back() {
        let (port, served) = granting_router().await;
        let url = description_at(port);
        let asked = AtomicBool::new(false);
        let by_upnp = async { Upnp::at(INTERNAL, ROUTER, &url, &asked).await.map(Way::Upnp) };
        let by_asking = async {
            while !asked.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            Asking::begin(INTERNAL, ROUTER).ok().map(Way::Asking)
        };
        let way = first(by_asking, by_upnp, &asked).await;
        assert!(matches!(way, Some(Way::Asking(_))));
        assert_given_back(&served.await.unwrap());
    }
}
