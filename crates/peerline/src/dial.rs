//! TCP connections to servers: directly, and through a proxy where that is the only way out.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use peerline_connection::Nat64Prefix;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep, timeout};

use crate::nat64;
use crate::proxy::Proxy;
use crate::trust::Disbelieved;

/// How long the next way waits for the one before it (RFC 8305 §5, "Connection Attempt Delay").
const HEAD_START: Duration = Duration::from_millis(250);
/// How long a server has, or a proxy.
const PATIENCE: Duration = Duration::from_secs(15);

/// A way to a server that is being tried.
type Attempt<'a, S> = Pin<Box<dyn Future<Output = io::Result<S>> + Send + 'a>>;

/// Opens a connection to a server, and sets up in it what `secure` does, TLS for instance. Both ways are begun at once, and the
/// direct one is taken unless it needs much longer than the one through the proxy, which is longer itself: nobody waits for a
/// network that lets nothing through.
///
/// # Errors
/// What was wrong with the certificate, where that is the reason; otherwise what was wrong with each way.
pub(crate) async fn open<'a, S: Send + 'a, F>(
    direct: impl Future<Output = io::Result<TcpStream>> + Send + 'a,
    proxied: Option<(&'a Proxy, impl Future<Output = io::Result<TcpStream>> + Send + 'a)>,
    secure: impl Fn(TcpStream) -> F + Copy + Send + 'a,
) -> io::Result<S>
where
    F: Future<Output = io::Result<S>> + Send + 'a,
{
    let direct = limited(async move {
        let tcp = direct.await?;
        secure(prepared(tcp)).await
    });
    let Some((proxy, connecting)) = proxied else { return direct.await };
    let proxied = limited(async move {
        let tcp = connecting.await?;
        secure(prepared(tcp)).await
    });
    match choose(direct, proxied, || proxy.leads_out()).await {
        Ok((opened, is_proxied)) => {
            proxy.note(is_proxied);
            Ok(opened)
        }
        Err((direct, proxied)) => Err(match (Disbelieved::find(&direct), Disbelieved::find(&proxied)) {
            (Some(_), _) => direct,
            (None, Some(_)) => proxied,
            (None, None) => {
                io::Error::new(direct.kind(), format!("{direct}; through the proxy {proxy}: {proxied}"))
            }
        }),
    }
}

/// Takes the direct way, unless that fails or needs more than twice as long as the proxied one, a head start at most. Where that
/// is `known` to lead out, the direct one has to be first. Says whether the proxied one was taken; otherwise the error of each.
async fn choose<S>(
    direct: impl Future<Output = io::Result<S>>,
    proxied: impl Future<Output = io::Result<S>>,
    known: impl Fn() -> bool,
) -> Result<(S, bool), (io::Error, io::Error)> {
    let began = Instant::now();
    let (mut direct, mut proxied) = (pin!(direct), pin!(proxied));
    tokio::select! {
        biased;
        opened = &mut direct => match opened {
            Ok(opened) => Ok((opened, false)),
            Err(error) => match proxied.await {
                Ok(opened) => Ok((opened, true)),
                Err(other) => Err((error, other)),
            },
        },
        opened = &mut proxied => match opened {
            Ok(opened) => {
                let patience = if known() { Duration::ZERO } else { began.elapsed().min(HEAD_START) };
                match timeout(patience, direct).await {
                    Ok(Ok(direct)) => Ok((direct, false)),
                    Ok(Err(_)) | Err(_) => Ok((opened, true)),
                }
            }
            Err(other) => match direct.await {
                Ok(opened) => Ok((opened, false)),
                Err(error) => Err((error, other)),
            },
        },
    }
}

/// Opens a connection to whichever address of a host answers first, if possible from `local`.
pub(crate) async fn connect(local: Option<IpAddr>, host: &str, port: u16) -> io::Result<TcpStream> {
    let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
    let failure = match connect_any(local, addresses.iter().copied()).await {
        Err(error) if error.kind() == io::ErrorKind::NetworkUnreachable => error,
        connected => return connected,
    };
    // An address of IPv4, and no IPv4 here: there may be a translator (RFC 8305 §7.1).
    let prefix = if addresses.iter().all(SocketAddr::is_ipv4) { nat64::discover().await } else { None };
    let translated =
        |prefix: Nat64Prefix| addresses.iter().filter_map(move |address| prefix.translate(*address));
    match prefix {
        Some(prefix) => connect_any(local, translated(prefix)).await,
        None => Err(failure),
    }
}

/// The same, of addresses that are known.
pub(crate) async fn connect_any(
    local: Option<IpAddr>,
    addresses: impl IntoIterator<Item = SocketAddr>,
) -> io::Result<TcpStream> {
    let attempts = in_turns(addresses.into_iter().collect())
        .into_iter()
        .map(|address| Box::pin(connect_to(local, address)) as Attempt<'_, _>)
        .collect();
    race(attempts).await.map_err(|failures| {
        let first = failures.into_iter().min_by_key(|(number, _)| *number);
        first.map_or_else(|| io::ErrorKind::NotFound.into(), |(_, error)| error)
    })
}

async fn connect_to(local: Option<IpAddr>, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    let reaches = |local: &IpAddr| {
        local.is_ipv4() == remote.is_ipv4() && local.is_loopback() == remote.ip().is_loopback()
    };
    if let Some(local) = local.filter(reaches) {
        socket.bind(SocketAddr::new(local, 0))?;
    }
    socket.connect(remote).await
}

/// RFC 8305 §4: the families take turns, so that one that doesn't work costs one delay.
fn in_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut one, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first);
    let mut turns = Vec::with_capacity(one.len() + other.len());
    while !one.is_empty() || !other.is_empty() {
        turns.extend(one.pop_front());
        turns.extend(other.pop_front());
    }
    turns
}

