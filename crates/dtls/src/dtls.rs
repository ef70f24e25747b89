//! The machine: one peer's end of one DTLS connection.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::time::{Duration, Instant};

use dimpl::Output;

use crate::established::{Established, Received};
use crate::event::{Connected, Event, Failure, SrtpKeys, SrtpProfile, Version};
use crate::key::{self, PrivateKey};
use crate::record::{self, Header};
use crate::secret::{self, Secrets};
use crate::{Certificate, Config, Fingerprint, Role, Versions};

/// Why no connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NewError {
    /// Without a fingerprint nobody can prove to be the peer (RFC 8827 §6.5).
    #[error("no fingerprint to know the peer by")]
    NoFingerprint,
    /// A key or a first message couldn't be made: the system gave no randomness, or no memory.
    #[error("the DTLS connection could not be set up")]
    SetUp,
}

/// Why application data wasn't sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The handshake isn't complete, or the connection is closed or failed.
    #[error("the DTLS connection is not open")]
    NotConnected,
    /// More than 16,384 bytes (RFC 9147 §4), or more than the buffer holds with [`Dtls::OVERHEAD`].
    #[error("too long for one DTLS record, or for the buffer")]
    TooLong,
}

enum State {
    /// Until the handshake is complete.
    Connecting(Box<Connecting>),
    Open(Open),
    /// Nothing goes in or out any more.
    Over,
}

/// What only matters until the handshake is complete.
struct Connecting {
    key: PrivateKey,
    fingerprints: Vec<Fingerprint>,
    /// The peer's certificate, once it is seen and has one of the fingerprints.
    peer_certificate: Option<Box<[u8]>>,
    /// The handshake is complete; what is known then is being collected.
    complete: bool,
    srtp: Option<SrtpKeys>,
    secrets: Option<Secrets>,
    /// How many handshake messages we sent in the clear: hellos.
    hellos: u16,
    /// Application data that overtook the end of the handshake.
    early: Vec<Box<[u8]>>,
    /// How many bytes of the handshake have come: the peer's certificate can't be longer.
    received: usize,
}

/// An open connection.
struct Open {
    /// `None`: it is DTLS 1.2, whose records go through the engine.
    established: Option<Box<Established>>,
    /// Our `close_notify` is sent: what the peer sends until its own comes in still counts.
    closing: bool,
}

/// A DTLS connection: give it the datagrams that RFC 7983 calls DTLS (first byte 20 to 63).
pub struct Dtls {
    role: Role,
    state: State,
    /// The handshake's. With DTLS 1.3 it is let go when no repeated flight can come any more. It is large.
    engine: Option<Box<dimpl::Dtls>>,
    engine_timeout: Option<Instant>,
    engine_until: Option<Instant>,
    /// The time that the engine knows.
    engine_time: Instant,
    transmits: VecDeque<Box<[u8]>>,
    data: VecDeque<Box<[u8]>>,
    events: VecDeque<Event>,
}

/// A handshake's datagrams are no longer than this: what is longer is no handshake, and would only be kept.
const LONGEST_HANDSHAKE_DATAGRAM: usize = 2048;

/// How many datagrams of application data are kept that overtake the end of the handshake.
const MAX_EARLY_DATAGRAMS: usize = 16;

/// How far the engine's clock may stay behind once connected: it hardly times anything then.
const CLOCK_RESOLUTION: Duration = Duration::from_millis(10);

/// The engine names a time far away when it has none.
const LONGEST_TIMER: Duration = Duration::from_secs(24 * 3600);

/// For how long the peer's last flight may come again: twice the longest life of a segment (RFC 9147 §5.8.1).
const FLIGHTS_REPEAT: Duration = Duration::from_secs(240);

/// The longest plaintext of a record (RFC 9147 §4).
const MAX_PLAINTEXT: usize = 1 << 14;

impl Dtls {
    /// By how much a sealed datagram is longer than its plaintext, at most: a DTLS 1.2 header of 13 bytes, 8 of the
    /// nonce, 16 of the tag. DTLS 1.3 takes 22.
    pub const OVERHEAD: usize = 37;

    /// How much of that comes before the plaintext where it is sealed [in place](Self::seal_in_place).
    pub const HEADROOM: usize = record::HEADER;

