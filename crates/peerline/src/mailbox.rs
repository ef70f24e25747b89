//! A queue of events that somebody waits at, or a handler that takes them as they come.

use std::collections::VecDeque;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use crate::endpoint::lock;

type Handler<T> = Box<dyn FnMut(T) + Send>;

pub(crate) struct Mailbox<T> {
    queue: Mutex<Queue<T>>,
    handler: Mutex<Option<Handler<T>>>,
    /// Since the handler was taken last another one was set, or the mailbox was closed.
    has_changed: AtomicBool,
}

struct Queue<T> {
    items: VecDeque<T>,
    waiting: Vec<Waker>,
    closed: bool,
    handled: bool,
}

impl<T> Mailbox<T> {
    pub(crate) fn new() -> Self {
        let queue = Queue { items: VecDeque::new(), waiting: Vec::new(), closed: false, handled: false };
        Self { queue: Mutex::new(queue), handler: Mutex::new(None), has_changed: AtomicBool::new(false) }
    }

    /// For whoever waits, or for the handler: then `true`. Called by the driver alone, so that handlers see things in their
    /// order.
    pub(crate) fn deliver(&self, items: impl IntoIterator<Item = T>) -> bool {
        let mut queue = lock(&self.queue);
        if queue.handled {
            drop(queue);
            self.handle(items);
            return true;
        }
        queue.items.extend(items);
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        waiting.into_iter().for_each(Waker::wake);
        false
    }

    /// The handler is out of its place while it runs: it may set another one, which has what follows. All items are taken,
    /// whatever becomes of the handler: whoever counts them has delivered them.
    fn handle(&self, items: impl IntoIterator<Item = T>) {
        let mut items = items.into_iter();
        let Some(mut handler) = self.take_handler() else {
            return items.for_each(drop);
        };
        while let Some(item) = items.next() {
            // A handler's panic is the application's, and no reason to stop what serves other connections, too.
            if std::panic::catch_unwind(AssertUnwindSafe(|| handler(item))).is_err() {
                tracing::error!("an event handler panicked; it is not called again");
                return items.for_each(drop);
            }
            if self.has_changed.load(Ordering::Relaxed) {
                match self.take_handler() {
                    Some(other) => handler = other,
                    None => return items.for_each(drop),
                }
            }
        }
        if !lock(&self.queue).closed {
            self.put_back(handler);
        }
    }

    /// Unless there is another one by now. A handler may own what ends with it and calls in here, so that none is dropped
    /// under the lock.
    fn put_back(&self, handler: Handler<T>) {
        let mut place = lock(&self.handler);
        let superseded = match &*place {
            Some(_) => Some(handler),
            None => place.replace(handler),
        };
        drop(place);
        drop(superseded);
    }

    fn take_handler(&self) -> Option<Handler<T>> {
        let mut handler = lock(&self.handler);
        self.has_changed.store(false, Ordering::Relaxed);
        handler.take()
    }

    /// From now on items go to a handler; those that wait go to it at once, each shown to `has_waited` before.
    pub(crate) fn set_handler(&self, handler: Handler<T>, has_waited: impl Fn(&T)) {
        let before = {
            let mut place = lock(&self.handler);
            self.has_changed.store(true, Ordering::Relaxed);
            place.replace(handler)
        };
        drop(before);
        loop {
            let mut queue = lock(&self.queue);
            let Some(item) = queue.items.pop_front() else {
                queue.handled = true;
                return;
            };
            drop(queue);
            has_waited(&item);
            self.handle([item]);
        }
    }

    /// Nothing follows.
    pub(crate) fn close(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        let waiting = std::mem::take(&mut queue.waiting);
        drop(queue);
        // What it holds is let go.
        let handler = self.take_handler();
        self.has_changed.store(true, Ordering::Relaxed);
        drop(handler);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Nobody will read: what waits is dropped, and what comes.
    pub(crate) fn discard(&self) {
        self.close();
        let items = {
            let mut queue = lock(&self.queue);
            queue.handled = true;
            std::mem::take(&mut queue.items)
        };
        drop(items);
    }

    /// The next item; `None`: nothing follows.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut queue = lock(&self.queue);
        match queue.items.pop_front() {
            Some(item) => Poll::Ready(Some(item)),
            None if queue.closed => Poll::Ready(None),
            None => {
                if !queue.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    queue.waiting.push(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Mailbox<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Mailbox")
            .field("waiting", &lock(&self.queue).items.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "what is looked at is what follows")]

    use std::sync::Arc;

    use super::*;

    /// Or what counts against the receive window would count for ever.
    #[test]
    fn after_a_handlers_panic_what_comes_is_taken_and_dropped() {
        let mailbox = Mailbox::new();
        mailbox.set_handler(Box::new(|_| panic!("the application's fault")), |_| ());
        for _ in 0..2 {
            let mut taken = 0;
            assert!(mailbox.deliver((0..3).inspect(|_| taken += 1)));
            assert_eq!(taken, 3);
        }
    }

    #[test]
    fn a_handler_that_is_replaced_may_call_into_its_mailbox_as_it_ends() {
        struct Owner(Arc<Mailbox<u32>>);
        impl Drop for Owner {
            fn drop(&mut self) {
                self.0.set_handler(Box::new(drop), |_| ());
            }
        }
        let mailbox = Arc::new(Mailbox::new());
        let owner = Owner(mailbox.clone());
        mailbox.set_handler(
            Box::new(move |_| {
                let _ = &owner;
            }),
            |_| (),
        );
        mailbox.set_handler(Box::new(drop), |_| ());
        assert!(mailbox.deliver([1]));
    }
}
