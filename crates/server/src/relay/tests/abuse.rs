//! Floods of allocations: each runs into a limit of its own, and a flow of somebody else loses nothing meanwhile.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use peerline_turn::{Client, Event, FromClient, Server, Transport, issue};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rustix::time::{ClockId, clock_gettime};

use super::*;

const SECRET: &[u8] = b"sixteen letters!";
/// How long a packet may take there and back: as long as so many of a flow through a relay that nobody attacks. So it makes no
/// difference how busy the machine is; on one that isn't, it is about a second.
const LONGEST: u32 = 10_000;
/// How much processor time this process may use meanwhile: an attack that makes the server work slows both flows down alike. On a
/// busy machine this time passes as slowly as everything else.
const MOST_WORK: Duration = Duration::from_secs(5);
/// Packets of a flow that are enough to show that it goes on.
const ENOUGH: u32 = 500;

/// A client and its peer.
struct Flow {
    client: TestClient,
    peer: UdpSocket,
}

impl Flow {
    fn new(relay: &Relay) -> Self {
        let (mut client, peer) = (TestClient::of(relay, "alice"), peer());
        client.allocate(&[]);
        client.bind(peer.local_addr().unwrap());
        Self { client, peer }
    }

    fn there_and_back(&mut self, number: u32) {
        let payload = number.to_be_bytes();
        self.client.send(&payload);
        let mut buffer = [0; 2000];
        let (length, from) = self.peer.recv_from(&mut buffer).unwrap();
        assert_eq!(buffer[..length], payload);
        self.peer.send_to(&payload, from).unwrap();
        assert_eq!(self.client.receive()[4..], payload);
    }
}

/// Packets go through the relay and come back, one after the other and each in time, until `attack` is over.
fn a_flow_goes_on_during<T: Send>(relay: &Relay, attack: impl FnOnce() -> T + Send) -> T {
    let undisturbed = Relay::start(config()).unwrap();
    let (mut flow, mut clock) = (Flow::new(relay), Flow::new(&undisturbed));
    let (ticks, is_over) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                clock.there_and_back(ticks.fetch_add(1, Ordering::Relaxed));
            }
        });
        let _stops = Stops(&is_over);
        let attack = scope.spawn(attack);
        let mut packets = 0;
        while packets < ENOUGH || !attack.is_finished() {
            let (sent, begun) = (ticks.load(Ordering::Relaxed), processor_time());
            flow.there_and_back(packets);
            let (took, work) = (ticks.load(Ordering::Relaxed) - sent, processor_time() - begun);
            assert!(took < LONGEST, "packet {packets} took as long as {took} elsewhere");
            assert!(work < MOST_WORK, "packet {packets} took {work:?} of work");
            packets += 1;
        }
        attack.join().unwrap()
    })
}

/// The processor time that all of this process has used, the attacked one as well.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::from_secs(time.tv_sec as u64) + Duration::from_nanos(time.tv_nsec as u64)
}

/// Stops a thread, also when the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Requests of clients anywhere, which this machine's sockets can't send: given to a TURN machine that shares everything with
/// the relay's own.
struct Flood<'a> {
    relay: &'a Relay,
    server: Server,
    leases: Vec<Lease>,
}

impl<'a> Flood<'a> {
    fn new(relay: &'a Relay) -> Self {
        let server = Server::new(relay.shared().turn_config().clone(), &mut StdRng::from_os_rng());
        Self { relay, server, leases: Vec::new() }
    }

    /// The answer to an allocation of `user` from `source`: 0, or an error's code.
    fn allocate(&mut self, user: &str, source: (IpAddr, u16)) -> u16 {
        let client =
            Client { transport: Transport::Udp, remote: source.into(), local: self.relay.addresses()[0] };
        let challenge = self.ask(&client, |_| ());
        let nonce = Message::parse(&challenge).unwrap().attribute(NONCE).unwrap().to_vec();
        let issued = issue(SECRET, user, u64::from(u32::MAX));
        let key = LongTermKey::derive(PasswordAlgorithm::Md5, &issued.username, "test", &issued.password);
        let answer = self.ask(&client, |writer| {
            writer
                .attribute(REQUESTED_TRANSPORT, &[17, 0, 0, 0])
                .attribute(USERNAME, issued.username.as_bytes())
                .attribute(REALM, b"test")
                .attribute(NONCE, &nonce)
                .integrity(key.as_bytes());
        });
        Message::parse(&answer).unwrap().error().map_or(0, |(code, _)| code.number())
    }