    /// Begins a connection. The peer must hold the private key of a certificate that has one of `fingerprints`.
    pub fn new(
        now: Instant,
        config: &Config,
        role: Role,
        certificate: &Certificate,
        fingerprints: Vec<Fingerprint>,
    ) -> Result<Self, NewError> {
        if fingerprints.is_empty() {
            return Err(NewError::NoFingerprint);
        }
        let dimpl_config = config.to_dimpl().map_err(|_| NewError::SetUp)?;
        let key = certificate.private_key().clone();
        let certificate = certificate.to_dimpl();
        let mut engine = key::lending(&key, || match config.versions {
            Versions::Both => dimpl::Dtls::new_auto(dimpl_config, certificate, now),
            Versions::Only13 => dimpl::Dtls::new_13(dimpl_config, certificate, now),
            Versions::Only12 => dimpl::Dtls::new_12(dimpl_config, certificate, now),
        });
        engine.set_active(role == Role::Active);
        let mut dtls = Self {
            role,
            state: State::Connecting(Box::new(Connecting {
                key,
                fingerprints,
                peer_certificate: None,
                complete: false,
                srtp: None,
                secrets: None,
                hellos: 0,
                early: Vec::new(),
                received: 0,
            })),
            engine: Some(Box::new(engine)),
            engine_timeout: None,
            engine_until: None,
            engine_time: now,
            transmits: VecDeque::new(),
            data: VecDeque::new(),
            events: VecDeque::new(),
        };
        dtls.tell_engine(now, |engine| engine.handle_timeout(now));
        Ok(dtls)
    }

    /// Our side.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the handshake is complete and the connection neither closed nor failed.
    pub fn is_connected(&self) -> bool {
        matches!(self.state, State::Open(Open { closing: false, .. }))
    }

