//! The relay under abuse over TCP and TLS: connections that only hold, and readers that don't read. A call goes on meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail so")]

mod common;

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::turn_client::{PATIENCE, TurnClient, user};
use common::{TestServer, client_hello, closed};
use peerline_stun::attribute::DATA;
use peerline_stun::{Class, Message, MessageWriter, Method, TransactionId};
use rustix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a packet of the call may take there and back: as long as so many of a call over a server that nobody attacks. So it
/// makes no difference how busy the machine is; on one that isn't, it is about a second.
const LONGEST: u32 = 3000;
/// How much processor time this process may use meanwhile: an attack that makes the server work slows both calls down alike. On a
/// busy machine this time passes as slowly as everything else.
const MOST_WORK: Duration = Duration::from_secs(5);
/// Packets that come for a reader that doesn't read.
const FLOOD: usize = 40_000;
/// Packets of a call that are enough to show that it goes on.
const ENOUGH: u32 = 200;

/// Two who are relayed to each other.
struct Call {
    ada: TurnClient<TcpStream>,
    grace: TurnClient<TcpStream>,
    at_ada: SocketAddr,
}

impl Call {
    async fn start(server: &TestServer) -> Self {
        let mut ada = TurnClient::new(server.connect().await);
        let mut grace = TurnClient::new(server.connect().await);
        let (at_ada, at_grace) = (ada.allocate().await, grace.allocate().await);
        ada.bind_channel(at_grace).await;
        grace.permit(at_ada).await;
        Self { ada, grace, at_ada }
    }

    async fn there_and_back(&mut self, number: u32) {
        let payload = number.to_be_bytes();
        self.ada.send_channel(&payload).await;
        let there = self.grace.next().await.unwrap();
        assert_eq!(Message::parse(&there).unwrap().attribute(DATA), Some(&payload[..]));
        self.grace.send_indication(self.at_ada, &payload).await;
        assert_eq!(self.ada.next().await.unwrap()[4..], payload);
    }

    /// Nothing of the call is lost nor late, until the attack is over.
    async fn goes_on_during<T>(&mut self, attack: impl Future<Output = T>) -> T {
        let clock = Clock::start().await;
        let mut attack = pin!(attack);
        let mut outcome = None;
        let mut packets = 0;
        loop {
            if packets >= ENOUGH
                && let Some(outcome) = outcome.take()
            {
                return outcome;
            }
            let (sent, begun) = (clock.now(), processor_time());
            let mut packet = pin!(self.there_and_back(packets));
            loop {
                tokio::select! {
                    () = &mut packet => break,
                    over = &mut attack, if outcome.is_none() => outcome = Some(over),
                }
            }
            let (took, work) = (clock.now() - sent, processor_time() - begun);
            assert!(took < LONGEST, "packet {packets} took as long as {took} elsewhere");
            assert!(work < MOST_WORK, "packet {packets} took {work:?} of work");
            packets += 1;
        }
    }
}

/// The processor time that all of this process has used, the attacked one as well.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::from_secs(time.tv_sec as u64) + Duration::from_nanos(time.tv_nsec as u64)
}

/// Counts the packets of a call that nobody disturbs.
struct Clock {
    ticks: Arc<AtomicU32>,
    ticking: JoinHandle<()>,
}

impl Clock {
    async fn start() -> Self {
        let server = server().await;
        let mut call = Call::start(&server).await;
        let ticks = Arc::new(AtomicU32::new(0));
        let counted = ticks.clone();
        let ticking = tokio::spawn(async move {
            let _server = server;
            loop {
                call.there_and_back(counted.fetch_add(1, Ordering::Relaxed)).await;
            }
        });
        Self { ticks, ticking }
    }

    fn now(&self) -> u32 {
        self.ticks.load(Ordering::Relaxed)
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.ticking.abort();
    }
}

fn binding_request() -> [u8; 20] {
    let mut buffer = [0; 20];
    let transaction = TransactionId::new([7; 12]);
    MessageWriter::new(&mut buffer, Class::Request, Method::BINDING, transaction).finish().unwrap();
    buffer
}

