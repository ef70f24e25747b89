//! Port mappings for the sockets of an endpoint: by PCP or NAT-PMP, otherwise by UPnP-IGD.
//!
//! Nothing is sent to anybody but the default router, besides the search of UPnP on the socket's own network.

mod asking;
mod gateway;
mod trial;
mod upnp;

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use peerline_portmap as portmap;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use self::asking::Asking;
pub use self::trial::{PortMappingProtocol, PortMappingTrial};
use self::upnp::Upnp;
use super::{Note, Shared};

/// How long a router has to answer by PCP or NAT-PMP before UPnP is tried as well.
const HEAD_START: Duration = Duration::from_millis(500);
/// How long it has to take a mapping back.
const LAST_WORD: Duration = Duration::from_secs(1);
/// How long it has to grant one that isn't needed any more, as another protocol was quicker: then that is given back as well.
const TOO_LATE: Duration = Duration::from_secs(5);
/// When a router that has lost a mapping is asked for it again; each further pause is twice as long, up to the other.
const AGAIN: Duration = Duration::from_secs(30);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

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

impl Way {
    /// By which protocol the router forwards, and from where.
    fn granted(&self) -> Option<(PortMappingProtocol, SocketAddrV4)> {
        match self {
            Self::Asking(asking) => asking.protocol().map(PortMappingProtocol::from).zip(asking.external()),
            Self::Upnp(upnp) => Some((PortMappingProtocol::Upnp, upnp.external())),
        }
    }

    /// Gives the mapping back.
    async fn end(self) {
        if let Self::Upnp(upnp) = self {
            let _ = timeout(LAST_WORD, upnp.end()).await;
        }
    }
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
    let mut pause = AGAIN;
    let mut was_mapped = false;
    loop {
        let asked = AtomicBool::new(false);
        let finding = find(internal, router, &asked);
        let Some(found) = unless_stopped(finding, &asked, &mut stopped).await else { return };
        if let Some(mut way) = found {
            (was_mapped, pause) = (true, AGAIN);
            tokio::select! {
                () = follow(&mut way, &tell) => {}
                _ = &mut stopped => return way.end().await,
            }
        }
        // A router that has never granted any won't learn to; one that has was perhaps only started anew.
        if !was_mapped {
            return;
        }
        tokio::select! {
            () = sleep(pause) => pause = LONGEST_PAUSE.min(pause * 2),
            _ = &mut stopped => return,
        }
    }
}

/// What is found; `None` when it was stopped before. A router that was `asked` for a mapping may grant it while we go:
/// that one is given back as well.
async fn unless_stopped(
    found: impl Future<Output = Option<Way>>,
    asked: &AtomicBool,
    stopped: impl Future,
) -> Option<Option<Way>> {
    let mut found = pin!(found);
    tokio::select! {
        way = &mut found => return Some(way),
        _ = stopped => {}
    }
    if asked.load(Ordering::Relaxed)
        && let Ok(Some(way)) = timeout(LAST_WORD, found).await
    {
        way.end().await;
    }
    None
}

/// The protocol in which the router grants a mapping: the first that does. `asked` is set once UPnP has been asked for one.
async fn find(internal: SocketAddrV4, router: Ipv4Addr, asked: &AtomicBool) -> Option<Way> {
    let by_asking = async {
        let mut asking = Asking::begin(internal, router).ok()?;
        asking.is_mapped().await.then_some(Way::Asking(asking))
    };
    let by_upnp = async {
        sleep(HEAD_START).await;
        Upnp::begin(internal, router, asked).await.map(Way::Upnp)
    };
    first(by_asking, by_upnp, asked).await
}

/// The first that is found. UPnP may have been asked when the other one is: what it grants yet is given back.
async fn first(
    by_asking: impl Future<Output = Option<Way>>,
    by_upnp: impl Future<Output = Option<Way>>,
    asked: &AtomicBool,
) -> Option<Way> {
    let (mut by_asking, mut by_upnp) = (pin!(by_asking), pin!(by_upnp));
    tokio::select! {
        way = &mut by_asking => match way {
            Some(way) => {
                if asked.load(Ordering::Relaxed)
                    && let Ok(Some(other)) = timeout(TOO_LATE, by_upnp).await
                {
                    other.end().await;
                }
                Some(way)
            }
            None => by_upnp.await,
        },
        way = &mut by_upnp => match way {
            Some(way) => Some(way),
            None => by_asking.await,
        },
    }
}

/// Keeps a mapping, and tells how it is. Returns when there is none any more.
async fn follow(way: &mut Way, tell: impl Fn(Option<SocketAddrV4>)) {
    match way {
        Way::Asking(asking) => {
            tell(asking.external());
            while asking.changed().await {
                tell(asking.external());
            }
        }
        Way::Upnp(upnp) => {
            tell(Some(upnp.external()));
            while let Some(external) = upnp.renewed().await {
                tell(Some(external));
            }
            tell(None);
        }
    }
}
