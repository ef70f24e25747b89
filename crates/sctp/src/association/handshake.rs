//! How an association begins (RFC 9260 §5; draft-hancke-tsvwg-snap).

use std::time::Instant;

use super::cookie::Cookie;
use super::{Association, Local, Negotiated, Peer, Phase, Retry};
use crate::packet::{
    COMMON_HEADER, Cause, Chunk, ChunkWriter, DataKind, Init, InitFlaw, InitKind, REFLECTED_TAG, abort_chunk,
    error_chunk, kind, padded, write_init,
};
use crate::send::Terms;
use crate::{CloseReason, Config, ConnectError, Event, Tsn, VerificationTag};

impl Association {
    /// Starts the handshake. Both sides may (RFC 9260 §5.2.1); a side that doesn't answers the other's.
    pub fn connect(&mut self, now: Instant) -> Result<(), ConnectError> {
        if !matches!(self.phase, Phase::Closed) {
            return Err(ConnectError::NotClosed);
        }
        self.age(now);
        let deadline = now + self.sender.round_trip.timeout();
        self.phase = Phase::CookieWait(Retry { first_sent: now, deadline, attempts: 1 });
        self.send_init();
        Ok(())
    }

    /// Our INIT chunk, to be carried out of band (draft-hancke-tsvwg-snap: in base64 as `a=sctp-init`).
    pub fn local_init(&self) -> Vec<u8> {
        let window = self.receiver.window();
        write_init(InitKind::Init, &self.config, self.local.tag, self.local.initial_tsn, window)
    }

    /// Takes the peer's INIT chunk from out of band: with [`local_init`](Self::local_init) being in the peer's hands, there
    /// is no handshake. Packets may flow as soon as they can be carried at all.
    pub fn connect_with_remote_init(&mut self, now: Instant, init: &[u8]) -> Result<(), ConnectError> {
        if !matches!(self.phase, Phase::Closed) {
            return Err(ConnectError::NotClosed);
        }
        let (chunk, rest) = Chunk::split(init).ok_or(ConnectError::InvalidInit)?;
        if chunk.kind != kind::INIT || !rest.is_empty() {
            return Err(ConnectError::InvalidInit);
        }
        let init = Init::parse(chunk.value).map_err(|_| ConnectError::InvalidInit)?;
        self.age(now);
        let negotiated = self.negotiate(&init);
        self.meet(init.tag, init.initial_tsn, init.window, negotiated);
        self.establish(now);
        Ok(())
    }

    fn send_init(&mut self) {
        let chunk = self.local_init();
        self.push_standalone(VerificationTag(0), chunk);
    }

    /// What both sides can (RFC 9260 §5.1.1, RFC 8260 §2.2.1, RFC 9653 §5.2).
    fn negotiate(&self, init: &Init<'_>) -> Negotiated {
        Negotiated {
            outgoing_streams: self.config.streams.min(init.incoming_streams),
            incoming_streams: self.config.streams.min(init.outgoing_streams),
            interleaving: self.config.interleaving && init.interleaving,
            partial_reliability: init.partial_reliability,
            stream_reset: init.stream_reset,
            zero_checksum: self.config.zero_checksum && init.zero_checksum,
            padding: init.padding,
        }
    }

    /// Takes note of who the peer is.
    fn meet(&mut self, tag: VerificationTag, initial_tsn: Tsn, window: u32, negotiated: Negotiated) {
        let data_kind = if negotiated.interleaving { DataKind::IData } else { DataKind::Data };
        self.peer = Some(Peer { tag, negotiated });
        self.receiver.restart(initial_tsn, data_kind);
        self.resets.restart(self.local.initial_tsn, initial_tsn);
        let partial_reliability = negotiated.partial_reliability;
        self.sender.establish(Terms { data_kind, partial_reliability, peer_window: window });
    }

    pub(super) fn establish(&mut self, now: Instant) {
        self.phase = Phase::Established;
        self.is_cookie_due = false;
        self.events.push_back(Event::Connected);
        self.path.start(now);
        self.path.handle_timeout(now, self.sender.round_trip.timeout(), &mut self.rng);
    }

