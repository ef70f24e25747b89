//! The ICE servers that participants are told: this machine, by every way in, and further TURN servers that know the same
//! secret, with a credential of their own.

use std::fmt::Display;
use std::time::Duration;

use peerline_signaling::ParticipantId;
use peerline_signaling::hub::IceGrant;
use peerline_signaling::message::{Ice, IceServer};

use crate::config::Secret;

/// How long a credential is good. The hub sends the next one after three quarters of it.
const LIFE: Duration = Duration::from_secs(3600);

/// Makes the W3C's `RTCIceServer` dictionaries.
#[derive(Debug, Clone)]
pub(crate) struct IceServerUrls {
    secret: Secret,
    udp_port: u16,
    tcp_port: u16,
    /// Of other machines.
    further: Vec<String>,
}

impl IceServerUrls {
    pub(crate) fn new(secret: Secret, udp_port: u16, tcp_port: u16, further: Vec<String>) -> Self {
        Self { secret, udp_port, tcp_port, further }
    }

    /// `host` is a name or an address (IPv6 in brackets) under which the participant reaches us; `now` since 1970.
    pub(crate) fn grant(&self, host: impl Display, participant: &ParticipantId, now: Duration) -> IceGrant {
        let (udp, tcp) = (self.udp_port, self.tcp_port);
        let expires = (now + LIFE).as_secs();
        let issued = peerline_turn::issue(self.secret.reveal().as_bytes(), &participant.to_string(), expires);
        let stun = IceServer { urls: vec![format!("stun:{host}:{udp}")], username: None, credential: None };
        // RFC 7065 §3.1. In the order of what serves a call best.
        let here = vec![
            format!("turn:{host}:{udp}?transport=udp"),
            format!("turn:{host}:{tcp}?transport=tcp"),
            format!("turns:{host}:{tcp}?transport=tcp"),
        ];
        let turn = [here, self.further.clone()].into_iter().filter(|urls| !urls.is_empty());
        let turn = turn.map(|urls| IceServer {
            urls,
            username: Some(issued.username.clone()),
            credential: Some(issued.password.clone()),
        });
        let servers = [stun].into_iter().chain(turn).collect();
        IceGrant { ice: Ice { servers, expires }, lifetime: LIFE }
    }
}