    fn ask(&mut self, client: &Client, write: impl FnOnce(&mut MessageWriter<'_>)) -> Vec<u8> {
        let now = Instant::now();
        let mut buffer = [0; 1500];
        let transaction = TransactionId::new([7; 12]);
        let mut writer = MessageWriter::new(&mut buffer, Class::Request, Method::ALLOCATE, transaction);
        write(&mut writer);
        let length = writer.finish().unwrap();
        assert_eq!(self.server.relay_from_client(now, client, &buffer[..length]), FromClient::Control);
        self.server.handle_input(now, client, &buffer[..length]);
        while let Some(event) = self.server.poll_event() {
            let Event::AllocationRequested(request) = event else { continue };
            let answer = self.relay.shared().allocate(now, &request);
            let answer = answer.map(|(lease, granted)| {
                self.leases.push(lease);
                granted
            });
            self.server.allocated(now, request.request, answer);
        }
        let transmit = self.server.poll_transmit(&mut buffer).expect("an answer");
        buffer[..transmit.length].to_vec()
    }
}

fn limited(quotas: Quotas) -> Relay {
    let credentials = config().credentials.with_secret(SECRET);
    Relay::start(Config { credentials, quotas, ..config() }).unwrap()
}

fn ipv4(last: u8) -> IpAddr {
    IpAddr::from([198, 51, 100, last])
}

#[test]
fn an_allocations_flood_by_one_user_over_real_sockets_ends_at_its_quota() {
    let relay = limited(Quotas { allocations_per_user: 20, ..Quotas::default() });
    let mut flood: Vec<_> = (0..60).map(|_| TestClient::of(&relay, "eve")).collect();
    let granted = a_flow_goes_on_during(&relay, || {
        let mut granted = 0;
        for client in &mut flood {
            let answer = client.allocate(&[]);
            match Message::parse(&answer).unwrap().error() {
                None => granted += 1,
                Some((code, _)) => assert_eq!(code.number(), 486),
            }
        }
        // Each that was refused tries again and again, and others give back and take anew.
        for _ in 0..20 {
            for client in &mut flood[20..] {
                assert_eq!(error(&client.allocate(&[])), 486);
            }
            flood[0].release();
            relayed(&flood[0].allocate(&[]));
        }
        granted
    });
    assert_eq!(granted, 20);
    assert_eq!(relay.statistics().allocations.live, 21);
}

#[test]
fn an_allocations_flood_by_one_user_from_many_addresses_ends_at_its_quota() {
    let relay = limited(Quotas { allocations_per_user: 20, ..Quotas::default() });
    let mut flood = Flood::new(&relay);
    let codes: Vec<_> = a_flow_goes_on_during(&relay, || {
        (0..100).map(|last| flood.allocate("eve", (ipv4(last), 1000))).collect()
    });
    assert!(codes[..20].iter().all(|code| *code == 0) && codes[20..].iter().all(|code| *code == 486));
}

#[test]
fn an_allocations_flood_by_many_users_of_one_address_ends_at_its_quota_and_of_one_network_of_ipv6() {
    let relay = limited(Quotas { allocations_per_source: 20, ..Quotas::default() });
    let sources: [fn(u16) -> IpAddr; 2] =
        [|_| ipv4(1), |last| IpAddr::from([0x2001, 0xdb8, 0, 7, 0, 0, 0, last])];
    for source in sources {
        let mut flood = Flood::new(&relay);
        let codes: Vec<_> = a_flow_goes_on_during(&relay, || {
            (0..100).map(|port| flood.allocate(&format!("eve{port}"), (source(port), 1000 + port))).collect()
        });
        assert!(codes[..20].iter().all(|code| *code == 0) && codes[20..].iter().all(|code| *code == 486));
        // The neighbour isn't held up.
        assert_eq!(flood.allocate("grace", (ipv4(2), 1000)), 0);
    }
}

#[test]
fn an_allocations_flood_by_many_users_of_many_addresses_takes_all_ports_and_no_flow() {
    // Ports below those that the kernel gives to others, not the same in two runs at once.
    let low = 32_000 - (std::process::id() % 300) as u16 * 40;
    let credentials = config().credentials.with_secret(SECRET);
    let relay = Relay::start(Config { credentials, ports: low..=low + 39, ..config() }).unwrap();
    let mut flood = Flood::new(&relay);
    let granted = a_flow_goes_on_during(&relay, || {
        let mut granted = 0;
        for last in 0..200 {
            match flood.allocate(&format!("eve{last}"), (ipv4(last), 1000)) {
                0 => granted += 1,
                code => assert_eq!(code, 508),
            }
        }
        granted
    });
    // Another program may hold one of them.
    assert!((30..40).contains(&granted), "{granted}");
    let allocations = relay.statistics().allocations;
    assert_eq!(allocations.refused_by_capacity, 200 - granted);
    // They come back when the flood is over.
    drop(flood);
    relayed(&TestClient::of(&relay, "alice").allocate(&[]));
}
