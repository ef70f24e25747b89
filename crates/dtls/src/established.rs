//! DTLS 1.3 once the handshake is complete: application data, acknowledgements, key updates, alerts (RFC 9147 §5.8, §7, §8).
//!
//! A record costs one pass of the cipher and one block of it for the number. It goes by here and not through the engine
//! because the engine queues, copies and allocates for each record, which takes several times as long as the cipher does.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::record::{Header, Opened, Protection, Window, content};
use crate::secret::{Secrets, TrafficSecret};
use crate::{Role, record};

/// The first epoch of application data (RFC 9147 §6.1).
const FIRST_EPOCH: u64 = 3;

/// How many records are sent with one key: AES-GCM is good for 2^24.5 of them (RFC 9147 §4.5.3).
const RECORDS_PER_KEY: u64 = 1 << 23;

/// How many forgeries are borne: AES-GCM is good for 2^36 (RFC 9147 §4.5.3).
const MAX_FORGERIES: u64 = 1 << 36;

/// A key update that isn't acknowledged is repeated after this, then after twice of it and so on (RFC 9147 §5.8.2).
const RETRANSMISSION: Duration = Duration::from_millis(500);
const LONGEST_RETRANSMISSION: Duration = Duration::from_secs(60);

/// More often no client repeats its last flight: waiting twice as long each time, it gives up before.
const MOST_REPEATS: u8 = 32;

/// Message types (RFC 8446 §4).
const NEW_SESSION_TICKET: u8 = 4;
const KEY_UPDATE: u8 = 24;

/// What a record brought.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Application data; where it lies in the record.
    Data(Range<usize>),
    /// `close_notify`
    Closed,
    /// Another alert: the peer gives up.
    Alert(u8),
    /// A record for the engine: one of the handshake, or the acknowledgement of its last flight.
    ForEngine(Box<[u8]>),
    /// Something that is done with, or nothing.
    Nothing,
}

pub(crate) struct Established {
    sending: Sending,
    receiving: Receiving,
    /// As long as there is the engine.
    engine: Option<Box<EngineRecords>>,
    acknowledgement: Option<Acknowledgement>,
    transmits: VecDeque<Box<[u8]>>,
}

/// Records of the first epoch that are handed to and taken from the engine, which numbers them as if it were alone with them.
struct EngineRecords {
    ours: Arc<Protection>,
    theirs: Arc<Protection>,
    sent: Window,
    /// How many it was given.
    received: u64,
}

/// What the engine said of the client's last flight. That may come again, if this was lost (RFC 9147 §5.8.1).
struct Acknowledgement {
    content: Box<[u8]>,
    /// How often it may be said again: nobody looks whether it is the client who asks.
    repeats: u8,
}

struct Sending {
    secret: TrafficSecret,
    protection: Arc<Protection>,
    epoch: u64,
    next: u64,
    /// The number of our next handshake message.
    message: u16,
    update: Option<Update>,
}

/// A key update of ours that the peer has yet to acknowledge; until then the old key serves (RFC 9147 §8).
struct Update {
    message: [u8; 13],
    /// The numbers of the records, all of this epoch, that carried it.
    records: Vec<u64>,
    due: Instant,
    interval: Duration,
}

struct Receiving {
    secret: TrafficSecret,
    current: Epoch,
    /// For what the network delivers late.
    previous: Option<Epoch>,
    /// The number of the last key update that was acted on.
    updated_by: Option<u16>,
    forgeries: u64,
}

struct Epoch {
    number: u64,
    protection: Arc<Protection>,
    window: Window,
}

impl Established {
    /// `message` is the number of the next handshake message we send.
    pub fn new(role: Role, secrets: Secrets, message: u16) -> Option<Self> {
        let (ours, theirs) = match role {
            Role::Active => (secrets.client, secrets.server),
            Role::Passive => (secrets.server, secrets.client),
        };
        let protection = |secret| Some(Arc::new(Protection::new(secret)?));
        let (our_protection, their_protection) = (protection(&ours)?, protection(&theirs)?);
        Some(Self {
            engine: Some(Box::new(EngineRecords {
                ours: our_protection.clone(),
                theirs: their_protection.clone(),
                sent: Window::new(),
                received: 0,
            })),
            acknowledgement: None,
            sending: Sending {
                protection: our_protection,
                secret: ours,
                epoch: FIRST_EPOCH,
                next: 0,
                message,
                update: None,
            },
            receiving: Receiving {
                current: Epoch { number: FIRST_EPOCH, protection: their_protection, window: Window::new() },
                secret: theirs,
                previous: None,
                updated_by: None,
                forgeries: 0,
            },
            transmits: VecDeque::new(),
        })
    }

