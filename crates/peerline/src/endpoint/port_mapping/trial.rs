//! Whether the router forwards ports, for those who only want to know.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use peerline_portmap as portmap;
use tokio::net::UdpSocket;
use tokio::time::sleep;

use super::{Way, find, gateway, unless_stopped};

/// What came of asking the default router to forward a port to this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortMappingTrial {
    /// The router.
    pub router: Ipv4Addr,
    /// The socket that it was to forward to.
    pub internal: SocketAddrV4,
    /// By which protocol it did, and from where; `None` where it didn't in time.
    pub granted: Option<(PortMappingProtocol, SocketAddrV4)>,
}

/// How a router is asked to forward a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PortMappingProtocol {
    /// RFC 6887.
    Pcp,
    /// RFC 6886.
    NatPmp,
    /// UPnP-IGD.
    Upnp,
}

impl From<portmap::Protocol> for PortMappingProtocol {
    fn from(protocol: portmap::Protocol) -> Self {
        match protocol {
            portmap::Protocol::Pcp => Self::Pcp,
            portmap::Protocol::NatPmp => Self::NatPmp,
        }
    }
}

impl Display for PortMappingProtocol {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Pcp => "PCP",
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        })
    }
}

impl PortMappingTrial {
    /// Asks the default router that `address` of this machine has, for as long as `patience`, and gives back what it grants.
    /// `None`: the address is none that a NAT stands before, or has no router.
    ///
    /// # Errors
    ///
    /// No socket can be had at that address.
    pub async fn run(address: Ipv4Addr, patience: Duration) -> io::Result<Option<Self>> {
        if !portmap::is_behind_nat(address.into()) {
            return Ok(None);
        }
        let Some(router) = gateway::default_gateway(address.into()) else { return Ok(None) };
        // Kept, so that it is nobody else's port that is opened meanwhile.
        let socket = UdpSocket::bind((address, 0)).await?;
        let SocketAddr::V4(internal) = socket.local_addr()? else { return Ok(None) };
        let asked = AtomicBool::new(false);
        let found = unless_stopped(find(internal, router, &asked), &asked, sleep(patience)).await.flatten();
        let granted = found.as_ref().and_then(Way::granted);
        if let Some(way) = found {
            way.end().await;
        }
        Ok(Some(Self { router, internal, granted }))
    }
}