    /// Takes in a datagram. The application data of its first record is given back, decrypted in place; of a datagram
    /// with several, the others follow by [`poll_data`](Self::poll_data). What is malformed, forged, replayed or comes
    /// after the end is ignored, as RFC 9147 §4.5.2 wants.
    pub fn handle_input<'a>(&mut self, now: Instant, datagram: &'a mut [u8]) -> Option<&'a [u8]> {
        match &self.state {
            State::Over => None,
            State::Connecting(_) => {
                self.connect(now, datagram);
                None
            }
            State::Open(Open { established: Some(_), .. }) => {
                let data = self.receive(now, datagram)?;
                datagram.get(data)
            }
            State::Open(Open { established: None, .. }) => {
                self.refresh_clock(now);
                let engine = self.engine.as_mut()?;
                if let Err(error) = engine.handle_packet(datagram) {
                    self.fail(failure(error));
                    return None;
                }
                let length = self.drain(now, Some(datagram))?;
                datagram.get(..length)
            }
        }
    }

    /// Repeats what got no answer, or gives up.
    pub fn handle_timeout(&mut self, now: Instant) {
        if let State::Open(Open { established: Some(established), .. }) = &mut self.state {
            established.handle_timeout(now);
            self.transmits.extend(std::iter::from_fn(|| established.poll_transmit()));
        }
        if self.engine_until.is_some_and(|until| until <= now) {
            self.let_engine_go();
        }
        if self.engine_timeout.is_some_and(|timeout| timeout <= now) {
            self.engine_time = now;
            self.tell_engine(now, |engine| engine.handle_timeout(now));
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout).
    pub fn poll_timeout(&self) -> Option<Instant> {
        let established = match &self.state {
            State::Open(Open { established: Some(established), .. }) => established.poll_timeout(),
            State::Over => return None,
            _ => None,
        };
        [established, self.engine_timeout, self.engine_until].into_iter().flatten().min()
    }

    /// The next datagram to send, written to the beginning of `buffer` (which should have 2,048 bytes; what doesn't fit
    /// is dropped). Gives back its length.
    pub fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let datagram = self.transmits.pop_front()?;
            if let Some(room) = buffer.get_mut(..datagram.len()) {
                room.copy_from_slice(&datagram);
                return Some(datagram.len());
            }
        }
    }

    /// Application data that [`handle_input`](Self::handle_input) had no place for: what came in before the handshake
    /// was complete, and what shared a datagram.
    pub fn poll_data(&mut self) -> Option<Box<[u8]>> {
        self.data.pop_front()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Writes the datagram that carries `plaintext` to the beginning of `datagram`, which needs
    /// [`OVERHEAD`](Self::OVERHEAD) bytes more than the plaintext has. Gives back the datagram's length.
    pub fn seal_into(&mut self, plaintext: &[u8], datagram: &mut [u8]) -> Result<usize, SealError> {
        let room = datagram.get_mut(Self::HEADROOM..).and_then(|room| room.get_mut(..plaintext.len()));
        room.ok_or(SealError::TooLong)?.copy_from_slice(plaintext);
        self.seal_in_place(plaintext.len(), datagram)
    }

    /// The same for a plaintext of `length` bytes that lies in `datagram` already, [`HEADROOM`](Self::HEADROOM) bytes
    /// behind its beginning: with DTLS 1.3 it isn't copied.
    pub fn seal_in_place(&mut self, length: usize, datagram: &mut [u8]) -> Result<usize, SealError> {
        let State::Open(Open { established, closing: false }) = &mut self.state else {
            return Err(SealError::NotConnected);
        };
        if length > MAX_PLAINTEXT || datagram.len() < length + Self::OVERHEAD {
            return Err(SealError::TooLong);
        }
        if let Some(established) = established {
            return established.seal(length, datagram).ok_or(SealError::NotConnected);
        }
        let engine = self.engine.as_mut().ok_or(SealError::NotConnected)?;
        let plaintext = datagram.get(Self::HEADROOM..Self::HEADROOM + length).unwrap_or_default();
        if let Err(error) = engine.send_application_data(plaintext) {
            self.fail(failure(error));
            return Err(SealError::NotConnected);
        }
        match engine.poll_output(datagram) {
            Output::Packet(packet) => Ok(packet.len()),
            _ => Err(SealError::NotConnected),
        }
    }

    /// Says goodbye (`close_notify`). Nothing can be sealed any more; what the peer still sends comes in until its
    /// goodbye. Before the handshake is complete the connection just ends.
    pub fn close(&mut self, now: Instant) {
        match &mut self.state {
            State::Open(open) if !open.closing => {
                open.closing = true;
                match &mut open.established {
                    Some(established) => {
                        established.close();
                        self.transmits.extend(std::iter::from_fn(|| established.poll_transmit()));
                    }
                    None => self.tell_engine(now, dimpl::Dtls::close),
                }
            }
            State::Connecting(_) => self.end(),
            State::Open(_) | State::Over => (),
        }
    }

    #[cfg(test)]
    pub(crate) fn epochs(&self) -> (u64, u64) {
        match &self.state {
            State::Open(Open { established: Some(established), .. }) => established.epochs(),
            _ => (0, 0),
        }
    }

    /// Takes in a datagram before the handshake is complete.
    fn connect(&mut self, now: Instant, datagram: &[u8]) {
        let State::Connecting(connecting) = &mut self.state else {
            return;
        };
        if datagram.len() > LONGEST_HANDSHAKE_DATAGRAM {
            return;
        }
        let (handshake, application_data) = datagram.split_at(application_data_at(datagram));
        if !application_data.is_empty() && connecting.early.len() < MAX_EARLY_DATAGRAMS {
            connecting.early.push(application_data.into());
        }
        if handshake.is_empty() {
            return;
        }
        // A client that hasn't seen the server's version takes anything but the answer to its hello for a broken server;
        // reordering brings such things.
        let version = self.engine.as_ref().and_then(|engine| engine.protocol_version());
        if version.is_none() && self.role == Role::Active && !answers_hello(handshake) {
            return;
        }
        let most = crate::config::MAX_QUEUED_DATAGRAMS * LONGEST_HANDSHAKE_DATAGRAM;
        connecting.received = most.min(connecting.received + handshake.len());
        self.refresh_clock(now);
        // Record by record: the engine looks at a datagram's first one only to tell whether it knows the datagram, and
        // would drop what a repeated flight brings behind what had come before (RFC 9147 §7.2).
        let mut rest = handshake;
        while !rest.is_empty() {
            let length = record_length(rest).unwrap_or(rest.len()).min(rest.len());
            let (record, others) = rest.split_at(length);
            self.tell_engine(now, |engine| engine.handle_packet(record));
            rest = others;
        }
    }

    /// Takes in a datagram of an established DTLS 1.3 connection, record by record. Gives back where in it the first
    /// application data lies.
    fn receive(&mut self, now: Instant, datagram: &mut [u8]) -> Option<Range<usize>> {
        let mut in_place = None;
        let mut at = 0;
        while let Some(rest) = datagram.get_mut(at..)
            && !rest.is_empty()
            && let State::Open(Open { established: Some(established), closing }) = &mut self.state
        {
            let header = Header::parse(rest);
            let Some(record) = record_length(rest).and_then(|length| rest.get_mut(..length)) else {
                break;
            };
            let length = record.len();
            let received = match header {
                Some(header) => established.receive(now, header, record),
                None => Received::ForEngine((&*record).into()),
            };
            match received {
                Received::Data(data) if in_place.is_none() => in_place = Some(at + data.start..at + data.end),
                Received::Data(data) => self.data.extend(record.get(data).map(Box::from)),
                Received::Closed => {
                    // RFC 8446 §6.1 would let us go on sending, but WebRTC has no half-open transport: answer in kind.
                    if !*closing {
                        established.close();
                    }
                    self.transmits.extend(std::iter::from_fn(|| established.poll_transmit()));
                    self.end();
                    self.events.push_back(Event::Closed);
                }
                Received::Alert(alert) => self.fail(Failure::Alert(alert)),
                Received::ForEngine(record) => {
                    self.refresh_clock(now);
                    self.tell_engine(now, |engine| engine.handle_packet(&record));
                    // The last flight was the client's. Once it is acknowledged nobody repeats anything.
                    if self.role == Role::Active && self.engine_timeout.is_none() {
                        self.let_engine_go();
                    }
                }
                Received::Nothing => (),
            }
            at += length;
        }
        if let State::Open(Open { established: Some(established), .. }) = &mut self.state {
            self.transmits.extend(std::iter::from_fn(|| established.poll_transmit()));
        }
        in_place
    }

    fn refresh_clock(&mut self, now: Instant) {
        let behind = now.saturating_duration_since(self.engine_time);
        if matches!(self.state, State::Connecting(_)) || behind >= CLOCK_RESOLUTION {
            self.engine_time = now;
            self.tell_engine(now, |engine| engine.handle_timeout(now));
        }
    }

    /// Calls the engine and takes what it has to give.
    fn tell_engine(&mut self, now: Instant, call: impl FnOnce(&mut dimpl::Dtls) -> Result<(), dimpl::Error>) {
        let Some(engine) = &mut self.engine else {
            return;
        };
        let (result, secrets) = secret::noting(|| match &self.state {
            State::Connecting(connecting) => key::lending(&connecting.key, || call(engine)),
            _ => call(engine),
        });
        if let (State::Connecting(connecting), Some(secrets)) = (&mut self.state, secrets) {
            connecting.secrets = Some(secrets);
        }
        match result {
            Ok(()) => {
                self.drain(now, None);
            }
            // What is in the clear anybody may have sent: no reason to give up an established connection.
            Err(_) if matches!(self.state, State::Open(Open { established: Some(_), .. })) => {
                self.let_engine_go();
            }
            Err(error) => self.fail(failure(error)),
        }
    }

    /// Takes everything the engine has to give. The first application data goes into `datagram`, if there is one and the
    /// data fits; its length is given back.
    fn drain(&mut self, now: Instant, mut datagram: Option<&mut [u8]>) -> Option<usize> {
        let mut in_place = None;
        let mut peer_closed = false;
        // What doesn't fit asks for more, but for a certificate, which has no other place in the engine.
        let mut place = [0; LONGEST_HANDSHAKE_DATAGRAM];
        let mut larger = match &self.state {
            State::Connecting(connecting) if connecting.received > place.len() => {
                vec![0; connecting.received]
            }
            _ => Vec::new(),
        };
        while let Some(engine) = &mut self.engine {
            let takes_place = datagram.is_some() && in_place.is_none();
            let output = match &mut datagram {
                Some(datagram) if takes_place => engine.poll_output(datagram),
                _ if larger.is_empty() => engine.poll_output(&mut place),
                _ => engine.poll_output(&mut larger),
            };
            match output {
                Output::Packet(packet) => {
                    self.connect_if_complete(now);
                    self.take_packet(packet);
                }
                Output::ApplicationData(data) => {
                    self.connect_if_complete(now);
                    match &self.state {
                        State::Open(_) if takes_place => in_place = Some(data.len()),
                        State::Open(_) => self.data.push_back(data.into()),
                        State::Connecting(_) | State::Over => (),
                    }
                }
                Output::PeerCert(certificate) => self.identify(certificate),
                Output::Connected => {
                    if let State::Connecting(connecting) = &mut self.state {
                        connecting.complete = true;
                    }
                }
                Output::KeyingMaterial(material, profile) => {
                    if let State::Connecting(connecting) = &mut self.state {
                        connecting.srtp = srtp_profile(profile)
                            .and_then(|profile| SrtpKeys::new(profile, self.role, &material));
                    }
                }
                Output::BufferTooSmall { .. } if takes_place => datagram = None,
                Output::BufferTooSmall { needed } => larger.resize(needed.max(larger.len()), 0),
                Output::CloseNotify => {
                    peer_closed = true;
                    // An engine that is closed already has nothing to say to that.
                    let _ = engine.close();
                }
                Output::Timeout(timeout) => {
                    let idle = timeout.saturating_duration_since(now) > LONGEST_TIMER;
                    self.engine_timeout = (!idle).then_some(timeout);
                    self.connect_if_complete(now);
                    if let State::Open(Open { established: Some(established), .. }) = &self.state
                        && established.has_acknowledged()
                    {
                        self.let_engine_go();
                    }
                    break;
                }
                // What a later `dimpl` may have to say needs its place here first; the version is pinned.
                _ => (),
            }
        }
        if peer_closed && matches!(self.state, State::Open(_)) {
            self.end();
            self.events.push_back(Event::Closed);
        }
        in_place
    }

    /// What the engine wants sent. Records of application data's epochs are ours to number.
    fn take_packet(&mut self, packet: &[u8]) {
        match &mut self.state {
            State::Over => (),
            State::Open(Open { established: None, .. }) => self.transmits.push_back(packet.into()),
            State::Connecting(connecting) => {
                if let Some(message) = plaintext_message(packet) {
                    connecting.hellos = connecting.hellos.max(message.saturating_add(1));
                }
                let (handshake, _) = packet.split_at(application_data_at(packet));
                if !handshake.is_empty() {
                    self.transmits.push_back(handshake.into());
                }
            }
            State::Open(Open { established: Some(established), .. }) => {
                let (handshake, application_data) = packet.split_at(application_data_at(packet));
                if !handshake.is_empty() {
                    self.transmits.push_back(handshake.into());
                }
                let mut record = application_data.to_vec();
                if let Some(header) = Header::parse(&record) {
                    established.take_from_engine(header, &mut record);
                }
                self.transmits.extend(std::iter::from_fn(|| established.poll_transmit()));
            }
        }
    }

    /// The peer shows its certificate (RFC 8122 §6.2). That it holds the key, too, is what the rest of the handshake proves.
    fn identify(&mut self, certificate: &[u8]) {
        let State::Connecting(connecting) = &mut self.state else {
            return;
        };
        if connecting.fingerprints.iter().any(|fingerprint| fingerprint.matches(certificate)) {
            connecting.peer_certificate = Some(certificate.into());
        } else {
            self.fail(Failure::FingerprintMismatch);
        }
    }

    fn connect_if_complete(&mut self, now: Instant) {
        let State::Connecting(connecting) = &mut self.state else {
            return;
        };
        if !connecting.complete {
            return;
        }
        let Some(peer_certificate) = connecting.peer_certificate.take() else {
            self.fail(Failure::FingerprintMismatch);
            return;
        };
        let version = match self.engine.as_ref().and_then(|engine| engine.protocol_version()) {
            Some(dimpl::ProtocolVersion::DTLS1_2) => Version::Dtls12,
            _ => Version::Dtls13,
        };
        let srtp = connecting.srtp.take();
        let early = std::mem::take(&mut connecting.early);
        let established = match version {
            Version::Dtls12 => None,
            Version::Dtls13 => {
                // Certificate, CertificateVerify, Finished follow the client's hello; the server has EncryptedExtensions
                // and CertificateRequest before them (RFC 8446 §2).
                let message = connecting.hellos + if self.role == Role::Active { 3 } else { 5 };
                let secrets = connecting.secrets.take();
                let Some(established) =
                    secrets.and_then(|secrets| Established::new(self.role, secrets, message))
                else {
                    self.fail(Failure::Protocol("no keys for application data".into()));
                    return;
                };
                self.engine_until = Some(now + FLIGHTS_REPEAT);
                Some(Box::new(established))
            }
        };
        self.state = State::Open(Open { established, closing: false });
        self.events.push_back(Event::Connected(Connected { version, peer_certificate, srtp }));
        for mut datagram in early {
            let data = self.receive(now, &mut datagram);
            self.data.extend(data.and_then(|data| datagram.get(data)).map(Box::from));
        }
    }

    /// DTLS 1.3 needs it no more.
    fn let_engine_go(&mut self) {
        if let State::Open(Open { established: Some(established), .. }) = &mut self.state {
            established.forget_engine();
        }
        self.engine = None;
        self.engine_timeout = None;
        self.engine_until = None;
    }

    fn fail(&mut self, failure: Failure) {
        if !matches!(self.state, State::Over) {
            self.end();
            self.data.clear();
            self.events.push_back(Event::Failed(failure));
        }
    }

    fn end(&mut self) {
        self.state = State::Over;
        self.engine = None;
    }
}