    /// The epochs of what is sent and of what is received.
    #[cfg(test)]
    pub fn epochs(&self) -> (u64, u64) {
        (self.sending.epoch, self.receiving.current.number)
    }

    /// Whether a record is one of application data's epochs; others are the handshake's.
    fn owns(&self, header: Header) -> bool {
        header.epoch_bits != 2 || self.receiving.current.number > FIRST_EPOCH
    }

    /// Writes a record of application data to the beginning of `datagram`; its plaintext lies there already, behind the
    /// room for the header.
    pub fn seal(&mut self, plaintext: usize, datagram: &mut [u8]) -> Option<usize> {
        self.sending.seal(content::APPLICATION_DATA, plaintext, datagram)
    }

    /// Takes in a record.
    pub fn receive(&mut self, now: Instant, header: Header, record: &mut [u8]) -> Received {
        if !self.owns(header) {
            if self.engine.is_some() {
                return Received::ForEngine((&*record).into());
            }
            self.acknowledge_again();
            return Received::Nothing;
        }
        if self.sending.next >= RECORDS_PER_KEY && self.sending.update.is_none() {
            self.begin_update(now, true);
        }
        let Some((epoch, opened)) = self.receiving.open(header, record) else {
            return Received::Nothing;
        };
        if opened.content_type == content::APPLICATION_DATA {
            return Received::Data(opened.content);
        }
        let Some(content) = record.get(opened.content) else {
            return Received::Nothing;
        };
        match opened.content_type {
            content::ALERT => match content {
                [_, 0] => return Received::Closed,
                // RFC 8446 §6.1: `user_canceled` is followed by `close_notify`.
                [_, 90] => (),
                [_, alert] => return Received::Alert(*alert),
                _ => (),
            },
            content::HANDSHAKE => self.receive_messages(now, [epoch, opened.number], content),
            content::ACK => return self.receive_ack(content),
            _ => (),
        }
        Received::Nothing
    }

    /// Queues `close_notify`.
    pub fn close(&mut self) {
        self.transmit(content::ALERT, &[1, 0]);
    }

    pub fn poll_transmit(&mut self) -> Option<Box<[u8]>> {
        self.transmits.pop_front()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.sending.update.as_ref().map(|update| update.due)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let Some(update) = &mut self.sending.update else {
            return;
        };
        if update.due > now {
            return;
        }
        update.interval = (update.interval * 2).min(LONGEST_RETRANSMISSION);
        update.due = now + update.interval;
        self.transmit_update();
    }

