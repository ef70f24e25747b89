//! A client's connection that carries the data of one with a peer (RFC 6062 §4.5): what comes in at one goes out at the other.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use peerline_turn::{Budgets, Statistics};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::now;
use crate::relay::connections::Waiting;
use crate::shutdown::Shutdown;

/// What is held of each direction; the rest waits with the sender.
const READ_SIZE: usize = 16 * 1024;
/// How long data waits that is over budget, before it is looked at again.
const PAUSE: Duration = Duration::from_millis(5);

/// What has been read of the client's connection beyond the request, and what is to be written to it before anything else.
pub(super) struct Begun {
    pub(super) input: Vec<u8>,
    pub(super) output: Vec<u8>,
}

/// Carries data until both sides have ended, or the allocation has. Says how much it was.
pub(super) async fn carry<R, W>(
    reader: R,
    mut writer: W,
    begun: Begun,
    waiting: Waiting,
    mut shutdown: Shutdown,
) -> Statistics
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let Waiting { peer, budgets, presence, ended, .. } = waiting;
    presence.bound();
    let (from_peer, mut to_peer) = peer.into_split();
    let (sent, received) = (AtomicU64::new(0), AtomicU64::new(0));
    let toward_peer = async {
        to_peer.write_all(&begun.input).await?;
        pass(reader, to_peer, &budgets, &sent).await
    };
    let toward_client = async {
        writer.write_all(&begun.output).await?;
        writer.flush().await?;
        pass(from_peer, writer, &budgets, &received).await
    };
    let both = async { tokio::try_join!(toward_peer, toward_client) };
    tokio::select! {
        // Which side broke it makes no difference to the other.
        _ = both => {}
        _ = ended => {}
        () = shutdown.closing() => {}
    }
    let mut statistics = Statistics::default();
    statistics.bytes_from_clients = sent.into_inner();
    statistics.bytes_from_peers = received.into_inner();
    statistics
}

/// One direction, to its end, which is passed on like the data.
async fn pass<R, W>(mut from: R, mut to: W, budgets: &Budgets, passed: &AtomicU64) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        while !budgets.admit_stream(now(), length) {
            tokio::time::sleep(PAUSE).await;
        }
        to.write_all(buffer.get(..length).unwrap_or_default()).await?;
        to.flush().await?;
        passed.fetch_add(length as u64, Ordering::Relaxed);
    }
}
