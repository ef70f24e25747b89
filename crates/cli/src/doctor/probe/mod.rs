//! Finds things out, all at the same time where one doesn't need the other.

mod behaviour;
mod call;
mod relay;
mod router;
mod stun;
mod web;

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use peerline::channel::{Channel, ChannelError, ChannelOptions, Link, Trust};
use peerline::{IceServer, Interfaces, Proxy};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::evidence::{Call, Evidence, Interface, OtherTcp, Outcome, Tcp, Turn};

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
    /// That of the flag or the environment.
    pub(super) proxy: Option<Proxy>,
    /// Whether the router is asked for a port.
    pub(super) port_mapping: bool,
}

impl Target {
    /// `None`: that is no origin.
    pub(super) fn new(origin: &str, trust: Trust, proxy: Option<Proxy>, port_mapping: bool) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        let is_secure = scheme == "https";
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
            _ => (authority, if is_secure { 443 } else { 80 }),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Some(Self { origin: origin.to_owned(), is_secure, host, port, trust, proxy, port_mapping })
    }

    /// How far to believe a host: what was said of the server holds for no other one.
    fn trust_in(&self, host: &str) -> Trust {
        if host.eq_ignore_ascii_case(&self.host) { self.trust } else { Trust::default() }
    }
}

/// Finds out everything.
pub(super) async fn examine(target: Target, progress: &dyn Progress) -> Evidence {
    let addresses = step(progress, "the server's name", resolve(&target)).await;
    let udp = one_of_each_family(&addresses)
        .map(|address| behaviour::examine(address, [STUN_PORT, target.port]))
        .collect::<Vec<_>>();
    let is_on_this_machine = addresses.first().is_some_and(IpAddr::is_loopback);
    let interfaces = interfaces();
    let is_router_asked = target.port_mapping && !is_on_this_machine;
    let port_mapping = async { if is_router_asked { router::ask(&interfaces).await } else { None } };
    let ((web, clock), (proxy, clock_by_proxy), other_tcp, udp, (signaling, turn, call), port_mapping) = tokio::join!(
        step(progress, "the web server", web::ask(&target)),
        step(progress, "the proxy", web::ask_by_proxy(&target)),
        step(progress, "another TCP port", knock(addresses.first().copied(), target.port)),
        step(progress, "UDP and the NAT", join_all(udp)),
        step(progress, "signaling and the relay", signaling_and_relay(&target, is_on_this_machine)),
        step(progress, "the router", port_mapping),
    );
    Evidence {
        server: target.origin,
        addresses,
        interfaces,
        web,
        proxy,
        signaling: Some(signaling),
        other_tcp,
        clock: clock.or(clock_by_proxy),
        udp,
        port_mapping,
        turn,
        call,
    }
}

async fn step<T>(progress: &dyn Progress, what: &'static str, work: impl Future<Output = T>) -> T {
    progress.begin(what);
    let found = work.await;
    progress.end(what);
    found
}

/// The relay's credentials come by signaling, and a call needs them.
async fn signaling_and_relay(
    target: &Target,
    is_on_this_machine: bool,
) -> (Outcome, Vec<Turn>, Option<Call>) {
    let (servers, took) = match enter(target).await {
        Ok(entered) => entered,
        Err(reason) => return (Outcome::Failed { reason }, Vec::new(), None),
    };
    let call = async {
        let has_relay = servers.iter().any(|server| server.credential.is_some());
        if has_relay { Some(call::through_relay(&servers, target, is_on_this_machine).await) } else { None }
    };
    let (turn, call) = tokio::join!(relay::allocate_each(&servers, target), call);
    (Outcome::Done { took }, turn, call)
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

/// Whether a port that is not the web's takes TCP connections, refuses them, or swallows them.
async fn knock(server: Option<IpAddr>, web: u16) -> Option<OtherTcp> {
    let address = SocketAddr::new(server?, STUN_PORT);
    if web == STUN_PORT {
        return None;
    }
    let knocked = timeout(PATIENCE, TcpStream::connect(address)).await;
    Some(outcome(address, knocked.ok().map(|knocked| knocked.map(drop))))
}

/// `None`: nothing came.
fn outcome(address: SocketAddr, knocked: Option<io::Result<()>>) -> OtherTcp {
    let (outcome, reason) = match knocked {
        Some(Ok(())) => (Tcp::Open, None),
        Some(Err(error)) => match error.kind() {
            io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => (Tcp::Refused, None),
            io::ErrorKind::TimedOut => (Tcp::Silent, None),
            _ => (Tcp::Unreachable, Some(error.to_string())),
        },
        None => (Tcp::Silent, None),
    };
    OtherTcp { address, outcome, reason }
}

/// Enters a channel that nobody else knows, as the server gives its relay's credentials to those in one.
async fn enter(target: &Target) -> Result<(Vec<IceServer>, f64), String> {
    let began = Instant::now();
    let link = Link::new(&target.origin, rand::random()).map_err(|error| error.to_string())?;
    let options = ChannelOptions {
        trust: target.trust,
        wait_for_server: false,
        proxy: target.proxy.clone(),
        ..ChannelOptions::named("doctor")
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_forbids_a_connection_is_told_and_is_no_silence() {
        use rustix::io::Errno;
        let address = SocketAddr::from(([192, 0, 2, 1], STUN_PORT));
        for (errno, wanted, is_told) in [
            (Errno::HOSTUNREACH, Tcp::Unreachable, true),
            (Errno::NETUNREACH, Tcp::Unreachable, true),
            (Errno::ACCESS, Tcp::Unreachable, true),
            (Errno::CONNREFUSED, Tcp::Refused, false),
            (Errno::TIMEDOUT, Tcp::Silent, false),
        ] {
            let found = outcome(address, Some(Err(errno.into())));
            assert_eq!((found.outcome, found.reason.is_some()), (wanted, is_told), "{errno}");
        }
        assert_eq!(outcome(address, None).outcome, Tcp::Silent);
    }

    #[test]
    fn what_is_said_of_the_server_holds_for_no_other_host() {
        let target = Target::new("https://call.test:8443", Trust::Anybody, None, true).unwrap();
        assert_eq!(target.trust_in("Call.test"), Trust::Anybody);
        for other in ["turn.call.test", "call.test.example", "127.0.0.1", ""] {
            assert_eq!(target.trust_in(other), Trust::default(), "{other}");
        }
    }
}
