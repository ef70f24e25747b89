//! Port mappings for the sockets of an endpoint: by PCP or NAT-PMP, otherwise by UPnP-IGD.
//!
//! Nothing is sent to anybody but the default router, besides the search of UPnP on the socket's own network.

mod asking;
mod gateway;
mod upnp;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use peerline_portmap as portmap;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::asking::Asking;
use self::upnp::Upnp;
use super::{Note, Shared};

/// How long a router has to answer by PCP or NAT-PMP before UPnP is tried as well.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long it has to take a mapping back.
const LAST_WORD: Duration = Duration::from_secs(1);

/// The wish for a mapping of one socket. When it is dropped, the mapping is given back.
#[derive(Debug)]
pub(super) struct PortMapping {
    /// Where the router forwards from.
    pub(super) external: Option<SocketAddr>,
    task: JoinHandle<()>,
    _stop: oneshot::Sender<()>,
}

impl PortMapping {
    /// Asks for a mapping to the socket at `local`, for as long as this is kept. What comes of it is told by
    /// [`Note::PortMapped`]. `None` where there is no router, or no need of one.
    pub(super) fn keep(shared: &Arc<Shared>, local: SocketAddr) -> Option<Self> {
        let SocketAddr::V4(internal) = local else { return None };
        if !portmap::is_behind_nat(local.ip()) {
            return None;
        }
        let router = gateway::default_gateway(local.ip())?;
        let (stop, stopped) = oneshot::channel();
        let task = shared.runtime.spawn(run(shared.clone(), internal, router, stopped));
        Some(Self { external: None, task, _stop: stop })
    }

    /// Gives it back; resolves when the router has been told, or doesn't answer.
    pub(super) async fn end(self) {
        let Self { task, _stop: stop, .. } = self;
        drop(stop);
        let _ = task.await;
    }
}

/// A mapping, or the attempt at one, by one of the protocols.
enum Way {
    Asking(Asking),
    Upnp(Upnp),
}

async fn run(
    shared: Arc<Shared>,
    internal: SocketAddrV4,
    router: Ipv4Addr,
    mut stopped: oneshot::Receiver<()>,
) {
    let tell = |external: Option<SocketAddrV4>| {
        tracing::debug!(%internal, %router, ?external, "port mapping");
        shared.tell(Note::PortMapped { local: internal.into(), external: external.map(SocketAddr::V4) });
    };
    let mut way = tokio::select! {
        way = find(internal, router) => way,
        _ = &mut stopped => return,
    };
    tokio::select! {
        () = follow(&mut way, tell) => {}
        _ = &mut stopped => {}
    }
    if let Some(Way::Upnp(upnp)) = way {
        let _ = timeout(LAST_WORD, upnp.end()).await;
    }
}

/// The protocol in which the router grants a mapping: the first that does.
async fn find(internal: SocketAddrV4, router: Ipv4Addr) -> Option<Way> {
    let by_asking = async {
        let mut asking = Asking::begin(internal, router).ok()?;
        asking.is_mapped().await.then_some(Way::Asking(asking))
    };
    let by_upnp = async {
        sleep(HEAD_START).await;
        Upnp::begin(internal, router).await.map(Way::Upnp)
    };
    let (mut by_asking, mut by_upnp) = (pin!(by_asking), pin!(by_upnp));
    tokio::select! {
        way = &mut by_asking => match way {
            Some(way) => Some(way),
            None => by_upnp.await,
        },
        way = &mut by_upnp => match way {
            Some(way) => Some(way),
            None => by_asking.await,
        },
    }
}

/// Keeps a mapping, and tells how it is. Returns when there is none any more.
async fn follow(way: &mut Option<Way>, tell: impl Fn(Option<SocketAddrV4>)) {
    match way {
        Some(Way::Asking(asking)) => {
            tell(asking.external());
            while asking.changed().await {
                tell(asking.external());
            }
        }
        Some(Way::Upnp(upnp)) => {
            tell(Some(upnp.external()));
            while let Some(external) = upnp.renewed().await {
                tell(Some(external));
            }
            tell(None);
        }
        None => {}
    }
}
