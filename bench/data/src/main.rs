//! `bench-data`: what a data channel costs, WebRTC stacks side by side in one run.
//!
//! Every measurement is two fresh processes of this program on 127.0.0.1, one that offers and one that answers. The
//! stacks take turns, so that whatever else the machine does meets all of them.

mod answerer;
mod median;
mod offerer;
mod pipe;
mod shape;
mod stacks;
mod table;
mod usage;
mod work;

use std::{
    env,
    io::Read,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use clap::Parser;

use crate::{
    shape::{Outcome, Shape, Task},
    stacks::Name,
    table::Series,
};

/// Measures data channels between two processes: throughput, CPU per byte, round trips, setup, memory.
///
/// WebRTC stacks take turns over the rounds; the table at the end shows medians, the machine's own limit, and how
/// peerline does beside both. Which stacks are in it is decided when it is built, by cargo features: peerline, str0m
/// and webrtc-rs by default; libdatachannel where there are cmake, g++, libssl-dev and libclang-dev.
#[derive(Parser)]
struct Options {
    /// Rounds; the table shows medians over them.
    #[arg(long, default_value_t = 3, value_name = "N")]
    rounds: usize,
    /// Measure these stacks only.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "STACK,…")]
    only: Vec<Name>,
    /// Measure these shapes only.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SHAPE,…")]
    shape: Vec<Shape>,
    /// Length of a stream of 64 KiB messages, MiB; the one of 1 KiB messages has a quarter of it.
    #[arg(long, default_value_t = 512, value_name = "MIB")]
    mebibytes: u64,
    /// A stream ends after so many seconds, even if it has bytes left.
    #[arg(long, default_value_t = 20.0, value_name = "S")]
    seconds: f64,
    /// Round trips measured in a round.
    #[arg(long, default_value_t = 5000, value_name = "N")]
    round_trips: u32,
    /// Connections made one after the other in a round.
    #[arg(long, default_value_t = 20, value_name = "N")]
    pairs: usize,
    /// Connections held idle by one process.
    #[arg(long, default_value_t = 100, value_name = "N")]
    idle: usize,
    #[arg(long, hide = true, value_enum, requires = "task")]
    role: Option<Role>,
    #[arg(long, hide = true)]
    task: Option<String>,
}

/// What a process that this program starts does.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Role {
    Offerer,
    Answerer,
}

/// How long a measurement may take beyond its streams.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let options = Options::parse();
    let Some(role) = options.role else { return measure_all(&options) };
    let task: Task = serde_json::from_str(options.task.as_deref().unwrap_or_default())?;
    match role {
        Role::Answerer => answerer::run(task),
        Role::Offerer => {
            let outcome = offerer::run(task).map_err(|error| format!("{error:#}"));
            println!("{}", serde_json::to_string(&outcome)?);
            Ok(())
        }
    }
}

fn measure_all(options: &Options) -> Result<()> {
    let chosen = |name: &Name| options.only.is_empty() || options.only.contains(name);
    let names: Vec<Name> = Name::ALL.into_iter().filter(chosen).collect();
    let mut notes: Vec<String> =
        names.iter().filter_map(|name| Some(format!("{}: {}", name.text(), name.missing()?))).collect();
    let mut series: Vec<Series> = Vec::new();
    for shape in Shape::ALL {
        for name in names.iter().copied().filter(|name| name.missing().is_none()) {
            if (options.shape.is_empty() || options.shape.contains(&shape)) && shape.is_for(name) {
                series.push(Series { name, shape, outcomes: Vec::new() });
            }
        }
    }
    if series.is_empty() {
        bail!("nothing to measure\n{}", notes.join("\n"));
    }
    for round in 1..=options.rounds {
        for one in &mut series {
            eprint!("round {round} of {}: {:?}, {}", options.rounds, one.shape, one.name.text());
            match measure(options.task(one.name, one.shape)) {
                Ok(outcome) => {
                    eprintln!(": {outcome:.2?}");
                    one.outcomes.push(outcome);
                }
                Err(error) => {
                    eprintln!(": {error:#}");
                    notes.push(format!(
                        "{}: {:?} failed in round {round}: {error:#}",
                        one.name.text(),
                        one.shape
                    ));
                }
            }
        }
    }
    table::print(&names, &series);
    for note in notes {
        println!("{note}");
    }
    Ok(())
}

impl Options {
    fn task(&self, name: Name, shape: Shape) -> Task {
        Task {
            name,
            shape,
            bytes: self.mebibytes << 20,
            longest: Duration::from_secs_f64(self.seconds),
            round_trips: self.round_trips,
            pairs: self.pairs,
            idle: self.idle,
        }
    }
}

/// One measurement, in processes of its own.
fn measure(task: Task) -> Result<Outcome> {
    let mut child = Command::new(env::current_exe()?)
        .args(["--role", "offerer", "--task", &serde_json::to_string(&task)?])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = child.stdout.take().context("no output")?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let _ = output.read_to_string(&mut text);
        let _ = sender.send(text);
    });
    let text = receiver.recv_timeout(task.longest + PATIENCE);
    // It has ended, or it never will. The answerer ends with it, because its pipe does.
    let _ = child.kill();
    let status = child.wait()?;
    let Ok(text) = text else { bail!("no end after {:?}", task.longest + PATIENCE) };
    let outcome: Result<Outcome, String> =
        serde_json::from_str(&text).with_context(|| format!("the process ended with {status}"))?;
    outcome.map_err(|error| anyhow!(error))
}
