//! Permissions and channels (RFC 8656 §9 and §12).

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// A permission lasts 5 minutes (RFC 8656 §9); it is renewed after 4.
const RENEW_PERMISSION: Duration = Duration::from_secs(240);
/// A channel lasts 10 minutes (RFC 8656 §12); it is bound again after 9.
const RENEW_CHANNEL: Duration = Duration::from_secs(540);

/// RFC 8656 §12. Numbers aren't used again: a channel that ran out is kept from other peers for a while.
const FIRST_CHANNEL: u16 = 0x4000;
/// As many as servers allow an allocation.
const CHANNELS_MAX: usize = 64;
const PERMISSIONS_MAX: usize = 128;

/// Where a permission or a binding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grant {
    Asked,
    Granted {
        renew: Instant,
    },
    /// A renewal is on its way; what was granted still holds.
    Renewing,
    Refused,
}

impl Grant {
    const fn is_good(self) -> bool {
        matches!(self, Self::Granted { .. } | Self::Renewing)
    }

    fn is_due(self, now: Instant) -> bool {
        matches!(self, Self::Granted { renew } if renew <= now)
    }

    const fn due(self) -> Option<Instant> {
        match self {
            Self::Granted { renew } => Some(renew),
            _ => None,
        }
    }
}

#[derive(Debug)]
struct Channel {
    peer: SocketAddr,
    grant: Grant,
    wanted: bool,
}

#[derive(Debug, Default)]
pub(super) struct Peers {
    permissions: BTreeMap<IpAddr, Grant>,
    /// The channel at position n has the number `FIRST_CHANNEL` + n.
    channels: Vec<Channel>,
}

impl Peers {
    /// Whether a permission has to be asked for.
    pub fn permit(&mut self, peer: IpAddr) -> bool {
        if self.permissions.contains_key(&peer) || self.permissions.len() >= PERMISSIONS_MAX {
            return false;
        }
        self.permissions.insert(peer, Grant::Asked);
        true
    }

    pub fn permitted(&mut self, now: Instant, peers: &[IpAddr]) {
        for peer in peers {
            if let Some(grant) = self.permissions.get_mut(peer) {
                *grant = Grant::Granted { renew: now + RENEW_PERMISSION };
            }
        }
    }

    pub fn refuse(&mut self, peer: IpAddr) {
        if let Some(grant) = self.permissions.get_mut(&peer) {
            *grant = Grant::Refused;
        }
    }

    pub fn is_permitted(&self, peer: IpAddr) -> bool {
        self.permissions.get(&peer).is_some_and(|grant| *grant != Grant::Refused)
    }

    /// The number to bind, if there is something to ask for.
    pub fn bind(&mut self, peer: SocketAddr) -> Option<u16> {
        if let Some(channel) = self.channels.iter_mut().find(|channel| channel.peer == peer) {
            channel.wanted = true;
            return None;
        }
        if self.channels.len() >= CHANNELS_MAX {
            return None;
        }
        self.channels.push(Channel { peer, grant: Grant::Asked, wanted: true });
        u16::try_from(self.channels.len() - 1).ok().map(|position| FIRST_CHANNEL + position)
    }

    /// Whether the channel was not bound before.
    pub fn bound(&mut self, now: Instant, number: u16) -> bool {
        let Some(channel) = self.by_number(number) else {
            return false;
        };
        let before = channel.grant.is_good();
        channel.grant = Grant::Granted { renew: now + RENEW_CHANNEL };
        !before
    }

    pub fn not_bound(&mut self, number: u16) {
        if let Some(channel) = self.by_number(number) {
            channel.grant = Grant::Refused;
        }
    }

    fn by_number(&mut self, number: u16) -> Option<&mut Channel> {
        self.channels.get_mut(usize::from(number.checked_sub(FIRST_CHANNEL)?))
    }

    pub fn channel(&self, peer: SocketAddr) -> Option<u16> {
        let position =
            self.channels.iter().position(|channel| channel.peer == peer && channel.grant.is_good())?;
        u16::try_from(position).ok().map(|position| FIRST_CHANNEL + position)
    }

    /// Takes ChannelData apart (RFC 8656 §12.6). A channel that is being bound counts: the server may be faster with a peer's
    /// datagram than with its answer.
    pub fn channel_data<'a>(&self, message: &'a [u8]) -> Option<(SocketAddr, &'a [u8])> {
        let (&[a, b, high, low], payload) = message.split_first_chunk::<4>()?;
        let position = u16::from_be_bytes([a, b]).checked_sub(FIRST_CHANNEL)?;
        let channel = self.channels.get(usize::from(position))?;
        let payload = payload.get(..usize::from(u16::from_be_bytes([high, low])))?;
        (channel.grant != Grant::Refused).then_some((channel.peer, payload))
    }

    pub fn retain(&mut self, is_wanted: impl Fn(IpAddr) -> bool) {
        self.permissions.retain(|peer, _| is_wanted(*peer));
        for channel in &mut self.channels {
            channel.wanted = is_wanted(channel.peer.ip());
        }
    }

    /// The permissions to be renewed now.
    pub fn due_permissions(&mut self, now: Instant) -> Vec<IpAddr> {
        let due = self.permissions.iter_mut().filter(|(_, grant)| grant.is_due(now));
        due.map(|(peer, grant)| {
            *grant = Grant::Renewing;
            *peer
        })
        .collect()
    }

    /// The channels to be bound again now.
    pub fn due_channels(&mut self, now: Instant) -> Vec<(u16, SocketAddr)> {
        let mut due = Vec::new();
        for (number, channel) in (FIRST_CHANNEL..).zip(&mut self.channels) {
            if channel.grant.is_due(now) && channel.wanted {
                channel.grant = Grant::Renewing;
                due.push((number, channel.peer));
            } else if channel.grant.is_due(now) {
                channel.grant = Grant::Refused;
            }
        }
        due
    }

    pub fn next_due(&self) -> Option<Instant> {
        let permissions = self.permissions.values().filter_map(|grant| grant.due());
        permissions.chain(self.channels.iter().filter_map(|channel| channel.grant.due())).min()
    }
}
