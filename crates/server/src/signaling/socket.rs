//! A WebSocket as many tasks see it: each writes what it has for the client, the connection's own task reads.
//!
//! A frame is written by the task that has it, so that a message costs no wake-up for each of its receivers. Where the
//! other side doesn't take it at once, the connection's own task is woken and goes on with it.

use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker, ready};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::lock;

/// Frames are gathered up to here, in bytes, before they are written.
const BATCH: usize = 16 * 1024;
/// RFC 6455 §5.2: the only fragment of a text message.
const TEXT: u8 = 0x81;

/// What carries a WebSocket: TCP, TLS, or a stream of HTTP/2.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One WebSocket.
pub(super) struct Socket {
    /// Locked for a copy at most: the hub waits for it.
    queue: Mutex<Queue>,
    /// Locked while the system is called, so never by whoever holds the hub, and never by whoever holds `queue`.
    line: Mutex<Line>,
    task: AtomicWaker,
}

/// What waits to be written.
#[derive(Default)]
struct Queue {
    frames: Vec<u8>,
    /// Whether there was more than a batch to put here.
    has_more: bool,
    /// Whether the close frame has been put here: nothing may follow it (RFC 6455 §5.5.1).
    has_ended: bool,
}

/// The stream, and what it is taking just now.
struct Line {
    stream: Box<dyn Stream>,
    batch: Vec<u8>,
    written: usize,
    is_flushed: bool,
    /// Whether writing is left to the connection's own task, which waits for the stream.
    is_blocked: bool,
}

impl Socket {
    pub(super) fn new(stream: Box<dyn Stream>) -> Self {
        let line = Line { stream, batch: Vec::new(), written: 0, is_flushed: true, is_blocked: false };
        Self { queue: Mutex::default(), line: Mutex::new(line), task: AtomicWaker::new() }
    }

    /// The connection's own task is to be woken by this.
    pub(super) fn register(&self, waker: &Waker) {
        self.task.register(waker);
    }

    /// Wakes the connection's own task.
    pub(super) fn wake(&self) {
        self.task.wake();
    }

    /// Lets `fill` put frames in line. It returns whether it had more than there was room for.
    pub(super) fn put(&self, fill: impl FnOnce(&mut Frames<'_>) -> bool) {
        let mut queue = lock(&self.queue);
        let Queue { frames, has_more, has_ended } = &mut *queue;
        if !*has_ended {
            *has_more = frames.len() >= BATCH || fill(&mut Frames(frames));
        }
    }

    /// Whether there was more than a batch to put in line.
    pub(super) fn has_more(&self) -> bool {
        lock(&self.queue).has_more
    }

    /// Writes what the stream takes at once; the rest is the connection's own task's to write.
    pub(super) fn flush(&self) {
        let mut line = lock(&self.line);
        if line.is_blocked {
            return;
        }
        // An error will meet the task, too.
        let is_done = matches!(
            line.poll_flush(&mut Context::from_waker(Waker::noop()), &self.queue),
            Poll::Ready(Ok(()))
        );
        line.is_blocked = !is_done;
        drop(line);
        if !is_done || self.has_more() {
            self.wake();
        }
    }

    /// Writes everything that is in line. For the connection's own task only: the stream will wake it.
    pub(super) fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut line = lock(&self.line);
        let result = line.poll_flush(context, &self.queue);
        line.is_blocked = result.is_pending();
        result
    }

    fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        ready!(Pin::new(&mut lock(&self.line).stream).poll_read(context, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Nothing but what [`Wire`] writes is put in line from now on.
    pub(super) fn end(&self) {
        let mut queue = lock(&self.queue);
        queue.has_ended = true;
        queue.has_more = false;
    }
}

impl Line {
    fn poll_flush(&mut self, context: &mut Context<'_>, queue: &Mutex<Queue>) -> Poll<io::Result<()>> {
        loop {
            while let Some(rest) = self.batch.get(self.written..).filter(|rest| !rest.is_empty()) {
                match ready!(Pin::new(&mut self.stream).poll_write(context, rest))? {
                    0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                    written => self.written += written,
                }
                self.is_flushed = false;
            }
            // An idle connection holds no buffer.
            self.batch = std::mem::take(&mut lock(queue).frames);
            self.written = 0;
            if self.batch.is_empty() {
                break;
            }
        }
        if !self.is_flushed {
            ready!(Pin::new(&mut self.stream).poll_flush(context))?;
            self.is_flushed = true;
        }
        Poll::Ready(Ok(()))
    }
}

/// Frames in line.
pub(super) struct Frames<'a>(&'a mut Vec<u8>);

impl Frames<'_> {
    /// Adds one text message (RFC 6455 §5.2: a server's frames are not masked). Returns whether there is room for more.
    pub(super) fn push(&mut self, text: &[u8]) -> bool {
        let Self(frames) = self;
        frames.reserve(text.len() + 10);
        frames.push(TEXT);
        match text.len() {
            length @ 0..=125 => frames.push(length as u8),
            length @ 126..=0xffff => {
                frames.push(126);
                frames.extend_from_slice(&(length as u16).to_be_bytes());
            }
            length => {
                frames.push(127);
                frames.extend_from_slice(&(length as u64).to_be_bytes());
            }
        }
        frames.extend_from_slice(text);
        frames.len() < BATCH
    }
}

