//! DTLS within checks (SPED, draft-hancke-webrtc-sped): the layer above begins its handshake before there is a pair, and
//! its datagrams travel in checks and in their answers.
//!
//! It takes no agreement. A message that says nothing of it shows that the other side doesn't know it, and from then on
//! checks are what they always were.

use peerline_stun::attribute::{DTLS_IN_STUN, DTLS_IN_STUN_ACKNOWLEDGEMENT};
use peerline_stun::{Message, MessageWriter, crc32};

/// How many datagrams one message acknowledges (§3.3.2.2).
const ACKNOWLEDGED_MAX: usize = 4;
/// How many datagrams of a flight are kept: those of WebRTC have three at most.
const FLIGHT_MAX: usize = 16;
/// The longest datagram that a check has room for, in bytes.
pub(crate) const DATAGRAM_MAX: usize = 1200;

/// How far the other side is known to go along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It hasn't said anything yet.
    Tentative,
    /// It does the same.
    Agreed,
    /// The handshake is complete on this side; the other may have to hear its end again.
    Complete,
    /// It doesn't know of this, or has all it needs.
    Over,
}

/// A datagram of the newest flight that isn't acknowledged.
#[derive(Debug)]
struct Packet {
    crc: u32,
    datagram: Box<[u8]>,
    /// It went out by itself, over a pair.
    is_sent: bool,
}

/// What travels with checks.
#[derive(Debug)]
pub(crate) struct Embedding {
    stage: Stage,
    flight: Vec<Packet>,
    /// Which of the flight's datagrams travels next.
    next: usize,
    /// The checksums of those that came, the newest last.
    received: Vec<u32>,
}

impl Embedding {
    pub fn new(is_wanted: bool) -> Self {
        let stage = if is_wanted { Stage::Tentative } else { Stage::Over };
        Self { stage, flight: Vec::new(), next: 0, received: Vec::new() }
    }

    pub fn is_active(&self) -> bool {
        self.stage != Stage::Over
    }

    /// The layer above has something new to say: what it said before isn't needed any more (§4.1).
    pub fn replace(&mut self, flight: impl IntoIterator<Item = Box<[u8]>>) {
        let packet = |datagram: Box<[u8]>| Packet { crc: crc32(&datagram), datagram, is_sent: false };
        self.flight = flight.into_iter().take(FLIGHT_MAX).map(packet).collect();
        self.next = 0;
    }

    /// The next datagram that hasn't gone out by itself yet: as soon as there is a pair that is quicker.
    pub fn poll_unsent(&mut self, buffer: &mut [u8]) -> Option<usize> {
        loop {
            let packet = self.flight.iter_mut().find(|packet| !packet.is_sent)?;
            packet.is_sent = true;
            let length = packet.datagram.len();
            let room = buffer.get_mut(..length).map(|room| room.copy_from_slice(&packet.datagram));
            if !self.is_active() {
                self.forget_sent();
            }
            if room.is_some() {
                return Some(length);
            }
        }
    }

    /// Nothing travels with checks any more. What hasn't gone out at all still does, by itself: the other side may wait for it.
    fn stop(&mut self) {
        self.stage = Stage::Over;
        self.received = Vec::new();
        self.forget_sent();
    }

    fn forget_sent(&mut self) {
        self.flight.retain(|packet| !packet.is_sent);
        self.flight.shrink_to_fit();
    }

    /// The handshake is complete on this side.
    pub fn complete(&mut self) {
        if self.is_active() {
            self.stage = Stage::Complete;
        }
    }

    /// The other side has shown that it has all it needs.
    pub fn end(&mut self) {
        if self.is_active() {
            self.stop();
        }
    }

    /// Takes in what an authentic check or answer says (§4.3). Gives back the datagram that came with it.
    pub fn read<'a>(&mut self, message: &Message<'a>) -> Option<&'a [u8]> {
        let datagram = message.attribute(DTLS_IN_STUN);
        let acknowledged = message.attribute(DTLS_IN_STUN_ACKNOWLEDGEMENT);
        let is_silent = datagram.is_none() && acknowledged.is_none();
        let crcs = acknowledged.unwrap_or_default().chunks_exact(4);
        let crcs: Vec<u32> = crcs.filter_map(|crc| Some(u32::from_be_bytes(*crc.first_chunk()?))).collect();
        self.flight.retain(|packet| !crcs.contains(&packet.crc));
        match self.stage {
            Stage::Over => return None,
            // It doesn't know of this: the flight goes out by itself when there is a pair.
            Stage::Tentative if is_silent => self.stop(),
            // libwebrtc has nothing more to say then, and waits for us to have nothing more either.
            Stage::Complete if is_silent || datagram.is_none() && self.flight.is_empty() => self.end(),
            Stage::Tentative => self.stage = Stage::Agreed,
            Stage::Agreed | Stage::Complete => {}
        }
        // RFC 9443 §3: what DTLS begins with.
        let datagram = datagram.filter(|datagram| matches!(datagram.first(), Some(20..=63)))?;
        let crc = crc32(datagram);
        if !self.received.contains(&crc) {
            if self.received.len() >= ACKNOWLEDGED_MAX {
                self.received.remove(0);
            }
            self.received.push(crc);
        }
        Some(datagram)
    }

    /// Adds to a check or an answer what travels with it (§4.2).
    pub fn write(&mut self, writer: &mut MessageWriter<'_>) {
        if !self.is_active() {
            return;
        }
        let mut acknowledged = [0; 4 * ACKNOWLEDGED_MAX];
        for (place, crc) in acknowledged.chunks_exact_mut(4).zip(&self.received) {
            place.copy_from_slice(&crc.to_be_bytes());
        }
        let length = 4 * self.received.len();
        writer.attribute(DTLS_IN_STUN_ACKNOWLEDGEMENT, acknowledged.get(..length).unwrap_or_default());
        let count = self.flight.len();
        let next = (0..count).map(|step| (self.next + step) % count).find(|index| {
            self.flight.get(*index).is_some_and(|packet| packet.datagram.len() <= DATAGRAM_MAX)
        });
        match next.and_then(|index| Some((index, self.flight.get(index)?))) {
            Some((index, packet)) => {
                writer.attribute(DTLS_IN_STUN, &packet.datagram);
                self.next = index + 1;
            }
            // Empty it says that this side goes along; once the handshake is complete, that nothing more comes.
            None if self.stage != Stage::Complete => {
                writer.attribute(DTLS_IN_STUN, &[]);
            }
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last datagram of a handshake acknowledges the other side's last flight. Data of the other side's may overtake its being sent.
    #[test]
    fn what_has_not_gone_out_when_the_handshake_is_over_still_does_by_itself_and_is_not_kept() {
        let mut embedding = Embedding::new(true);
        embedding.replace([Box::from([22, 1]), Box::from([26, 2])]);
        let mut buffer = [0; 64];
        assert_eq!(embedding.poll_unsent(&mut buffer), Some(2));
        embedding.complete();
        embedding.end();
        assert!(!embedding.is_active());
        assert_eq!(embedding.poll_unsent(&mut buffer), Some(2));
        assert_eq!(buffer[..2], [26, 2]);
        assert_eq!(embedding.poll_unsent(&mut buffer), None);
        assert_eq!(embedding.flight.capacity(), 0);
    }
}
