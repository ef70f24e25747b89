//! What the generator counts.

use std::ops::{AddAssign, Sub};

/// Packets sent and got. One relayed packet is one crossing of the relay, in either direction.
#[derive(Clone, Copy, Default)]
pub struct Count {
    /// By clients.
    pub sent: u64,
    /// Come to peers.
    pub at_peers: u64,
    /// Come back to clients.
    pub returned: u64,
    /// Given up.
    pub lost: u64,
}

impl Count {
    /// Packets the server has relayed.
    pub fn crossings(self) -> u64 {
        self.at_peers + self.returned
    }

    /// The share of packets that never came back, 0 to 1.
    pub fn loss(self) -> f64 {
        self.sent.saturating_sub(self.returned) as f64 / self.sent.max(1) as f64
    }
}

impl AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.sent += other.sent;
        self.at_peers += other.at_peers;
        self.returned += other.returned;
        self.lost += other.lost;
    }
}

impl Sub for Count {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            sent: self.sent - other.sent,
            at_peers: self.at_peers - other.at_peers,
            returned: self.returned - other.returned,
            lost: self.lost - other.lost,
        }
    }
}
