//! What has come and is not passed on yet.

use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use tokio::sync::Notify;

/// How much is passed on at a time: then there is room for more.
const PIECE: usize = 65_536;

/// Bytes in one buffer, so that a byte takes no more than a byte, however small the messages are that bring them.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    bytes: BytesMut,
    ended: bool,
}

impl Inbox {
    pub(super) fn put(&self, bytes: &[u8]) {
        self.change(|state| state.bytes.extend_from_slice(bytes));
    }

    /// Nothing follows.
    pub(super) fn end(&self) {
        self.change(|state| state.ended = true);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.look(|state| state.bytes.is_empty())
    }

    /// The next bytes; `None` after the last ones. To be called by one task.
    pub(super) async fn take(&self) -> Option<Bytes> {
        loop {
            let (piece, ended) = self.look(|state| {
                let length = state.bytes.len().min(PIECE);
                (state.bytes.split_to(length).freeze(), state.ended)
            });
            if !piece.is_empty() {
                return Some(piece);
            }
            if ended {
                return None;
            }
            self.changed.notified().await;
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        self.look(change);
        self.changed.notify_one();
    }

    /// Nothing is left half done under this lock.
    fn look<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        look(&mut self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