async fn server() -> TestServer {
    TestServer::start(&["--turn-user", &user()]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_tcp_and_tls_hold_up_neither_a_call_nor_who_comes() {
    let server = server().await;
    let mut call = Call::start(&server).await;
    let hello = client_hello();
    // Nothing, the beginning of a handshake, all of it but for the last byte, of STUN, and of HTTP.
    let beginnings: [&[u8]; 5] =
        [b"", &hello[..5], &hello[..hello.len() - 1], &[0, 3, 0, 8, 0x21, 0x12], b"GET / HTTP/1.1\r\nhost: "];
    let attack = async {
        let mut held = Vec::new();
        for _ in 0..100 {
            for beginning in beginnings {
                let mut stream = server.connect().await;
                stream.write_all(beginning).await.unwrap();
                held.push(stream);
            }
        }
        held
    };
    let held = call.goes_on_during(attack).await;
    let comes = async { TurnClient::new(server.connect_tls(&[]).await).allocate().await };
    call.goes_on_during(comes).await;
    drop(held);
}

#[tokio::test]
async fn a_byte_a_second_keeps_no_connection() {
    let server = server().await;
    let hello = client_hello();
    // An Allocate request that is announced to be long.
    let stun = [&[0, 3, 4, 0, 0x21, 0x12, 0xa4, 0x42][..], &[7; 1000]].concat();
    let http = [&b"GET / HTTP/1.1\r\nhost: localhost\r\nx: "[..], &[b'x'; 1000]].concat();
    let mut attackers = Vec::new();
    for bytes in [hello, stun, http] {
        attackers.push((server.connect().await, bytes));
    }
    tokio::time::pause();
    // A client of TURN has half a minute, everybody else ten seconds.
    for second in 0..45 {
        for (stream, bytes) in &mut attackers {
            // It fails once the server has had enough.
            let _ = stream.write_all(&bytes[second..=second]).await;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    tokio::time::resume();
    for (stream, _) in attackers {
        closed(stream, PATIENCE).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_never_reads_the_answers_is_not_listened_to_any_more() {
    let server = server().await;
    let mut call = Call::start(&server).await;
    let requests = binding_request().repeat(10_000);
    let mut deaf = server.connect().await;
    // What the kernel holds on the way, there and back, is some megabytes.
    let most = 64 << 20;
    let attack = async {
        let mut written = 0;
        while written < most {
            match timeout(Duration::from_secs(1), deaf.write_all(&requests)).await {
                Ok(Ok(())) => written += requests.len(),
                Ok(Err(_)) | Err(_) => break,
            }
        }
        written
    };
    let written = call.goes_on_during(attack).await;
    assert!(written < most, "{written} bytes of requests were taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_that_is_flooded_holds_up_nobody_else() {
    let server = server().await;
    let mut call = Call::start(&server).await;
    let over_tcp = TurnClient::new(server.connect().await);
    call.goes_on_during(is_flooded(&server, over_tcp)).await;
    let over_tls = TurnClient::new(server.connect_tls(&[]).await);
    call.goes_on_during(is_flooded(&server, over_tls)).await;
}

/// 48 MB come for `slow`, which reads none of it before that is over.
async fn is_flooded<S: AsyncRead + AsyncWrite + Unpin>(server: &TestServer, mut slow: TurnClient<S>) {
    let mut flood = TurnClient::new(server.connect().await);
    let (at_flood, at_slow) = (flood.allocate().await, slow.allocate().await);
    slow.permit(at_flood).await;
    flood.bind_channel(at_slow).await;
    for _ in 0..FLOOD {
        flood.send_channel(&[7; 1200]).await;
    }
    // Its connection still works, and what it is given is what the kernel held for it: the rest wasn't held anywhere.
    slow.stream.write_all(&binding_request()).await.unwrap();
    let mut arrived = 0;
    loop {
        let message = slow.next().await.unwrap();
        let message = Message::parse(&message).unwrap();
        if message.method() == Method::BINDING {
            break;
        }
        assert_eq!(message.attribute(DATA).map(<[u8]>::len), Some(1200));
        arrived += 1;
    }
    assert!((1..FLOOD / 3).contains(&arrived), "{arrived} of {FLOOD}");
}
