//! Whether the router opens a port when it is asked.

use std::net::{IpAddr, SocketAddrV4};
use std::time::Duration;

use peerline::{PortMappingProtocol, PortMappingTrial};

use super::super::evidence::{Interface, OpenedPort, PortMapping};

/// For how long the router is asked: the search of UPnP alone may take four seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks the router of the first interface that has one.
pub(super) async fn ask(interfaces: &[Interface]) -> Option<PortMapping> {
    for interface in interfaces {
        if let IpAddr::V4(address) = interface.address
            && let Ok(Some(trial)) = PortMappingTrial::run(address, PATIENCE).await
        {
            return Some(evidence(trial));
        }
    }
    None
}

fn evidence(trial: PortMappingTrial) -> PortMapping {
    let opened = |(protocol, external): (PortMappingProtocol, SocketAddrV4)| OpenedPort {
        protocol: protocol.to_string(),
        external: external.into(),
    };
    PortMapping {
        router: trial.router.into(),
        local: trial.internal.into(),
        granted: trial.granted.map(opened),
    }
}
