//! What comes in.

use std::time::Instant;

use super::{Association, Phase};
use crate::packet::{
    Cause, Chunk, Data, DataKind, ErrorCauses, ForwardTsn, Packet, REFLECTED_TAG, Sack, Unrecognized,
    error_chunk, kind,
};
use crate::receive::Received;
use crate::{CloseReason, Tsn, VerificationTag};

/// Whether the rest of the packet is to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    GoOn,
    Stop,
}

impl Association {
    /// A packet came. What isn't for this association, or is broken, is dropped and counted.
    pub fn handle_input(&mut self, now: Instant, packet: &[u8]) {
        if self.take_packet(now, packet).is_some() {
            self.packets_received += 1;
        } else {
            self.packets_dropped += 1;
        }
    }

    fn take_packet(&mut self, now: Instant, bytes: &[u8]) -> Option<()> {
        let packet = Packet::parse(bytes)?;
        let mut chunks = packet.chunks();
        let first = chunks.clone().next()?;
        if packet.destination_port != self.config.local_port
            || packet.source_port != self.config.remote_port
            || !packet.checksum_holds(self.config.zero_checksum)
        {
            return None;
        }
        match first.kind {
            // It comes alone, and with no tag (RFC 9260 §8.5.1 A).
            kind::INIT => {
                let _ = chunks.next();
                if packet.tag != VerificationTag(0) || chunks.next().is_some() {
                    return None;
                }
                self.handle_init(now, first.value);
                return Some(());
            }
            kind::COOKIE_ECHO => {
                let _ = chunks.next();
                if !self.handle_cookie_echo(now, packet.tag, first.value) {
                    return None;
                }
            }
            _ => self.check_tag(&packet, &first)?,
        }
        self.path.heard(now);
        for chunk in chunks {
            if self.handle_chunk(now, &chunk) == Then::Stop {
                break;
            }
        }
        if self.is_synchronized() {
            self.perform_deferred_reset();
            self.advance_shutdown(now);
        }
        Some(())
    }

    /// RFC 9260 §8.5.
    fn check_tag(&mut self, packet: &Packet<'_>, first: &Chunk<'_>) -> Option<()> {
        if matches!(self.phase, Phase::Over) {
            self.answer_out_of_the_blue(packet.tag, first.kind);
            return None;
        }
        let may_reflect = matches!(first.kind, kind::ABORT | kind::SHUTDOWN_COMPLETE);
        let expected =
            if may_reflect && first.flags & REFLECTED_TAG != 0 { self.peer?.tag } else { self.local.tag };
        (packet.tag == expected && !matches!(self.phase, Phase::Closed)).then_some(())
    }

    #[inline]
    fn handle_chunk(&mut self, now: Instant, chunk: &Chunk<'_>) -> Then {
        match chunk.kind {
            kind::DATA => self.handle_data(now, chunk, DataKind::Data),
            kind::I_DATA => self.handle_data(now, chunk, DataKind::IData),
            kind::SACK => self.handle_sack(now, chunk.value),
            _ => self.handle_control(now, chunk),
        }
    }

    #[inline]
    fn handle_data(&mut self, now: Instant, chunk: &Chunk<'_>, data_kind: DataKind) -> Then {
        match self.phase {
            Phase::Established | Phase::ShutdownPending => {}
            // The peer sends data: it has our COOKIE ECHO, though its answer was lost or is late.
            Phase::CookieEchoed { .. } => self.establish(now),
            Phase::ShutdownSent(_) => self.send_shutdown(),
            _ => return Then::Stop,
        }
        let Some(negotiated) = self.negotiated() else { return Then::Stop };
        if negotiated.interleaving != (data_kind == DataKind::IData) {
            self.violated("DATA and I-DATA are mixed up");
            return Then::Stop;
        }
        let Some(data) = Data::parse(chunk, data_kind) else {
            self.violated("a chunk of data is too short");
            return Then::Stop;
        };
        if data.payload.is_empty() {
            let cause = Cause::NoUserData(data.tsn.0);
            self.abort_with(Some(cause), CloseReason::ProtocolViolation("a chunk of data without data"));
            return Then::Stop;
        }
        let is_known_stream = data.stream.0 < negotiated.incoming_streams;
        match self.receiver.handle_data(&data, is_known_stream, &mut self.events) {
            Received::New => {
                self.bytes_received += data.payload.len() as u64;
                if !is_known_stream {
                    self.push_control(error_chunk(Cause::InvalidStream(data.stream)));
                }
            }
            Received::Duplicate => self.duplicates += 1,
            Received::Dropped => {}
            Received::OutOfResource => {
                self.abort_with(Some(Cause::OutOfResource), CloseReason::OutOfResource);
                return Then::Stop;
            }
        }
        Then::GoOn
    }