    /// A record that the engine protected and numbered, numbered anew. It speaks of the handshake's last flight only:
    /// the rest it does not get to know of.
    pub fn take_from_engine(&mut self, header: Header, record: &mut [u8]) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        let sent = &engine.sent;
        let opened = engine.ours.open(header, record, sent.next(), |number| sent.accepts(number));
        let Some(Opened { number, content_type, content }) = opened else {
            return;
        };
        engine.sent.insert(number);
        if content_type == content::ACK
            && let Some(content) = record.get(content)
        {
            self.transmit(content_type, content);
            self.acknowledgement = Some(Acknowledgement { content: content.into(), repeats: MOST_REPEATS });
        }
    }

    /// The client's last flight is acknowledged.
    pub fn has_acknowledged(&self) -> bool {
        self.acknowledgement.is_some()
    }

    /// Nothing is handed to it any more.
    pub fn forget_engine(&mut self) {
        self.engine = None;
    }

    /// A record of the handshake, after that is over: a flight that was acknowledged has come again.
    fn acknowledge_again(&mut self) {
        if let Some(Acknowledgement { content, repeats }) = &mut self.acknowledgement
            && *repeats > 0
        {
            *repeats -= 1;
            let content = content.clone();
            self.transmit(content::ACK, &content);
        }
    }

    /// Post-handshake messages (RFC 9147 §5.8.4). None is ever cut in pieces: they are short.
    fn receive_messages(&mut self, now: Instant, record_number: [u64; 2], mut messages: &[u8]) {
        while let Some((header, rest)) = messages.split_first_chunk::<12>() {
            let [message_type, _, length_0, length_1, number_0, number_1, ..] = *header;
            let length = usize::from(u16::from_be_bytes([length_0, length_1]));
            let number = u16::from_be_bytes([number_0, number_1]);
            let Some((body, rest)) = rest.split_at_checked(length) else {
                return;
            };
            messages = rest;
            match (message_type, body) {
                (KEY_UPDATE, &[wants_ours]) => self.receive_update(now, number, wants_ours == 1),
                // Nothing is ever resumed. It is acknowledged, or the peer would go on.
                (NEW_SESSION_TICKET, _) => (),
                _ => return,
            }
        }
        let mut acknowledgement = [0; 18];
        let (length, numbers) = acknowledgement.split_at_mut(2);
        length.copy_from_slice(&16_u16.to_be_bytes());
        for (bytes, number) in numbers.chunks_exact_mut(8).zip(record_number) {
            bytes.copy_from_slice(&number.to_be_bytes());
        }
        self.transmit(content::ACK, &acknowledgement);
    }

    /// RFC 9147 §8: the peer will use its next key as soon as it has our acknowledgement.
    fn receive_update(&mut self, now: Instant, number: u16, wants_ours: bool) {
        if self.receiving.updated_by.is_some_and(|last| number <= last) || self.receiving.update().is_none() {
            return;
        }
        self.receiving.updated_by = Some(number);
        if wants_ours && self.sending.update.is_none() {
            self.begin_update(now, false);
        }
    }

    fn receive_ack(&mut self, content: &[u8]) -> Received {
        let Some((_, numbers)) = content.split_first_chunk::<2>() else {
            return Received::Nothing;
        };
        let mut concerns_handshake = false;
        for number in numbers.chunks_exact(16) {
            let (Some(epoch), Some(number)) = (number.first_chunk(), number.last_chunk()) else {
                continue;
            };
            let (epoch, number) = (u64::from_be_bytes(*epoch), u64::from_be_bytes(*number));
            concerns_handshake |= epoch < FIRST_EPOCH;
            let of_update =
                self.sending.update.as_ref().is_some_and(|update| update.records.contains(&number));
            if epoch == self.sending.epoch && of_update {
                self.sending.use_next_key();
            }
        }
        if concerns_handshake { self.for_engine(content) } else { Received::Nothing }
    }

    /// The engine gets the acknowledgement as if it had been sealed for it.
    fn for_engine(&mut self, content: &[u8]) -> Received {
        let Some(engine) = &mut self.engine else {
            return Received::Nothing;
        };
        let mut record = record::with_content(content);
        let number = engine.received;
        engine.received += 1;
        match engine.theirs.seal(FIRST_EPOCH, number, content::ACK, content.len(), &mut record) {
            Some(_) => Received::ForEngine(record.into()),
            None => Received::Nothing,
        }
    }

    fn begin_update(&mut self, now: Instant, wants_theirs: bool) {
        let [number_0, number_1] = self.sending.message.to_be_bytes();
        self.sending.message = self.sending.message.wrapping_add(1);
        self.sending.update = Some(Update {
            message: [KEY_UPDATE, 0, 0, 1, number_0, number_1, 0, 0, 0, 0, 0, 1, wants_theirs.into()],
            records: Vec::new(),
            due: now + RETRANSMISSION,
            interval: RETRANSMISSION,
        });
        self.transmit_update();
    }

    fn transmit_update(&mut self) {
        let Some(message) = self.sending.update.as_ref().map(|update| update.message) else {
            return;
        };
        let number = self.transmit(content::HANDSHAKE, &message);
        if let Some(update) = &mut self.sending.update {
            update.records.extend(number);
        }
    }

    fn transmit(&mut self, content_type: u8, content: &[u8]) -> Option<u64> {
        let number = self.sending.next;
        let mut datagram = record::with_content(content);
        self.sending.seal(content_type, content.len(), &mut datagram)?;
        self.transmits.push_back(datagram.into());
        Some(number)
    }
}

