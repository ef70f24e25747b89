//! The peers of one allocation: permissions (RFC 8656 §9) and channels (§12).
//!
//! What has expired stays in its table until something is added, and is never looked at: each look compares times.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// How long a permission lasts (RFC 8656 §9).
const PERMISSION_LIFETIME: Duration = Duration::from_secs(300);
/// How long a channel binding lasts (RFC 8656 §12).
const CHANNEL_LIFETIME: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy)]
struct Permission {
    ip: IpAddr,
    expires: Instant,
    own: bool,
}

/// One channel. It carries its peer's permission with it, so that a packet needs one look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Channel {
    pub number: u16,
    pub peer: SocketAddr,
    /// Whether the peer is one of the server's own addresses, where only live relay ports may be sent to.
    pub own: bool,
    bound_until: Instant,
    permitted_until: Instant,
}

impl Channel {
    #[inline]
    pub fn is_bound(&self, now: Instant) -> bool {
        now < self.bound_until
    }

    #[inline]
    pub fn is_permitted(&self, now: Instant) -> bool {
        now < self.permitted_until
    }
}

/// Why a channel can't be bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindError {
    /// The number or the peer is bound already, to something else.
    Taken,
    /// There are as many channels or permissions as there may be.
    Full,
}

#[derive(Debug, Default)]
pub(crate) struct Peers {
    permissions: Vec<Permission>,
    channels: Vec<Channel>,
}

impl Peers {
    /// The channel of that number, bound or expired.
    #[inline]
    pub fn channel(&self, number: u16) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.number == number)
    }

    /// The channel of that peer, bound or expired.
    #[inline]
    pub fn channel_of(&self, peer: SocketAddr) -> Option<&Channel> {
        self.channels.iter().find(|channel| channel.peer == peer)
    }

    /// Whether there is a permission for `ip`, and if so, whether it is one of the server's own addresses.
    #[inline]
    pub fn permitted(&self, now: Instant, ip: IpAddr) -> Option<bool> {
        let permission = self.permissions.iter().find(|permission| permission.ip == ip)?;
        (now < permission.expires).then_some(permission.own)
    }

    /// Whether permissions for all of `ips` fit.
    pub fn has_room(&mut self, now: Instant, ips: impl Iterator<Item = IpAddr>, limit: usize) -> bool {
        self.permissions.retain(|permission| now < permission.expires);
        let mut new: Vec<IpAddr> =
            ips.filter(|ip| self.permissions.iter().all(|permission| permission.ip != *ip)).collect();
        new.sort_unstable();
        new.dedup();
        self.permissions.len() + new.len() <= limit
    }

    /// Installs or refreshes a permission.
    pub fn permit(&mut self, now: Instant, ip: IpAddr, own: bool) {
        let expires = now + PERMISSION_LIFETIME;
        match self.permissions.iter_mut().find(|permission| permission.ip == ip) {
            Some(permission) => permission.expires = expires,
            None => self.permissions.push(Permission { ip, expires, own }),
        }
        for channel in self.channels.iter_mut().filter(|channel| channel.peer.ip() == ip) {
            channel.permitted_until = expires;
        }
    }

    /// Binds a channel, or refreshes it, and with it the permission (RFC 8656 §12.2).
    pub fn bind(
        &mut self,
        now: Instant,
        number: u16,
        peer: SocketAddr,
        own: bool,
        limits: &crate::Limits,
    ) -> Result<(), BindError> {
        self.channels.retain(|channel| channel.is_bound(now));
        let known = self.channels.iter().position(|channel| channel.number == number || channel.peer == peer);
        let full = known.is_none() && self.channels.len() >= limits.channels;
        if full || !self.has_room(now, std::iter::once(peer.ip()), limits.permissions) {
            return Err(BindError::Full);
        }
        let bound_until = now + CHANNEL_LIFETIME;
        match known.and_then(|known| self.channels.get_mut(known)) {
            Some(channel) if channel.number != number || channel.peer != peer => {
                return Err(BindError::Taken);
            }
            Some(channel) => channel.bound_until = bound_until,
            None => self.channels.push(Channel { number, peer, own, bound_until, permitted_until: now }),
        }
        self.permit(now, peer.ip(), own);
        Ok(())
    }

    /// Forgets the peers of one family.
    pub fn forget(&mut self, ipv4: bool) {
        self.permissions.retain(|permission| permission.ip.is_ipv4() != ipv4);
        self.channels.retain(|channel| channel.peer.is_ipv4() != ipv4);
    }
}
