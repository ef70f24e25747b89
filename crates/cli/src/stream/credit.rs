//! How much may be on its way in one direction of a stream (`docs/streams.md` §3).

/// The receiving side: what it has room for.
#[derive(Debug)]
pub(super) struct Room {
    /// Bytes that are held at most, because they are not passed on yet.
    window: u64,
    /// Bytes that the other side may send in all.
    granted: u64,
    received: u64,
    passed_on: u64,
}

impl Room {
    /// `granted`: what may be sent unasked.
    pub(super) const fn new(window: u64, granted: u64) -> Self {
        Self { window, granted, received: 0, passed_on: 0 }
    }

    /// Bytes came. Returns whether there was room for them.
    pub(super) fn receive(&mut self, bytes: usize) -> bool {
        self.received = self.received.saturating_add(bytes as u64);
        self.received <= self.granted
    }

    /// Bytes were passed on.
    pub(super) fn pass_on(&mut self, bytes: usize) {
        self.passed_on += bytes as u64;
    }

    /// What to grant now, if that is worth a message.
    pub(super) fn grant(&mut self) -> Option<u64> {
        let room = self.passed_on + self.window;
        if room - self.granted < self.window / 4 {
            return None;
        }
        self.granted = room;
        Some(room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_holds_no_more_than_its_window() {
        let mut room = Room::new(1_000, 0);
        assert_eq!(room.grant(), Some(1_000));
        assert_eq!(room.grant(), None);
        assert!(room.receive(1_000));
        room.pass_on(200);
        assert_eq!(room.grant(), None, "too little to tell");
        room.pass_on(100);
        assert_eq!(room.grant(), Some(1_300));
        assert!(room.receive(300));
        assert!(!room.receive(1));
    }

    #[test]
    fn some_may_be_sent_unasked() {
        let mut room = Room::new(1_000, 100);
        assert!(room.receive(100));
        assert_eq!(room.grant(), Some(1_000));
    }
}
