//! The process that answers: it does what the offerer asks over its standard input, and ends with it.

use std::sync::mpsc::{Receiver, channel};

use anyhow::Result;

use crate::{
    pipe::{Closed, Command, Measures, Pipe, Usage},
    shape::Task,
    stacks::Connections,
    work::{Measure, Work},
};

/// Runs until the offerer is gone.
pub fn run(task: Task) -> Result<()> {
    let mut pipe = Pipe::to_parent();
    let mut stack = task.name.stack()?;
    let mut open: Vec<Connections> = Vec::new();
    let mut last: Option<(usize, Receiver<Measure>)> = None;
    loop {
        match pipe.receive()? {
            Command::Answer(count) => {
                let (report, reports) = channel();
                let works = (0..count).map(|_| Work::echo(report.clone())).collect();
                open.push(stack.answer(&mut pipe, works)?);
                last = Some((count, reports));
            }
            Command::Close => {
                open.clear();
                pipe.send(&Closed)?;
            }
            Command::Measures => {
                let measures: Measures = match last.take() {
                    Some((count, reports)) => reports.iter().take(count).collect(),
                    None => Vec::new(),
                };
                pipe.send(&measures)?;
            }
            Command::Usage => pipe.send(&Usage::now()?)?,
        }
    }
}