/// A socket as the WebSocket library sees it from the connection's own task: it reads from the stream, and what it has
/// to write itself (pongs, the close frame) takes its turn among the frames.
pub(super) struct Wire<'a, 'b> {
    pub(super) socket: &'a Socket,
    pub(super) context: &'a mut Context<'b>,
}

impl io::Read for Wire<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.socket.poll_read(self.context, buffer) {
            Poll::Ready(result) => result,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl io::Write for Wire<'_, '_> {
    /// Takes a whole number of frames, or nothing.
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        let mut queue = lock(&self.socket.queue);
        if queue.frames.len() >= BATCH {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        queue.frames.extend_from_slice(frames);
        Ok(frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.socket.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use tokio::io::{AsyncReadExt, DuplexStream, duplex};

    use super::*;

    fn socket(capacity: usize) -> (Arc<Socket>, DuplexStream) {
        let (near, far) = duplex(capacity);
        (Arc::new(Socket::new(Box::new(near))), far)
    }

    fn put(socket: &Socket, text: &[u8]) {
        socket.put(|frames| {
            frames.push(text);
            false
        });
    }

    /// Counts how often a task is woken.
    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_frame_says_its_length_in_the_shortest_form() {
        // RFC 6455 §5.2: 7 bits, 16 bits, 64 bits.
        for (length, head) in [
            (0, vec![0x81, 0]),
            (125, vec![0x81, 125]),
            (126, vec![0x81, 126, 0, 126]),
            (65_535, vec![0x81, 126, 0xff, 0xff]),
            (65_536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] {
            let (socket, mut far) = socket(100_000);
            put(&socket, &vec![b'x'; length]);
            socket.flush();
            let mut read = vec![0; head.len() + length];
            far.read_exact(&mut read).await.unwrap();
            assert!(read.starts_with(&head), "{length}");
        }
    }

    #[tokio::test]
    async fn frames_of_many_tasks_leave_whole_and_in_the_order_in_which_they_were_put() {
        let (socket, mut far) = socket(64);
        let count = Arc::new(Count::default());
        socket.register(&Waker::from(count.clone()));
        for number in 0..10_u8 {
            put(&socket, &[b'0' + number; 50]);
            socket.flush();
        }
        // The second frame met a stream that took only a part of it: its own task was told, once.
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        let writing = socket.clone();
        let written = tokio::spawn(async move { std::future::poll_fn(|cx| writing.poll_flush(cx)).await });
        for number in 0..10_u8 {
            let mut frame = [0; 52];
            far.read_exact(&mut frame).await.unwrap();
            assert_eq!(frame[..2], [TEXT, 50]);
            assert_eq!(frame[2..], [b'0' + number; 50]);
        }
        written.await.unwrap().unwrap();
        // From here on others write again.
        put(&socket, b"a");
        socket.flush();
        let mut frame = [0; 3];
        far.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame, [TEXT, 1, b'a']);
    }

    #[tokio::test]
    async fn not_more_than_a_batch_is_taken_from_the_hub() {
        let (socket, _far) = socket(64);
        let mut left = 100;
        let mut fill = || {
            socket.put(|frames| {
                loop {
                    left -= 1;
                    if !frames.push(&[b'x'; 1_000]) {
                        return true;
                    }
                }
            });
            left
        };
        assert_eq!(fill(), 100 - 17);
        assert_eq!(fill(), 100 - 17);
        assert!(socket.has_more());
    }

    #[tokio::test]
    async fn nothing_follows_the_end() {
        let (socket, mut far) = socket(64);
        put(&socket, b"before");
        socket.end();
        put(&socket, b"after");
        socket.flush();
        drop(socket);
        let mut read = Vec::new();
        far.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"\x81\x06before");
    }
}