    fn handle_sack(&mut self, now: Instant, value: &[u8]) -> Then {
        // As with data: the peer has our COOKIE ECHO, and what came with it.
        if matches!(self.phase, Phase::CookieEchoed { .. }) {
            self.establish(now);
        }
        if !self.is_synchronized() {
            return Then::Stop;
        }
        let Some(sack) = Sack::parse(value) else { return Then::Stop };
        if !self.sender.handle_sack(now, &sack, &mut self.events) {
            self.violated("a SACK for what was never sent");
            return Then::Stop;
        }
        Then::GoOn
    }

    fn handle_control(&mut self, now: Instant, chunk: &Chunk<'_>) -> Then {
        match chunk.kind {
            kind::INIT_ACK => {
                self.handle_init_ack(now, chunk.value);
                return Then::Stop;
            }
            kind::COOKIE_ACK => self.handle_cookie_ack(now),
            kind::ABORT => {
                let causes = ErrorCauses::new(chunk.value);
                self.end(CloseReason::AbortedByPeer { code: causes.first_code(), reason: causes.reason() });
                return Then::Stop;
            }
            kind::ERROR => {
                if ErrorCauses::new(chunk.value).has_stale_cookie() {
                    self.handle_stale_cookie(now);
                }
            }
            kind::HEARTBEAT => self.answer_heartbeat(chunk),
            kind::HEARTBEAT_ACK => self.handle_heartbeat_ack(now, chunk.value),
            kind::SHUTDOWN if self.is_synchronized() => {
                let acknowledged = chunk.value.first_chunk::<4>().map(|&tsn| Tsn(u32::from_be_bytes(tsn)));
                if let Some(tsn) = acknowledged {
                    self.sender.handle_cumulative(now, tsn, &mut self.events);
                }
                self.handle_shutdown(now);
            }
            kind::SHUTDOWN_ACK => self.handle_shutdown_ack(),
            kind::SHUTDOWN_COMPLETE => self.handle_shutdown_complete(),
            kind::RE_CONFIG if self.is_synchronized() => self.handle_reconfiguration(now, chunk.value),
            kind::FORWARD_TSN if self.is_synchronized() => {
                self.handle_forward_tsn(chunk.value, DataKind::Data)
            }
            kind::I_FORWARD_TSN if self.is_synchronized() => {
                self.handle_forward_tsn(chunk.value, DataKind::IData)
            }
            kind::COOKIE_ECHO
            | kind::INIT
            | kind::PAD
            | kind::SHUTDOWN
            | kind::RE_CONFIG
            | kind::FORWARD_TSN
            | kind::I_FORWARD_TSN => {}
            unknown => {
                let wish = Unrecognized::chunk(unknown);
                if wish.is_reported {
                    let shown = chunk.whole.get(..256).unwrap_or(chunk.whole);
                    self.push_control(error_chunk(Cause::UnrecognizedChunk(shown)));
                }
                if !wish.goes_on {
                    return Then::Stop;
                }
            }
        }
        if matches!(self.phase, Phase::Over) { Then::Stop } else { Then::GoOn }
    }

    fn handle_forward_tsn(&mut self, value: &[u8], data_kind: DataKind) {
        let Some(negotiated) = self.negotiated() else { return };
        if negotiated.interleaving != (data_kind == DataKind::IData) {
            self.violated("FORWARD-TSN and I-FORWARD-TSN are mixed up");
            return;
        }
        if let Some(forward) = ForwardTsn::parse(value, data_kind) {
            self.receiver.handle_forward_tsn(&forward, negotiated.incoming_streams, &mut self.events);
        }
    }

    /// RFC 9260 §8.3. What can't be sent back in one packet isn't.
    fn answer_heartbeat(&mut self, chunk: &Chunk<'_>) {
        if !self.is_synchronized() || chunk.whole.len() > self.path.base() - crate::packet::COMMON_HEADER {
            return;
        }
        let mut answer = crate::packet::ChunkWriter::new(kind::HEARTBEAT_ACK, 0);
        answer.bytes(chunk.value);
        self.push_control(answer.finish());
    }

    fn handle_heartbeat_ack(&mut self, now: Instant, value: &[u8]) {
        // Type and length of the parameter (RFC 9260 §3.3.5), then what we had put in.
        let Some(&nonce) = value.get(4..).and_then(|info| info.first_chunk::<8>()) else { return };
        let timeout = self.sender.round_trip.timeout();
        if let Some(sample) = self.path.answered(now, u64::from_be_bytes(nonce), timeout, &mut self.rng) {
            self.sender.round_trip.sample(sample);
            self.sender.set_segment(self.path.packet_size());
        }
    }

    /// The peer broke the protocol: over.
    fn violated(&mut self, how: &'static str) {
        self.abort_with(Some(Cause::ProtocolViolation(how)), CloseReason::ProtocolViolation(how));
    }
}
