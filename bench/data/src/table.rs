//! The table: a line per figure, a column per stack, the limit, and what the issue asks of ours.

use crate::{
    median::median,
    shape::{Outcome, Shape},
    stacks::Name,
};

/// All rounds of one stack and shape.
pub struct Series {
    pub name: Name,
    pub shape: Shape,
    pub outcomes: Vec<Outcome>,
}

/// One figure of the table.
struct Line {
    title: &'static str,
    shape: Shape,
    decimals: usize,
    value: fn(&Outcome) -> Option<f64>,
    better: Better,
    goal: Goal,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

/// What is asked of ours.
enum Goal {
    /// So many times the best of the others, and half as good as the limit.
    Times(f64),
    /// Less than this.
    Under(f64),
    /// Nothing but to be compared.
    None,
}

const LINES: [Line; 9] = [
    Line {
        title: "64 KiB messages, MB/s",
        shape: Shape::Large,
        decimals: 1,
        value: rate,
        better: Better::Higher,
        goal: Goal::Times(10.0),
    },
    Line {
        title: "64 KiB messages, CPU s/GB",
        shape: Shape::Large,
        decimals: 2,
        value: stream_cpu,
        better: Better::Lower,
        goal: Goal::Times(5.0),
    },
    Line {
        title: "1 KiB messages, MB/s",
        shape: Shape::Small,
        decimals: 1,
        value: rate,
        better: Better::Higher,
        goal: Goal::Times(10.0),
    },
    Line {
        title: "1 KiB messages, CPU s/GB",
        shape: Shape::Small,
        decimals: 2,
        value: stream_cpu,
        better: Better::Lower,
        goal: Goal::Times(5.0),
    },
    Line {
        title: "round trip, median, µs",
        shape: Shape::Ping,
        decimals: 0,
        value: |outcome| match outcome {
            Outcome::Ping { median, .. } => Some(*median),
            _ => None,
        },
        better: Better::Lower,
        goal: Goal::None,
    },
    Line {
        title: "round trip, p99, µs",
        shape: Shape::Ping,
        decimals: 0,
        value: |outcome| match outcome {
            Outcome::Ping { slow, .. } => Some(*slow),
            _ => None,
        },
        better: Better::Lower,
        goal: Goal::None,
    },
    Line {
        title: "setup, ms",
        shape: Shape::Setup,
        decimals: 2,
        value: |outcome| match outcome {
            Outcome::Setup { milliseconds, .. } => Some(*milliseconds),
            _ => None,
        },
        better: Better::Lower,
        goal: Goal::None,
    },
    Line {
        title: "setup, CPU ms per pair",
        shape: Shape::Setup,
        decimals: 2,
        value: |outcome| match outcome {
            Outcome::Setup { cpu, .. } => Some(*cpu),
            _ => None,
        },
        better: Better::Lower,
        goal: Goal::Under(2.0),
    },
    Line {
        title: "idle connection, KiB",
        shape: Shape::Idle,
        decimals: 0,
        value: |outcome| match outcome {
            Outcome::Idle { kibibytes } => Some(*kibibytes),
            _ => None,
        },
        better: Better::Lower,
        goal: Goal::Under(40.0),
    },
];

fn rate(outcome: &Outcome) -> Option<f64> {
    match outcome {
        Outcome::Stream { rate, .. } => Some(*rate),
        _ => None,
    }
}

fn stream_cpu(outcome: &Outcome) -> Option<f64> {
    match outcome {
        Outcome::Stream { cpu, .. } => Some(*cpu),
        _ => None,
    }
}

/// Prints all that was measured.
pub fn print(names: &[Name], series: &[Series]) {
    print!("\n{:<26}", "");
    for name in names {
        print!(" {:>14}", name.text());
    }
    println!("  peerline beside the best other; beside the limit");
    for line in &LINES {
        if !series.iter().any(|series| series.shape == line.shape) {
            continue;
        }
        print!("{:<26}", line.title);
        for name in names {
            match line.figure(*name, series) {
                Some(figure) => print!(" {figure:>14.*}", line.decimals),
                None => print!(" {:>14}", "-"),
            }
        }
        println!("  {}", line.verdict(names, series));
    }
    println!(
        "\n\
         Medians of the rounds. Two processes on 127.0.0.1, one reliable, ordered data channel. CPU is user + system of \
         both.\n\
         MB and GB are 10⁶ and 10⁹ bytes of payload. Setup is from nothing to the first message's echo, signaling over \
         pipes;\n\
         its CPU includes closing. Idle is resident memory of the answering process. The limit is GSO/GRO UDP, \
         AES-128-GCM,\n\
         one copy each side, units of 1,200 bytes."
    );
}

impl Line {
    fn figure(&self, name: Name, series: &[Series]) -> Option<f64> {
        let series = series.iter().find(|one| one.name == name && one.shape == self.shape)?;
        let values: Vec<f64> = series.outcomes.iter().filter_map(self.value).collect();
        (!values.is_empty()).then(|| median(values))
    }

    fn best_other(&self, names: &[Name], series: &[Series]) -> Option<(Name, f64)> {
        names
            .iter()
            .filter(|name| !matches!(name, Name::Peerline | Name::Limit))
            .filter_map(|name| Some((*name, self.figure(*name, series)?)))
            .max_by(|(_, one), (_, other)| match self.better {
                Better::Higher => one.total_cmp(other),
                Better::Lower => other.total_cmp(one),
            })
    }

    /// How ours does.
    fn verdict(&self, names: &[Name], series: &[Series]) -> String {
        let best = self.best_other(names, series);
        let Some(ours) = self.figure(Name::Peerline, series) else {
            return match best {
                Some((name, _)) => format!("(best: {})", name.text()),
                None => String::new(),
            };
        };
        let mut parts = Vec::new();
        if let Some((name, theirs)) = best {
            let times = self.advantage(ours, theirs);
            let goal = match self.goal {
                Goal::Times(goal) => format!(" (goal {goal}x: {})", word(times >= goal)),
                _ => String::new(),
            };
            parts.push(format!("{times:.1}x as good as {}{goal}", name.text()));
        }
        if let Goal::Under(goal) = self.goal {
            parts.push(format!("goal under {goal}: {}", word(ours < goal)));
        }
        if let Some(limit) = self.figure(Name::Limit, series) {
            let share = self.advantage(ours, limit);
            let goal = match self.goal {
                Goal::Times(_) => format!(" (goal 0.5: {})", word(share >= 0.5)),
                _ => String::new(),
            };
            parts.push(format!("{share:.2} of the limit{goal}"));
        }
        parts.join("; ")
    }

    /// How many times as good one figure is as another.
    fn advantage(&self, one: f64, other: f64) -> f64 {
        match self.better {
            Better::Higher => one / other,
            Better::Lower => other / one,
        }
    }
}

fn word(good: bool) -> &'static str {
    if good { "reached" } else { "MISSED" }
}
