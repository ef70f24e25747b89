//! Finds things out, all at the same time where one doesn't need the other.

mod behaviour;
mod call;
mod relay;
mod stun;
mod web;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use peerline::channel::{Channel, ChannelError, ChannelOptions, Link, Trust};
use peerline::{IceServer, Interfaces};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::evidence::{Evidence, Interface, OtherTcp, Outcome, Tcp};

/// How long any one thing may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(3);
/// The port that STUN servers have (RFC 8489 §18.5), and ours by default.
const STUN_PORT: u16 = 3478;

/// Tells what is being found out, and what has been.
pub(super) trait Progress: Sync {
    fn begin(&self, what: &'static str);
    fn end(&self, what: &'static str);
}

/// Where the server is.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// `https://HOST:PORT`
    pub(super) origin: String,
    pub(super) is_secure: bool,
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) trust: Trust,
    /// `http://HOST:PORT`, of the environment.
    pub(super) proxy: Option<String>,
}

impl Target {
    /// `None`: that is no origin.
    pub(super) fn new(origin: &str, trust: Trust, proxy: Option<String>) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        let is_secure = scheme == "https";
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, if is_secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { origin: origin.to_owned(), is_secure, host, port, trust, proxy })
    }
}

/// Finds out everything.
pub(super) async fn examine(target: Target, progress: &dyn Progress) -> Evidence {
    let interfaces = interfaces();
    progress.begin("the server's name");
    let addresses = resolve(&target).await;
    progress.end("the server's name");
    let mut evidence = Evidence {
        server: target.origin.clone(),
        interfaces,
        addresses: addresses.clone(),
        ..Evidence::default()
    };
    let step = async |what, work: std::pin::Pin<Box<dyn Future<Output = ()> + '_>>| {
        progress.begin(what);
        work.await;
        progress.end(what);
    };
    let Evidence { web, proxy, signaling, other_tcp, clock, udp, turn, call, .. } = &mut evidence;
    let first = addresses.first().copied();
    tokio::join!(
        step(
            "the web server",
            Box::pin(async {
                (*web, *clock) = web::ask(&target).await;
            })
        ),
        step(
            "the proxy",
            Box::pin(async {
                *proxy = web::ask_by_proxy(&target).await;
            })
        ),
        step(
            "another TCP port",
            Box::pin(async {
                *other_tcp = match first {
                    Some(address) if target.port != STUN_PORT => {
                        Some(knock(SocketAddr::new(address, STUN_PORT)).await)
                    }
                    _ => None,
                };
            })
        ),
        step(
            "UDP and the NAT",
            Box::pin(async {
                let tests = one_of_each_family(&addresses)
                    .map(|address| behaviour::examine(address, [STUN_PORT, target.port]));
                *udp = futures_util::future::join_all(tests).await;
            })
        ),
        step(
            "signaling and the relay",
            Box::pin(async {
                let servers = match enter(&target).await {
                    Ok((servers, took)) => {
                        *signaling = Some(Outcome::Done { took });
                        servers
                    }
                    Err(reason) => return *signaling = Some(Outcome::Failed { reason }),
                };
                (*turn, *call) = tokio::join!(relay::allocate_each(&servers, target.trust), async {
                    // Without a relay there is no call.
                    if servers.iter().any(|server| server.credential.is_some()) {
                        Some(
                            call::through_relay(&servers, first.is_some_and(|first| first.is_loopback()))
                                .await,
                        )
                    } else {
                        None
                    }
                });
            })
        ),
    );
    evidence
}

/// Addresses but those of loopback and of the link.
fn interfaces() -> Vec<Interface> {
    let mut found: Vec<_> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local())
        .map(|interface| Interface { address: interface.ip(), name: interface.name })
        .collect();
    found.sort_by_key(|interface| (interface.address.is_ipv6(), interface.name.clone()));
    found
}

async fn resolve(target: &Target) -> Vec<IpAddr> {
    if let Ok(address) = target.host.parse() {
        return vec![address];
    }
    let found = timeout(PATIENCE, tokio::net::lookup_host((target.host.as_str(), target.port))).await;
    let found: BTreeSet<IpAddr> = match found {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => BTreeSet::new(),
    };
    found.into_iter().collect()
}

/// The first of IPv4, and of IPv6.
fn one_of_each_family(addresses: &[IpAddr]) -> impl Iterator<Item = IpAddr> {
    let first = |is_ipv4| addresses.iter().copied().find(|address| address.is_ipv4() == is_ipv4);
    [first(true), first(false)].into_iter().flatten()
}

/// Whether a port takes TCP connections, refuses them, or swallows them.
async fn knock(address: SocketAddr) -> OtherTcp {
    let outcome = match timeout(PATIENCE, TcpStream::connect(address)).await {
        Ok(Ok(_)) => Tcp::Open,
        Ok(Err(error)) if error.kind() == std::io::ErrorKind::ConnectionRefused => Tcp::Refused,
        _ => Tcp::Silent,
    };
    OtherTcp { address, outcome }
}

/// Enters a channel that nobody else knows, as the server gives its relay's credentials to those in one.
async fn enter(target: &Target) -> Result<(Vec<IceServer>, f64), String> {
    let began = Instant::now();
    let link = Link::new(&target.origin, rand::random()).map_err(|error| error.to_string())?;
    let options =
        ChannelOptions { trust: target.trust, wait_for_server: false, ..ChannelOptions::named("doctor") };
    let entered = async {
        let channel = Channel::join(&link, options).await?;
        let servers = channel.sender().ice_servers().await;
        let took = milliseconds(began);
        channel.leave().await;
        Ok::<_, ChannelError>((servers?, took))
    };
    match timeout(PATIENCE, entered).await {
        Ok(Ok(entered)) => Ok(entered),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("no answer in 3 s".to_owned()),
    }
}

pub(super) fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

/// What an endpoint of the doctor's uses.
fn endpoint_interfaces(is_on_this_machine: bool) -> Interfaces {
    if is_on_this_machine { Interfaces::AllAndLoopback } else { Interfaces::All }
}
