//! The process that offers: it starts the answerer, makes connections with it, and measures.

use std::{
    env,
    process::{Child, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use crate::{
    median::{median, percentile},
    pipe::{Closed, Command, Measures, Pipe, Usage},
    shape::{Outcome, Shape, Task},
    stacks::{Connections, Stack},
    work::{Measure, Work},
};

/// Pairs that are made before those that count.
const SETUP_WARM_UP: usize = 10;

const PING_WARM_UP: u32 = 500;

/// How long a process that holds idle connections may tidy up before its memory counts.
const SETTLE: Duration = Duration::from_secs(2);

/// Both processes, seen from the offering one.
struct Offerer {
    task: Task,
    answerer: Child,
    pipe: Pipe,
    stack: Box<dyn Stack>,
}

/// Measures one shape of one stack.
pub fn run(task: Task) -> Result<Outcome> {
    let mut answerer = std::process::Command::new(env::current_exe()?)
        .args(["--role", "answerer", "--task", &serde_json::to_string(&task)?])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let pipe = Pipe::to_child(&mut answerer)?;
    let mut offerer = Offerer { task, answerer, pipe, stack: task.name.stack()? };
    match task.shape {
        Shape::Large => offerer.stream(64 << 10, task.bytes),
        Shape::Small => offerer.stream(1 << 10, task.bytes / 4),
        Shape::Ping => offerer.ping(),
        Shape::Setup => offerer.setup(),
        Shape::Idle => offerer.idle(),
    }
}

impl Offerer {
    fn stream(&mut self, size: usize, bytes: u64) -> Result<Outcome> {
        let longest = self.task.longest;
        let (_open, ours) = self.connect(1, |report| Work::stream(bytes, size, longest, report))?;
        let ours = ours.first().context("no measure")?.clone();
        self.pipe.send(&Command::Measures)?;
        let theirs: Measures = self.pipe.receive()?;
        let theirs = theirs.first().context("no measure of the answerer")?;
        ensure!(theirs.bytes == ours.bytes, "{} bytes sent, {} arrived", ours.bytes, theirs.bytes);
        Ok(Outcome::Stream {
            rate: ours.bytes as f64 / 1e6 / ours.seconds,
            cpu: (ours.cpu + theirs.cpu) / ours.bytes as f64 * 1e9,
        })
    }

    fn ping(&mut self) -> Result<Outcome> {
        let count = self.task.round_trips;
        let (_open, ours) = self.connect(1, |report| Work::ping(PING_WARM_UP, count, report))?;
        let times = &ours.first().context("no measure")?.round_trips;
        Ok(Outcome::Ping { median: percentile(times, 0.5) * 1e6, slow: percentile(times, 0.99) * 1e6 })
    }

    fn setup(&mut self) -> Result<Outcome> {
        // The first pairs also pay for what is made once in a process, and once in each of its threads.
        for _ in 0..SETUP_WARM_UP {
            self.pair()?;
        }
        let before = self.cpu()?;
        let mut times = Vec::new();
        for _ in 0..self.task.pairs {
            times.push(self.pair()?.as_secs_f64() * 1e3);
        }
        let cpu = (self.cpu()? - before) * 1e3 / self.task.pairs as f64;
        Ok(Outcome::Setup { milliseconds: median(times), cpu })
    }

    /// Makes one pair and closes it: the time until the first message is back.
    fn pair(&mut self) -> Result<Duration> {
        let begin = Instant::now();
        let (open, _) = self.connect(1, |report| Work::ping(0, 1, report))?;
        let took = begin.elapsed();
        drop(open);
        self.pipe.send(&Command::Close)?;
        let Closed = self.pipe.receive()?;
        Ok(took)
    }

    fn idle(&mut self) -> Result<Outcome> {
        // What a process has once, however many its connections are, does not count.
        let (_first, _) = self.connect(1, |report| Work::ping(0, 1, report))?;
        let before = self.resident()?;
        let count = self.task.idle;
        let (_open, _) = self.connect(count, |report| Work::ping(0, 1, report))?;
        let after = self.resident()?;
        let kibibytes = after.saturating_sub(before) as f64 / count as f64;
        Ok(Outcome::Idle { kibibytes })
    }

    /// Connects `count` times at once and waits for the end of all the works.
    fn connect(
        &mut self,
        count: usize,
        work: impl Fn(Sender<Measure>) -> Work,
    ) -> Result<(Connections, Vec<Measure>)> {
        let (report, reports): (_, Receiver<Measure>) = channel();
        let works = (0..count).map(|_| work(report.clone())).collect();
        drop(report);
        self.pipe.send(&Command::Answer(count))?;
        let open = self.stack.offer(&mut self.pipe, works)?;
        let measures: Vec<Measure> = reports.iter().take(count).collect();
        ensure!(measures.len() == count, "a connection ended before its work");
        Ok((open, measures))
    }

    /// CPU seconds of both processes so far.
    fn cpu(&mut self) -> Result<f64> {
        self.pipe.send(&Command::Usage)?;
        let theirs: Usage = self.pipe.receive()?;
        Ok(theirs.cpu + Usage::now()?.cpu)
    }

    /// Resident memory of the answerer, once it is quiet, KiB.
    fn resident(&mut self) -> Result<u64> {
        thread::sleep(SETTLE);
        self.pipe.send(&Command::Usage)?;
        let theirs: Usage = self.pipe.receive()?;
        Ok(theirs.resident)
    }
}

impl Drop for Offerer {
    fn drop(&mut self) {
        let _ = self.answerer.kill();
        let _ = self.answerer.wait();
    }
}