impl Sending {
    fn seal(&mut self, content_type: u8, content: usize, datagram: &mut [u8]) -> Option<usize> {
        let length = self.protection.seal(self.epoch, self.next, content_type, content, datagram)?;
        self.next += 1;
        Some(length)
    }

    /// Our key update was acknowledged.
    fn use_next_key(&mut self) {
        let next = self.secret.next().and_then(|secret| Some((Protection::new(&secret)?, secret)));
        if let Some((protection, secret)) = next {
            *self = Self {
                secret,
                protection: Arc::new(protection),
                epoch: self.epoch + 1,
                next: 0,
                message: self.message,
                update: None,
            };
        }
    }
}

impl Receiving {
    /// Opens a record in place. Gives back its epoch, too.
    fn open(&mut self, header: Header, record: &mut [u8]) -> Option<(u64, Opened)> {
        if self.forgeries >= MAX_FORGERIES {
            return None;
        }
        let epoch = [Some(&mut self.current), self.previous.as_mut()]
            .into_iter()
            .flatten()
            .find(|epoch| epoch.number & 0b11 == u64::from(header.epoch_bits))?;
        let window = &epoch.window;
        let opened = epoch.protection.open(header, record, window.next(), |number| window.accepts(number));
        let Some(opened) = opened else {
            self.forgeries += 1;
            return None;
        };
        epoch.window.insert(opened.number);
        Some((epoch.number, opened))
    }

    fn update(&mut self) -> Option<()> {
        let secret = self.secret.next()?;
        let next = Epoch {
            number: self.current.number + 1,
            protection: Arc::new(Protection::new(&secret)?),
            window: Window::new(),
        };
        self.previous = Some(std::mem::replace(&mut self.current, next));
        self.secret = secret;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Certificate, Config, Dtls, Event, Versions};

    #[allow(clippy::disallowed_methods)]
    fn beginning() -> Instant {
        Instant::now()
    }

    fn both_ends() -> [Established; 2] {
        let mut secrets = Vec::new();
        let mut client = [0; 32];
        for byte in 1..3 {
            client.fill(byte);
            secrets.extend(TrafficSecret::new(&client));
        }
        let [client, server] =
            <[TrafficSecret; 2]>::try_from(secrets).unwrap_or_else(|_| panic!("two secrets"));
        let secrets = Secrets { client, server };
        [Role::Active, Role::Passive].map(|role| Established::new(role, secrets.clone(), 5).unwrap())
    }

    fn pass(now: Instant, from: &mut Established, to: &mut Established) -> Vec<Received> {
        std::iter::from_fn(|| from.poll_transmit())
            .map(|mut datagram| to.receive(now, Header::parse(&datagram).unwrap(), &mut datagram))
            .collect()
    }

    fn data_passes(now: Instant, from: &mut Established, to: &mut Established) {
        let mut datagram = record::with_content(b"data");
        let length = from.seal(4, &mut datagram).unwrap();
        let header = Header::parse(&datagram[..length]).unwrap();
        assert_eq!(to.receive(now, header, &mut datagram[..length]), Received::Data(5..9));
        assert_eq!(&datagram[5..9], b"data");
    }

    #[test]
    fn a_key_update_takes_effect_when_it_is_acknowledged_rfc_9147_8() {
        let now = beginning();
        let [mut one, mut two] = both_ends();
        for epoch in 3..20 {
            assert_eq!((one.sending.epoch, two.sending.epoch), (epoch, epoch));
            one.begin_update(now, true);
            // Until the acknowledgement comes, the old key goes on.
            data_passes(now, &mut one, &mut two);
            assert_eq!(one.sending.epoch, epoch);
            pass(now, &mut one, &mut two);
            // The other side answers with an update of its own.
            pass(now, &mut two, &mut one);
            pass(now, &mut one, &mut two);
            data_passes(now, &mut one, &mut two);
            data_passes(now, &mut two, &mut one);
        }
    }

    #[test]
    fn what_was_sealed_before_an_update_is_still_opened_after_it_rfc_9147_4_2_1() {
        let now = beginning();
        let [mut one, mut two] = both_ends();
        let mut late = record::with_content(b"late");
        let length = one.seal(4, &mut late).unwrap();
        one.begin_update(now, false);
        pass(now, &mut one, &mut two);
        pass(now, &mut two, &mut one);
        data_passes(now, &mut one, &mut two);
        let header = Header::parse(&late[..length]).unwrap();
        assert_eq!(two.receive(now, header, &mut late[..length]), Received::Data(5..9));
    }