impl fmt::Debug for Dtls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Connecting(_) => "connecting",
            State::Open(Open { closing: false, .. }) => "connected",
            State::Open(Open { closing: true, .. }) => "closing",
            State::Over => "over",
        };
        formatter
            .debug_struct("Dtls")
            .field("role", &self.role)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

/// Where in a datagram of the handshake DTLS 1.3's application data begins, or its end.
fn application_data_at(datagram: &[u8]) -> usize {
    let mut at = 0;
    while let Some(rest) = datagram.get(at..).filter(|rest| !rest.is_empty()) {
        let header = Header::parse(rest);
        if header.is_some_and(|header| header.epoch_bits == 3) {
            return at;
        }
        let Some(length) = record_length(rest) else {
            break;
        };
        at += length;
    }
    datagram.len()
}

/// The length of the record that `datagram` begins with, in the clear (type, version, epoch, number, length) or not
/// (RFC 9147 §4).
fn record_length(datagram: &[u8]) -> Option<usize> {
    if let Some(header) = Header::parse(datagram) {
        return Some(header.record);
    }
    let [20..=26, _, _, _, _, _, _, _, _, _, _, length_0, length_1] = *datagram.first_chunk()? else {
        return None;
    };
    Some(13 + usize::from(u16::from_be_bytes([length_0, length_1])))
}