    /// An INIT came (RFC 9260 §5.1, §5.2.1, §5.2.2). It changes nothing: all that is needed later goes into the cookie.
    pub(super) fn handle_init(&mut self, now: Instant, value: &[u8]) {
        let init = match Init::parse(value) {
            Ok(init) => init,
            Err(InitFlaw::Malformed) => return,
            Err(flaw) => {
                let cause = match flaw {
                    InitFlaw::HostName => Cause::UnresolvableAddress,
                    _ => Cause::InvalidMandatoryParameter,
                };
                let tag = value.first_chunk::<4>().map_or(0, |&tag| u32::from_be_bytes(tag));
                self.push_standalone(VerificationTag(tag), abort_chunk(0, Some(cause)));
                return;
            }
        };
        let tie_tags = self.peer.map(|peer| (self.local.tag, peer.tag));
        let local = match self.phase {
            Phase::Over => return,
            Phase::ShutdownAckSent(_) => {
                self.push_control(ChunkWriter::new(kind::SHUTDOWN_ACK, 0).finish());
                return;
            }
            Phase::Closed | Phase::CookieWait(_) | Phase::CookieEchoed { .. } => self.local,
            // The peer may have begun again: it gets a new tag of ours (RFC 9260 §5.2.2).
            _ => Local::new(&mut self.rng),
        };
        let made = self.age(now);
        let negotiated = self.negotiate(&init);
        let cookie = self.cookie_key.seal(&Cookie {
            made,
            local_tag: local.tag,
            local_tsn: local.initial_tsn,
            peer_tag: init.tag,
            peer_tsn: init.initial_tsn,
            peer_window: init.window,
            negotiated,
            tie_tags,
        });
        let answer = InitKind::InitAck { cookie: &cookie, unrecognized: &init.unrecognized };
        let window = self.receiver.window();
        // What the peer didn't offer isn't offered to it: there are stacks that refuse a chunk for a parameter they don't know.
        let config = Config { zero_checksum: negotiated.zero_checksum, ..self.config.clone() };
        let chunk = write_init(answer, &config, local.tag, local.initial_tsn, window);
        self.push_standalone(init.tag, chunk);
    }

    /// RFC 9260 §5.1 C.
    pub(super) fn handle_init_ack(&mut self, now: Instant, value: &[u8]) {
        let Phase::CookieWait(retry) = self.phase else { return };
        let init = match Init::parse(value) {
            Ok(init) => init,
            Err(InitFlaw::Malformed) => return,
            Err(_) => {
                self.end(CloseReason::ProtocolViolation("the INIT ACK is invalid"));
                return;
            }
        };
        let Some(cookie) = init.cookie else {
            self.push_standalone(init.tag, abort_chunk(0, Some(Cause::ProtocolViolation("no state cookie"))));
            self.end(CloseReason::ProtocolViolation("the INIT ACK has no state cookie"));
            return;
        };
        if cookie.len() > self.path.base() - COMMON_HEADER - 4 {
            self.end(CloseReason::ProtocolViolation("the state cookie fits no packet"));
            return;
        }
        if retry.attempts == 1 {
            self.sender.round_trip.sample(now.saturating_duration_since(retry.first_sent));
        }
        let cookie = cookie.to_vec();
        let negotiated = self.negotiate(&init);
        self.meet(init.tag, init.initial_tsn, init.window, negotiated);
        if !init.unrecognized.is_empty() {
            let mut chunk = ChunkWriter::new(kind::ERROR, 0);
            chunk.parameter(8, &init.unrecognized);
            self.push_control(chunk.finish());
        }
        let deadline = now + self.sender.round_trip.timeout();
        self.phase = Phase::CookieEchoed { cookie, retry: Retry { first_sent: now, deadline, attempts: 1 } };
        self.is_cookie_due = true;
    }

