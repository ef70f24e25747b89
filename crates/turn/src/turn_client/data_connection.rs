//! A further connection to the server, which takes over one with a peer and carries its data (RFC 6062 §4.3).

use std::collections::VecDeque;
use std::time::Instant;

use peerline_stun::transaction::Due;
use peerline_stun::{Class, ErrorCode, Message, TransactionId};
use rand::Rng;
use rand::rngs::StdRng;

use super::authentication::{Authentication, Challenge};
use super::request::{self, Kind, Request, Wanted};
use super::{Credential, Failure};
use crate::{ConnectionId, Transport};

/// Takes a connection with a peer over. Once it has, the stream is the application's: all that comes is data, and nothing but
/// data goes.
#[derive(Debug)]
pub struct DataConnection {
    transport: Transport,
    authentication: Authentication,
    /// `None` when it has been answered.
    request: Option<Request>,
    transmits: VecDeque<Box<[u8]>>,
    random: StdRng,
}

impl DataConnection {
    /// Asks for the connection at once: drain [`poll_transmit`](Self::poll_transmit). The credential is the allocation's.
    pub fn new(
        now: Instant,
        transport: Transport,
        credential: Credential,
        connection: ConnectionId,
        random: StdRng,
    ) -> Self {
        let authentication = Authentication::new(credential);
        let mut bind = Self { transport, authentication, request: None, transmits: VecDeque::new(), random };
        bind.ask(now, Kind::BindConnection(connection), 0);
        bind
    }

    fn ask(&mut self, now: Instant, kind: Kind, challenges: u32) {
        let transaction = TransactionId::new(self.random.random());
        let retransmission = request::retransmission(self.transport, None);
        let wanted = Wanted::default();
        self.request =
            Request::new(now, kind, transaction, retransmission, challenges, wanted, &self.authentication);
        let _ = self.handle_timeout(now);
    }

    /// Takes in a framed message from the server. `Some` says how it ended: bytes that follow the message are the peer's when
    /// it is `Ok`.
    pub fn handle_input(&mut self, now: Instant, message: &[u8]) -> Option<Result<(), Failure>> {
        let message = Message::parse(message).ok().filter(|message| !message.is_classic())?;
        let is_answer = |request: &mut Request| {
            request.transaction == message.transaction() && request.kind.method() == message.method()
        };
        let request = self.request.take_if(is_answer)?;
        if !self.authentication.accepts(&message, request.integrity) {
            self.request = Some(request);
            return None;
        }
        let code = match (message.class(), message.error()) {
            (Class::Success, _) => return Some(Ok(())),
            (_, Some((code, _))) => code,
            _ => return Some(Err(Failure::Protocol)),
        };
        let is_challenge = matches!(code, ErrorCode::UNAUTHENTICATED | ErrorCode::STALE_NONCE);
        if is_challenge && request.challenges < request::CHALLENGES_MAX {
            match self.authentication.challenged(&message, code, request.integrity.is_some()) {
                Challenge::TryAgain => {
                    self.ask(now, request.kind, request.challenges + 1);
                    return None;
                }
                Challenge::Wrong => {}
                Challenge::Malformed => return Some(Err(Failure::Protocol)),
            }
        }
        Some(Err(Failure::Refused(code)))
    }

    /// The time has come that [`poll_timeout`](Self::poll_timeout) had asked for. `Some` when the server doesn't answer.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Failure> {
        let request = self.request.as_mut()?;
        while let Some(due) = request.timer.handle_timeout(now) {
            match due {
                Due::Send => self.transmits.push_back(request.bytes.clone()),
                Due::TimedOut => {
                    self.request = None;
                    return Some(Failure::TimedOut);
                }
            }
        }
        None
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.request.as_ref()?.timer.poll_timeout()
    }

    /// The next message for the server, written to the beginning of `buffer` (which should have 2,200 bytes; what doesn't fit
    /// is dropped). Says how long it is.
    pub fn poll_transmit(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let bytes = self.transmits.pop_front()?;
            if let Some(room) = buffer.get_mut(..bytes.len()) {
                room.copy_from_slice(&bytes);
                return Some(bytes.len());
            }
        }
    }
}
