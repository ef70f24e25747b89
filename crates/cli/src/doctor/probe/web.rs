//! The web server: whether it is it that answers, and what time it has.

use std::io;
use std::time::{Duration, Instant, SystemTime};

use peerline::channel::Disbelieved;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::evidence::{Clock, Proxy, Web};
use super::{PATIENCE, Target, milliseconds};

/// An answer is short; more is somebody else's.
const ANSWER: usize = 16 << 10;
/// How much of a foreign answer is shown.
const SHOWN: usize = 60;

/// A connection to be asked over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Why there is no answer.
enum Trouble {
    NoName(io::Error),
    Refused(io::Error),
    NoRoute(io::Error),
    Silent,
    Untrusted(String),
    Broken(io::Error),
}

impl From<Trouble> for Web {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoName(error) => Self::NoName { reason: error.to_string() },
            Trouble::Refused(error) => Self::Refused { reason: error.to_string() },
            Trouble::NoRoute(error) => Self::NoRoute { reason: error.to_string() },
            Trouble::Silent => Self::Silent,
            Trouble::Untrusted(reason) => Self::Untrusted { reason },
            Trouble::Broken(error) => Self::Broken { reason: error.to_string() },
        }
    }
}

/// Asks for `/healthz`, which every Peerline server answers with `ok`.
pub(super) async fn ask(target: &Target) -> (Option<Web>, Option<Clock>) {
    let began = Instant::now();
    let asked = async {
        let tcp = timeout(PATIENCE, TcpStream::connect((target.host.as_str(), target.port)))
            .await
            .map_err(|_| Trouble::Silent)?
            .map_err(unconnected)?;
        get(target, secure(target, tcp).await?).await
    };
    conclude(began, asked.await)
}

/// The same through the proxy, if there is one. Who asks is not told it: a channel is entered with that.
pub(super) async fn ask_by_proxy(target: &Target) -> (Option<Proxy>, Option<Clock>) {
    // Printed without its password, as it is shown.
    let Some(address) = target.proxy.as_ref().map(ToString::to_string) else { return (None, None) };
    let began = Instant::now();
    let asked = async {
        let authority = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let tcp = timeout(PATIENCE, TcpStream::connect(authority))
            .await
            .map_err(|_| Trouble::Silent)?
            .map_err(unconnected)?;
        let tunnel = connect(target, tcp).await?;
        get(target, secure(target, tunnel).await?).await
    };
    let (web, clock) = conclude(began, asked.await);
    (web.map(|web| Proxy { address: address.clone(), web }), clock)
}

