//! `bench-turn`: what relaying costs, coturn and Peerline side by side in one run.
//!
//! One relayed packet is one crossing of the relay: client → allocation → peer is one, peer → allocation → client
//! another. The table shows the server process's CPU seconds (user + system, all threads) for a million of them.
//! The programs take turns, so that whatever else the machine does meets both.

mod count;
mod load;
mod pair;
mod server;
mod shapes;
mod turn_client;

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Parser;

use crate::{
    server::{Program, Server},
    shapes::Measure,
};

/// Measures TURN servers: CPU per relayed packet and per allocation.
#[derive(Parser)]
struct Options {
    /// The `peerline` program, started as `peerline serve …`.
    #[arg(long, value_name = "FILE")]
    peerline: PathBuf,
    /// Debian's coturn.
    #[arg(long, value_name = "FILE", default_value = "turnserver")]
    coturn: PathBuf,
    /// Rounds; the table shows medians over them.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Length of each measurement, seconds.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Allocations made and released in each round.
    #[arg(long, default_value_t = 1000)]
    pairs: u32,
    /// Measure one program only.
    #[arg(long, value_enum)]
    program: Option<Program>,
    /// Measure these shapes only (repeatable).
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Shape>,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Shape {
    /// 4 allocations with 64 packets in flight each.
    Busy,
    /// 1,000 allocations of 50 packets a second each way.
    Voice,
    /// Allocate and release.
    Allocate,
}

/// One line of the table: all rounds of one shape and size, for both programs.
struct Line {
    shape: Shape,
    size: usize,
    measures: [Vec<Measure>; 2],
    milliseconds: [Vec<f64>; 2],
}

const PROGRAMS: [Program; 2] = [Program::Coturn, Program::Peerline];

fn main() -> Result<()> {
    let options = Options::parse();
    let mut lines: Vec<Line> = [
        (Shape::Busy, 100),
        (Shape::Busy, 1200),
        (Shape::Voice, 100),
        (Shape::Voice, 1200),
        (Shape::Allocate, 0),
    ]
    .into_iter()
    .filter(|(shape, _)| options.only.is_empty() || options.only.contains(shape))
    .map(|(shape, size)| Line {
        shape,
        size,
        measures: [Vec::new(), Vec::new()],
        milliseconds: [Vec::new(), Vec::new()],
    })
    .collect();

    let length = Duration::from_secs_f64(options.seconds);
    for round in 1..=options.rounds {
        for line in &mut lines {
            for (slot, program) in PROGRAMS.into_iter().enumerate() {
                if options.program.is_some_and(|only| only != program) {
                    continue;
                }
                let path = match program {
                    Program::Coturn => &options.coturn,
                    Program::Peerline => &options.peerline,
                };
                eprintln!("round {round} of {}: {}, {program:?}", options.rounds, line.title());
                let server = Server::start(program, path)?;
                match line.shape {
                    Shape::Busy => {
                        line.measures[slot].push(shapes::busy(&server, line.size, length)?);
                    }
                    Shape::Voice => {
                        line.measures[slot].push(shapes::voice(&server, line.size, length)?);
                    }
                    Shape::Allocate => {
                        line.milliseconds[slot].push(shapes::come_and_go(&server, options.pairs)?);
                    }
                }
            }
        }
    }
    print_table(&lines);
    Ok(())
}

impl Line {
    fn title(&self) -> String {
        match self.shape {
            Shape::Busy => format!("4 allocations x 64 in flight, {} B", self.size),
            Shape::Voice => format!("1,000 allocations x 50/s each way, {} B", self.size),
            Shape::Allocate => "allocate + release".to_owned(),
        }
    }

    /// What the issue asks of Peerline, as a line's last column.
    fn verdict(&self) -> String {
        let cost = |slot: usize| match self.shape {
            Shape::Allocate => median(self.milliseconds[slot].iter().copied()),
            _ => median(self.measures[slot].iter().map(|m| m.cpu_per_million)),
        };
        let (theirs, ours) = (cost(0), cost(1));
        let (target, good) = match self.shape {
            Shape::Busy => ("3x".to_owned(), theirs / ours >= 3.0),
            Shape::Voice => ("1.5x".to_owned(), theirs / ours >= 1.5),
            Shape::Allocate => ("under 0.25 ms".to_owned(), ours < 0.25),
        };
        if theirs.is_nan() || ours.is_nan() {
            return String::new();
        }
        let word = if good { "reached" } else { "MISSED" };
        format!("{:.1}x (target {target}: {word})", theirs / ours)
    }
}

fn print_table(lines: &[Line]) {
    println!(
        "\n{:<42} {:<9} {:>13} {:>22} {:>9} {:>7} {:>15}  coturn / peerline",
        "shape", "server", "CPU s/million", "(lowest - highest)", "packets/s", "loss", "rtt ms p50/p99"
    );
    for line in lines {
        for (slot, program) in PROGRAMS.into_iter().enumerate() {
            let title = if slot == 0 { line.title() } else { String::new() };
            let verdict = if slot == 1 { line.verdict() } else { String::new() };
            let name = format!("{program:?}").to_lowercase();
            let (costs, rest): (Vec<f64>, String) = if line.shape == Shape::Allocate {
                (line.milliseconds[slot].clone(), format!("{:>9} {:>7} {:>15}", "", "", ""))
            } else {
                let runs = &line.measures[slot];
                let of = |value: fn(&Measure) -> f64| median(runs.iter().map(value));
                (
                    runs.iter().map(|m| m.cpu_per_million).collect(),
                    format!(
                        "{:>9.0} {:>6.2}% {:>7.2}/{:<7.2}",
                        of(|m| m.rate),
                        of(|m| m.loss) * 100.0,
                        of(|m| m.round_trip.0),
                        of(|m| m.round_trip.1)
                    ),
                )
            };
            if costs.is_empty() {
                continue;
            }
            let unit = if line.shape == Shape::Allocate { " ms" } else { "" };
            let lowest = costs.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = costs.iter().copied().fold(0.0, f64::max);
            println!(
                "{title:<42} {name:<9} {:>13} {:>22} {rest}  {verdict}",
                format!("{:.2}{unit}", median(costs.into_iter())),
                format!("({lowest:.2} - {highest:.2})"),
            );
        }
    }
    println!(
        "\nOne relayed packet is one crossing of the relay, in either direction. Medians of the rounds; \
         CPU is user + system of the server process."
    );
}

/// The median, or NaN of nothing.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}