    /// A COOKIE ECHO came (RFC 9260 §5.1.5, §5.2.4). Returns whether the rest of the packet is the association's.
    pub(super) fn handle_cookie_echo(
        &mut self,
        now: Instant,
        packet_tag: VerificationTag,
        value: &[u8],
    ) -> bool {
        let Some(cookie) = self.cookie_key.open(value) else { return false };
        if packet_tag != cookie.local_tag || matches!(self.phase, Phase::Over) {
            return false;
        }
        let known_peer = self.peer.map(|peer| peer.tag);
        let is_local = cookie.local_tag == self.local.tag;
        let is_peer = known_peer == Some(cookie.peer_tag);
        let late = (self.age(now).saturating_sub(cookie.made)).saturating_sub(self.config.cookie_lifetime);
        let is_current = is_local && is_peer;
        if !late.is_zero() && !is_current {
            let microseconds = u32::try_from(late.as_micros()).unwrap_or(u32::MAX);
            self.push_standalone(cookie.peer_tag, error_chunk(Cause::StaleCookie(microseconds)));
            return false;
        }
        let is_beginning =
            matches!(self.phase, Phase::Closed | Phase::CookieWait(_) | Phase::CookieEchoed { .. });
        match (is_local, is_peer) {
            // D: the answer to a COOKIE ECHO was lost, or both began at once and agree already.
            (true, true) => {
                if is_beginning {
                    self.establish(now);
                }
            }
            // The usual case, and B: both began at once.
            (true, false) => {
                if !is_beginning && !matches!(self.phase, Phase::Established) {
                    return false;
                }
                self.meet(cookie.peer_tag, cookie.peer_tsn, cookie.peer_window, cookie.negotiated);
                if is_beginning {
                    self.establish(now);
                }
            }
            // A: the peer has begun again, and knows nothing of what was.
            (false, false) if !is_beginning => {
                let is_ours = cookie
                    .tie_tags
                    .is_some_and(|(local, peer)| local == self.local.tag && Some(peer) == known_peer);
                if !is_ours {
                    return false;
                }
                if matches!(self.phase, Phase::ShutdownAckSent(_)) {
                    self.push_control(ChunkWriter::new(kind::SHUTDOWN_ACK, 0).finish());
                    return false;
                }
                self.local = Local { tag: cookie.local_tag, initial_tsn: cookie.local_tsn };
                self.sender.restart(&self.config, cookie.local_tsn);
                self.control.clear();
                self.meet(cookie.peer_tag, cookie.peer_tsn, cookie.peer_window, cookie.negotiated);
                self.phase = Phase::Established;
                self.path.start(now);
                self.events.push_back(Event::Restarted);
            }
            // C: an old cookie.
            _ => return false,
        }
        self.push_control(ChunkWriter::new(kind::COOKIE_ACK, 0).finish());
        true
    }

    pub(super) fn handle_cookie_ack(&mut self, now: Instant) {
        if let Phase::CookieEchoed { retry, .. } = self.phase {
            if retry.attempts == 1 {
                self.sender.round_trip.sample(now.saturating_duration_since(retry.first_sent));
            }
            self.establish(now);
        }
    }

    /// Our cookie was too old when it came back: once more from the beginning (RFC 9260 §5.2.6).
    pub(super) fn handle_stale_cookie(&mut self, now: Instant) {
        if matches!(self.phase, Phase::CookieEchoed { .. }) {
            self.phase = Phase::Closed;
            self.peer = None;
            self.is_cookie_due = false;
            let _ = self.connect(now);
        }
    }

    /// T1-init, T1-cookie and T2-shutdown.
    pub(super) fn handle_retry_timeout(&mut self, now: Instant) {
        let rto_max = self.config.rto_max;
        let retry = match &mut self.phase {
            Phase::CookieWait(retry)
            | Phase::CookieEchoed { retry, .. }
            | Phase::ShutdownSent(retry)
            | Phase::ShutdownAckSent(retry) => retry,
            _ => return,
        };
        if retry.deadline > now {
            return;
        }
        let before = retry.deadline.saturating_duration_since(retry.first_sent) / retry.attempts;
        let pause = (before * 2).min(rto_max.max(before));
        retry.deadline = now + pause;
        retry.attempts += 1;
        let retry = *retry;
        match self.phase {
            Phase::CookieWait(_) | Phase::CookieEchoed { .. } => {
                if self.config.max_init_retransmissions.is_some_and(|most| retry.attempts > most + 1) {
                    self.end(CloseReason::TimedOut);
                } else if matches!(self.phase, Phase::CookieWait(_)) {
                    self.standalone.clear();
                    self.send_init();
                } else {
                    self.is_cookie_due = true;
                    self.sender.resend_all(now, &mut self.events);
                }
            }
            _ => self.repeat_shutdown(retry),
        }
    }

    /// Bytes of a packet that COOKIE ECHO takes up.
    pub(super) fn cookie_echo_length(cookie: &[u8]) -> usize {
        padded(4 + cookie.len())
    }

    /// A packet came for an association that is over: the peer is told so (RFC 9260 §8.4).
    pub(super) fn answer_out_of_the_blue(&mut self, tag: VerificationTag, first_kind: u8) {
        if !self.standalone.is_empty() {
            return;
        }
        match first_kind {
            kind::ABORT | kind::SHUTDOWN_COMPLETE | kind::COOKIE_ACK | kind::INIT | kind::ERROR => {}
            kind::SHUTDOWN_ACK => {
                self.push_standalone(tag, ChunkWriter::new(kind::SHUTDOWN_COMPLETE, REFLECTED_TAG).finish());
            }
            _ => self.push_standalone(tag, abort_chunk(REFLECTED_TAG, None)),
        }
    }
}