/// Asks the proxy for a way to the server (RFC 9110 §9.3.6).
async fn connect(target: &Target, mut tcp: TcpStream) -> Result<TcpStream, Trouble> {
    let Target { host, port, .. } = target;
    let authority = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let request = format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n");
    let granted = async {
        tcp.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // Byte by byte, as what follows is the server's.
        while !answer.ends_with(b"\r\n\r\n") && answer.len() < ANSWER {
            answer.push(tcp.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        if line.split(' ').nth(1) == Some("200") {
            Ok(())
        } else {
            let said: String = line.chars().take(SHOWN).collect();
            Err(io::Error::other(format!("the proxy said {said:?}")))
        }
    };
    timeout(PATIENCE, granted).await.map_err(|_| Trouble::Silent)?.map_err(Trouble::Broken)?;
    Ok(tcp)
}

async fn secure(target: &Target, tcp: TcpStream) -> Result<Box<dyn Stream>, Trouble> {
    if !target.is_secure {
        return Ok(Box::new(tcp));
    }
    let broken = |error| Trouble::Broken(io::Error::other(error));
    let name = ServerName::try_from(target.host.clone()).map_err(|error| broken(error.to_string()))?;
    let config = target.trust.client_config(&[b"http/1.1"]).map_err(|error| broken(error.to_string()))?;
    let tls = timeout(PATIENCE, TlsConnector::from(std::sync::Arc::new(config)).connect(name, tcp)).await;
    let tls = tls.map_err(|_| Trouble::Silent)?.map_err(|error| match disbelieved(&error) {
        Some(reason) => Trouble::Untrusted(reason),
        None => Trouble::Broken(error),
    })?;
    Ok(Box::new(tls))
}

/// Why the certificate that was shown is not believed, if that is what is wrong.
pub(super) fn disbelieved(error: &io::Error) -> Option<String> {
    let Disbelieved { certificate, error } = Disbelieved::find(error)?;
    Some(format!("{error} (the SHA-256 of the certificate is {certificate})"))
}

fn unconnected(error: io::Error) -> Trouble {
    match error.kind() {
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionReset => Trouble::Refused(error),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => Trouble::NoRoute(error),
        io::ErrorKind::TimedOut => Trouble::Silent,
        _ => Trouble::NoName(error),
    }
}

/// The answer, when the request left, and when the answer had come.
struct Answer {
    text: String,
    asked: SystemTime,
    took: Duration,
}

async fn get(target: &Target, mut stream: Box<dyn Stream>) -> Result<Answer, Trouble> {
    let host = target.origin.split_once("://").map_or("", |(_, host)| host);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let (asked, began) = (SystemTime::now(), Instant::now());
    let answered = async {
        stream.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        stream.take(ANSWER as u64).read_to_end(&mut bytes).await?;
        Ok::<_, io::Error>(bytes)
    };
    let bytes = timeout(PATIENCE, answered).await.map_err(|_| Trouble::Silent)?.map_err(Trouble::Broken)?;
    if bytes.is_empty() {
        return Err(Trouble::Broken(io::Error::other("nothing was answered")));
    }
    Ok(Answer { text: String::from_utf8_lossy(&bytes).into_owned(), asked, took: began.elapsed() })
}

fn conclude(began: Instant, answer: Result<Answer, Trouble>) -> (Option<Web>, Option<Clock>) {
    let answer = match answer {
        Ok(answer) => answer,
        Err(trouble) => return (Some(trouble.into()), None),
    };
    if !is_ours(&answer.text) {
        let said: String = answer.text.lines().next().unwrap_or_default().chars().take(SHOWN).collect();
        return (Some(Web::Foreign { said }), None);
    }
    let clock = date(&answer.text).map(|date| clock(date, &answer));
    (Some(Web::Answered { took: milliseconds(began) }), clock)
}

fn is_ours(answer: &str) -> bool {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    head.split(' ').nth(1) == Some("200") && body.trim() == "ok"
}

/// The server's clock less ours. Its date has whole seconds: on the average half a second has passed.
fn clock(date: u64, answer: &Answer) -> Clock {
    let half = answer.took / 2;
    let ours = answer.asked.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default() + half;
    let ahead = Duration::from_secs(date).as_secs_f64() + 0.5 - ours.as_secs_f64();
    Clock { ahead, within: 0.5 + half.as_secs_f64() }
}

/// The Date header (RFC 9110 §5.6.7: `Fri, 27 Nov 2026 03:43:52 GMT`), in seconds since 1970.
fn date(answer: &str) -> Option<u64> {
    let value = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim())
    })?;
    let [_, day, month, year, time, "GMT"] = value.split(' ').collect::<Vec<_>>()[..] else { return None };
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = u64::try_from(months.iter().position(|name| *name == month)?).ok()?;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = time.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hour, minute, second] = clock[..] else { return None };
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let years = (1970..year.min(9999)).map(|year| if is_leap(year) { 366 } else { 365 }).sum::<u64>();
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: u64 = lengths.iter().take(usize::try_from(month).ok()?).sum();
    // Whoever answers may say anything.
    let is_date = (1970..=9999).contains(&year) && (1..=31).contains(&day);
    let is_time = hour < 24 && minute < 60 && second <= 60;
    (is_date && is_time).then(|| (years + months + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_in_seconds() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 29 Feb 2024 23:59:59 GMT", Some(1_709_251_199)),
            ("yesterday", None),
            ("Thu, 00 Jan 1970 00:00:00 GMT", None),
            ("Thu, 18446744073709551615 Jan 1970 00:00:00 GMT", None),
            ("Thu, 01 Jan 18446744073709551615 00:00:00 GMT", None),
            ("Thu, 01 Jan 1970 18446744073709551615:00:00 GMT", None),
            ("Thu, 01 Jan 1970 00:18446744073709551615:00 GMT", None),
            ("Thu, 01 Jan 1970 00:00:18446744073709551615 GMT", None),
        ] {
            assert_eq!(date(&format!("HTTP/1.1 200 OK\r\nDate: {text}\r\n\r\nok\n")), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_not_our_answer_is_somebody_elses() {
        assert!(is_ours("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"));
        for other in [
            "HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n<html>Please log in</html>",
            "SSH-2.0-OpenSSH\r\n",
        ] {
            assert!(!is_ours(other), "{other}");
        }
    }
}