/// The number of the handshake message in the clear that `datagram` begins with (RFC 9147 §5.2).
fn plaintext_message(datagram: &[u8]) -> Option<u16> {
    let [22, _, _, 0, 0, rest @ ..] = datagram else {
        return None;
    };
    rest.get(12..)?.first_chunk().map(|number| u16::from_be_bytes(*number))
}

/// Whether a datagram begins with a whole ServerHello (also a HelloRetryRequest) or a HelloVerifyRequest.
fn answers_hello(datagram: &[u8]) -> bool {
    // RFC 9147 §4: type, version, epoch, sequence number, length. §5.2: type, length, sequence, fragment offset and length.
    let Some((record, handshake)) = datagram.split_at_checked(13) else {
        return false;
    };
    match (record, handshake) {
        (
            [22, _, _, 0, 0, ..],
            [2 | 3, length_0, length_1, length_2, _, _, 0, 0, 0, fragment_0, fragment_1, fragment_2, ..],
        ) => (length_0, length_1, length_2) == (fragment_0, fragment_1, fragment_2),
        _ => false,
    }
}

fn srtp_profile(profile: dimpl::SrtpProfile) -> Option<SrtpProfile> {
    match profile {
        dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(SrtpProfile::Aes128CmHmacSha1_80),
        dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(SrtpProfile::AeadAes128Gcm),
        dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(SrtpProfile::AeadAes256Gcm),
        _ => None,
    }
}

fn failure(error: dimpl::Error) -> Failure {
    match error {
        dimpl::Error::Timeout(_) => Failure::Timeout,
        dimpl::Error::SecurityError(dimpl::SecurityError::FatalAlert { description }) => {
            Failure::Alert(description)
        }
        error => Failure::Protocol(error.to_string()),
    }
}
