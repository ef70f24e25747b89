//! What goes out.

use std::time::Instant;

use super::path::HeartbeatDue;
use super::{Association, Phase};
use crate::VerificationTag;
use crate::packet::{COMMON_HEADER, ChunkWriter, DataKind, PacketWriter, kind};

impl Association {
    /// Writes the next packet to the beginning of `buffer` and returns its length; `None` where there is nothing to send by
    /// now. Packets are no longer than the buffer, which should have [`max_packet_size`](crate::Config::max_packet_size)
    /// bytes. What was received since the last call is acknowledged as one burst.
    pub fn poll_transmit(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        let length = self.write_packet(now, buffer)?;
        self.packets_sent += 1;
        Some(length)
    }

    fn write_packet(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        if !self.standalone.is_empty() {
            return self.write_standalone(buffer);
        }
        match self.phase {
            Phase::Closed | Phase::CookieWait(_) | Phase::Over => return None,
            Phase::CookieEchoed { .. } => return self.write_cookie_echo(now, buffer),
            _ => {}
        }
        let negotiated = self.negotiated()?;
        let delay = self.config.acknowledgement_delay;
        self.receiver.end_burst(now, delay, self.sender.round_trip.smoothed());
        // COOKIE ACK goes before any probe, or its receiver isn't ready for it.
        if self.control.is_empty()
            && let Some(heartbeat) = self.path.next_due()
        {
            return self.write_heartbeat(heartbeat, buffer);
        }
        if self.resets.is_anything_wanted() {
            self.request_resets(now);
        }
        let sends_data =
            matches!(self.phase, Phase::Established | Phase::ShutdownPending | Phase::ShutdownReceived)
                && self.sender.has_something(now);
        let is_sack_due = self.receiver.is_sack_due();
        if !sends_data && !is_sack_due && self.control.is_empty() {
            return None;
        }
        let limit = self.path.packet_size();
        let mut writer = self.begin(buffer, limit, self.peer?.tag)?;
        // COOKIE ACK comes first (RFC 9260 §5.1 D).
        while let Some(chunk) = self.control.front()
            && writer.append(chunk)
        {
            self.control.pop_front();
        }
        if is_sack_due || (sends_data && self.receiver.is_sack_pending()) {
            self.receiver.write_sack(&mut writer);
        }
        if sends_data {
            let data_kind = if negotiated.interleaving { DataKind::IData } else { DataKind::Data };
            let piece = self.path.piece_length(data_kind);
            self.sender.fill(now, &mut writer, piece, &mut self.events);
        }
        if writer.is_empty() {
            // Only a chunk that fits no packet is left, if anything.
            self.control.pop_front();
            return None;
        }
        Some(writer.finish(!negotiated.zero_checksum))
    }

    fn begin<'a>(
        &self,
        buffer: &'a mut [u8],
        limit: usize,
        tag: VerificationTag,
    ) -> Option<PacketWriter<'a>> {
        PacketWriter::new(buffer, limit, self.config.local_port, self.config.remote_port, tag)
    }

    fn write_standalone(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let packet = self.standalone.pop_front()?;
        let limit = buffer.len();
        let mut writer = self.begin(buffer, limit, packet.tag)?;
        writer.append(&packet.chunk).then(|| writer.finish(true))
    }

    /// COOKIE ECHO, with data behind it that spares it a round trip (RFC 9260 §5.1 C). One packet, until it is answered.
    fn write_cookie_echo(&mut self, now: Instant, buffer: &mut [u8]) -> Option<usize> {
        if !std::mem::take(&mut self.is_cookie_due) {
            return None;
        }
        let negotiated = self.negotiated()?;
        let tag = self.peer?.tag;
        let Phase::CookieEchoed { cookie, .. } = &self.phase else { return None };
        let mut echo = ChunkWriter::new(kind::COOKIE_ECHO, 0);
        echo.bytes(cookie);
        let limit = self.path.smallest_packet().max(Self::cookie_echo_length(cookie) + COMMON_HEADER);
        let echo = echo.finish();
        let mut writer = self.begin(buffer, limit, tag)?;
        if !writer.append(&echo) {
            return None;
        }
        while let Some(chunk) = self.control.front()
            && writer.append(chunk)
        {
            self.control.pop_front();
        }
        let data_kind = if negotiated.interleaving { DataKind::IData } else { DataKind::Data };
        if self.sender.has_something(now) {
            self.sender.fill(now, &mut writer, self.path.piece_length(data_kind), &mut self.events);
        }
        Some(writer.finish(true))
    }

    fn write_heartbeat(&mut self, heartbeat: HeartbeatDue, buffer: &mut [u8]) -> Option<usize> {
        let negotiated = self.negotiated()?;
        let mut chunk = ChunkWriter::new(kind::HEARTBEAT, 0);
        let mut info = heartbeat.nonce.to_be_bytes().to_vec();
        if let Some(size) = heartbeat.padded_to.filter(|_| !negotiated.padding) {
            // The answer will be as long as the probe.
            info.resize((size & !3).saturating_sub(COMMON_HEADER + 8).max(info.len()), 0);
        }
        chunk.parameter(1, &info);
        let limit = heartbeat.padded_to.unwrap_or(self.path.smallest_packet());
        let mut writer = self.begin(buffer, limit, self.peer?.tag)?;
        writer.append(&chunk.finish());
        if let Some(size) = heartbeat.padded_to.filter(|_| negotiated.padding) {
            writer.pad_to(size);
        }
        Some(writer.finish(!negotiated.zero_checksum))
    }
}