    #[test]
    fn a_lost_key_update_or_acknowledgement_is_repeated_rfc_9147_5_8() {
        let mut now = beginning();
        let [mut one, mut two] = both_ends();
        one.begin_update(now, false);
        while one.poll_transmit().is_some() {}
        now = one.poll_timeout().unwrap();
        one.handle_timeout(now);
        pass(now, &mut one, &mut two);
        while two.poll_transmit().is_some() {}
        assert_eq!((one.sending.epoch, two.receiving.current.number), (3, 4));
        now = one.poll_timeout().unwrap();
        one.handle_timeout(now);
        pass(now, &mut one, &mut two);
        pass(now, &mut two, &mut one);
        // It was acted on once.
        assert_eq!((one.sending.epoch, two.receiving.current.number), (4, 4));
        assert_eq!(one.poll_timeout(), None);
        data_passes(now, &mut one, &mut two);
    }

    #[test]
    fn a_session_ticket_is_acknowledged_and_forgotten_rfc_9147_5_8_4() {
        let now = beginning();
        let [mut one, mut two] = both_ends();
        one.transmit(content::HANDSHAKE, &[NEW_SESSION_TICKET, 0, 0, 2, 0, 6, 0, 0, 0, 0, 0, 2, 1, 1]);
        assert_eq!(pass(now, &mut one, &mut two), [Received::Nothing]);
        assert!(two.poll_transmit().is_some());
        data_passes(now, &mut one, &mut two);
    }

    /// Our records beside those of `dimpl` at the other end, which changes its keys every few records.
    #[test]
    fn another_implementation_updates_its_keys_and_ours_rfc_9147_8() {
        let now = beginning();
        let calendar = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let certificates = [(); 2].map(|()| Certificate::generate(calendar).unwrap());
        let config = Config { versions: Versions::Only13, ..Config::default() };
        for role in [Role::Active, Role::Passive] {
            let fingerprints = vec![certificates[1].fingerprint()];
            let mut ours = Dtls::new(now, &config, role, &certificates[0], fingerprints).unwrap();
            let theirs = dimpl::Config::builder().aead_encryption_limit(10).build().unwrap();
            let private_key = certificates[1].private_key().to_pkcs8().unwrap();
            let certificate = dimpl::DtlsCertificate { private_key, ..certificates[1].to_dimpl() };
            let mut theirs = dimpl::Dtls::new_13(theirs.into(), certificate, now);
            theirs.set_active(role == Role::Passive);
            theirs.handle_timeout(now).unwrap();
            let (mut received_by_us, mut received_by_them) = (0, 0);
            for round in 0..2000_u32 {
                let mut buffer = [0; 4096];
                if ours.is_connected() {
                    let length = ours.seal_into(&round.to_be_bytes(), &mut buffer).unwrap();
                    theirs.handle_packet(&buffer[..length]).unwrap();
                    theirs.send_application_data(&round.to_be_bytes()).unwrap();
                }
                // Timers are none of this test's business but for getting things out.
                theirs.handle_timeout(now).unwrap();
                loop {
                    match theirs.poll_output(&mut buffer) {
                        dimpl::Output::Packet(packet) => {
                            let mut packet = packet.to_vec();
                            received_by_us += u32::from(ours.handle_input(now, &mut packet).is_some());
                            received_by_us += std::iter::from_fn(|| ours.poll_data()).count() as u32;
                        }
                        dimpl::Output::ApplicationData(_) => received_by_them += 1,
                        dimpl::Output::Timeout(_) => break,
                        _ => (),
                    }
                }
                while let Some(length) = ours.poll_transmit(&mut buffer) {
                    theirs.handle_packet(&buffer[..length]).unwrap();
                }
            }
            assert!(matches!(ours.poll_event(), Some(Event::Connected(_))));
            assert!(received_by_us > 1900, "{role:?}: {received_by_us}");
            assert!(received_by_them > 1900, "{role:?}: {received_by_them}");
            let epochs = ours.epochs();
            assert!(epochs.0 > 10 && epochs.1 > 10, "{role:?}: {epochs:?}");
        }
    }
}