/// What is sent is small and awaited: none is to wait for the next.
fn prepared(stream: TcpStream) -> TcpStream {
    let _ = stream.set_nodelay(true);
    stream
}

async fn limited<S>(attempt: impl Future<Output = io::Result<S>>) -> io::Result<S> {
    timeout(PATIENCE, attempt).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Tries one way after the other, each as soon as the one before has failed or had its head start. The first that succeeds
/// ends the others. Otherwise each one's number and error.
async fn race<S>(mut waiting: VecDeque<Attempt<'_, S>>) -> Result<S, Vec<(usize, io::Error)>> {
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    let mut number = 0;
    loop {
        if let Some(attempt) = waiting.pop_front() {
            running.push(async move { (number, attempt.await) });
            number += 1;
        }
        let is_last = waiting.is_empty();
        let head_start = async { if is_last { pending().await } else { sleep(HEAD_START).await } };
        tokio::select! {
            ended = running.next() => match ended {
                Some((_, Ok(opened))) => return Ok(opened),
                Some((number, Err(error))) => failures.push((number, error)),
                None => return Err(failures),
            },
            () = head_start => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(
        milliseconds: u64,
        result: Result<&'static str, &'static str>,
    ) -> Attempt<'static, &'static str> {
        Box::pin(async move {
            sleep(Duration::from_millis(milliseconds)).await;
            result.map_err(io::Error::other)
        })
    }

    /// Which way was taken and when.
    async fn chosen(
        direct: Attempt<'static, &'static str>,
        proxied: Attempt<'static, &'static str>,
        known: bool,
    ) -> (Result<(&'static str, bool), String>, u128) {
        let began = tokio::time::Instant::now();
        let chosen = choose(direct, proxied, || known).await;
        (chosen.map_err(|(one, other)| format!("{one}, {other}")), began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_direct_way_is_taken_where_it_works_in_time() {
        let direct = |time| after(time, Ok("direct"));
        let proxied = |time| after(time, Ok("proxied"));
        for known in [false, true] {
            assert_eq!(chosen(direct(50), proxied(60), known).await, (Ok(("direct", false)), 50));
            assert_eq!(chosen(direct(50), proxied(50), known).await, (Ok(("direct", false)), 50));
            assert_eq!(chosen(direct(500), after(10, Err("no")), known).await, (Ok(("direct", false)), 500));
            assert_eq!(chosen(after(10, Err("no")), proxied(50), known).await, (Ok(("proxied", true)), 50));
        }
        assert_eq!(chosen(direct(90), proxied(60), false).await, (Ok(("direct", false)), 90));
        assert_eq!(chosen(direct(400), proxied(200), false).await, (Ok(("direct", false)), 400));
    }

    #[tokio::test(start_paused = true)]
    async fn a_network_that_lets_nothing_through_costs_little_and_is_remembered() {
        let never = || after(60_000, Ok("direct"));
        let proxied = |time| after(time, Ok("proxied"));
        assert_eq!(chosen(never(), proxied(60), false).await, (Ok(("proxied", true)), 120));
        assert_eq!(chosen(never(), proxied(900), false).await, (Ok(("proxied", true)), 1150));
        assert_eq!(chosen(never(), proxied(60), true).await, (Ok(("proxied", true)), 60));
        let failing = after(100, Err("refused"));
        assert_eq!(chosen(failing, proxied(60), false).await, (Ok(("proxied", true)), 100));
        let both = chosen(after(20, Err("one")), after(10, Err("two")), false).await;
        assert_eq!(both, (Err("one, two".to_owned()), 20));
    }

    async fn run(attempts: Vec<Attempt<'static, &'static str>>) -> (Result<&'static str, Vec<usize>>, u128) {
        let began = tokio::time::Instant::now();
        let result = race(attempts.into()).await;
        let numbers =
            |failures: Vec<(usize, io::Error)>| failures.into_iter().map(|(number, _)| number).collect();
        (result.map_err(numbers), began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_way_that_works_is_taken() {
        let attempts = vec![after(100, Ok("first")), after(0, Ok("second"))];
        assert_eq!(run(attempts).await, (Ok("first"), 100), "nobody else was asked");
        let attempts = vec![after(60_000, Ok("first")), after(20, Ok("second"))];
        assert_eq!(run(attempts).await, (Ok("second"), 270), "it had its head start");
        let attempts = vec![after(10, Err("refused")), after(20, Ok("second"))];
        assert_eq!(run(attempts).await, (Ok("second"), 30), "a failure isn't waited for");
        let attempts = vec![after(300, Ok("first")), after(500, Ok("second"))];
        assert_eq!(run(attempts).await, (Ok("first"), 300), "late, but first");
        let attempts = vec![after(400, Err("one")), after(10, Err("two"))];
        assert_eq!(run(attempts).await, (Err(vec![1, 0]), 400));
        assert_eq!(run(vec![]).await, (Err(vec![]), 0));
    }

    #[test]
    fn families_take_turns_rfc_8305_4() {
        let order = |text: &[&str]| -> Vec<String> {
            let addresses = text.iter().map(|address| address.parse().unwrap()).collect();
            in_turns(addresses).iter().map(ToString::to_string).collect()
        };
        let (a, b, c) = ("[2001:db8::1]:1", "[2001:db8::2]:1", "192.0.2.1:1");
        assert_eq!(order(&[a, b, c]), [a, c, b]);
        assert_eq!(order(&[c, a, b]), [c, a, b]);
        assert_eq!(order(&[]), Vec::<String>::new());
    }
}
