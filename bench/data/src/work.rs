//! What an application does on its data channel, as a machine without input and output: each stack runs it where its
//! own applications would (a callback, a task, a loop), so that no stack pays for another's shape.

use std::{
    sync::mpsc::Sender,
    time::{Duration, Instant},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::usage;

/// Messages up to this many bytes are sent back by the answerer; longer ones are only taken.
pub const ECHOED: usize = 64;

/// What one side saw of one connection's work.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct Measure {
    /// From the open channel to the end of the work, seconds.
    pub seconds: f64,
    /// CPU of this side's process in that time, seconds, user and system.
    pub cpu: f64,
    /// Payload that the other side has confirmed, bytes.
    pub bytes: u64,
    /// Round trips, seconds, sorted.
    pub round_trips: Vec<f64>,
}

/// One side's work on one channel.
pub struct Work {
    task: Task,
    begun: Option<(Instant, Duration)>,
    report: Option<Sender<Measure>>,
    measure: Measure,
}

enum Task {
    /// Messages one after the other, as many as the channel takes; then a short one, whose echo says that all arrived.
    Stream { message: Bytes, left: u64, until: Duration, end: End },
    /// A short message; when its echo is here, the next.
    Ping { message: Bytes, left: u32, warm_up: u32, sent: Option<Instant> },
    /// Echoes of short messages still to be sent.
    Echo { message: Bytes, owed: u32 },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Unsent,
    Sent,
}

impl Work {
    /// Sends `total` bytes in messages of `size`, or fewer when `until` has passed.
    pub fn stream(total: u64, size: usize, until: Duration, report: Sender<Measure>) -> Self {
        let message = Bytes::from((0..size).map(|index| index as u8).collect::<Vec<_>>());
        let left = total.div_ceil(size as u64);
        Self::new(Task::Stream { message, left, until, end: End::Unsent }, report)
    }

    /// Sends a short message and waits for its echo, `warm_up` times unmeasured and `count` times measured.
    pub fn ping(warm_up: u32, count: u32, report: Sender<Measure>) -> Self {
        Self::new(Task::Ping { message: short(), left: warm_up + count, warm_up, sent: None }, report)
    }

    /// The answerer's: sends short messages back, takes long ones.
    ///
    /// Its measure ends with the first echo sent, which ends a stream.
    pub fn echo(report: Sender<Measure>) -> Self {
        Self::new(Task::Echo { message: short(), owed: 0 }, report)
    }

    fn new(task: Task, report: Sender<Measure>) -> Self {
        Self { task, begun: None, report: Some(report), measure: Measure::default() }
    }

    /// The channel is open. Saying so twice does no harm.
    pub fn opened(&mut self) {
        self.begun.get_or_insert_with(|| (Instant::now(), usage::cpu()));
    }

    /// A message came.
    pub fn received(&mut self, payload: &[u8]) {
        match &mut self.task {
            Task::Stream { .. } => self.finish(),
            Task::Ping { left, warm_up, sent, .. } => {
                let Some(sent) = sent.take() else { return };
                let seconds = sent.elapsed().as_secs_f64();
                *left -= 1;
                match warm_up {
                    0 => self.measure.round_trips.push(seconds),
                    _ => *warm_up -= 1,
                }
                if *left == 0 {
                    self.measure.round_trips.sort_unstable_by(f64::total_cmp);
                    self.finish();
                }
            }
            Task::Echo { owed, .. } => {
                if payload.len() <= ECHOED {
                    *owed += 1;
                } else {
                    self.measure.bytes += payload.len() as u64;
                }
            }
        }
    }

    /// The message to send next, if one is due. It stays due until [`Self::sent`].
    pub fn next(&mut self) -> Option<Bytes> {
        let (begun, _) = self.begun?;
        match &mut self.task {
            Task::Stream { message, left, until, end } => {
                if *left > 0 && begun.elapsed() < *until {
                    return Some(message.clone());
                }
                *left = 0;
                (*end == End::Unsent).then(short)
            }
            Task::Ping { message, left, sent, .. } => (*left > 0 && sent.is_none()).then(|| message.clone()),
            Task::Echo { message, owed } => (*owed > 0).then(|| message.clone()),
        }
    }

    /// The channel has taken the message.
    ///
    /// Stacks that may deliver an answer before their send returns say this first.
    pub fn sent(&mut self) {
        match &mut self.task {
            Task::Stream { message, left, end, .. } => {
                if *left > 0 {
                    *left -= 1;
                    self.measure.bytes += message.len() as u64;
                } else {
                    *end = End::Sent;
                }
            }
            Task::Ping { sent, .. } => *sent = Some(Instant::now()),
            Task::Echo { owed, .. } => {
                *owed -= 1;
                self.finish();
            }
        }
    }

    fn finish(&mut self) {
        // A second echo of the same work has nobody to report to.
        let (Some(report), Some((begun, cpu))) = (self.report.take(), self.begun) else { return };
        self.measure.seconds = begun.elapsed().as_secs_f64();
        self.measure.cpu = usage::cpu().saturating_sub(cpu).as_secs_f64();
        // Nobody listens any more when the measurement was given up.
        let _ = report.send(std::mem::take(&mut self.measure));
    }
}

fn short() -> Bytes {
    Bytes::from_static(&[b'p'; ECHOED])
}
