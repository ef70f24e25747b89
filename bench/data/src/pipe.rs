//! What the two processes say to each other beside the measured connection: signaling and commands, JSON by the line.

use std::{
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdin, ChildStdout},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::work::Measure;

/// What the offerer asks of the answerer, beside descriptions.
#[derive(Serialize, Deserialize)]
pub enum Command {
    /// Answer so many connections; their offers follow.
    Answer(usize),
    /// Close everything, and say when that is done.
    Close,
    /// Tell what each work of the last answered connections measured.
    Measures,
    /// Tell what the process has used so far.
    Usage,
}

/// Answer to [`Command::Close`].
#[derive(Serialize, Deserialize)]
pub struct Closed;

/// Answer to [`Command::Measures`].
pub type Measures = Vec<Measure>;

/// Answer to [`Command::Usage`].
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Usage {
    /// CPU seconds, user and system.
    pub cpu: f64,
    /// Resident memory, KiB.
    pub resident: u64,
}

impl Usage {
    /// This process's.
    pub fn now() -> Result<Self> {
        Ok(Self { cpu: crate::usage::cpu().as_secs_f64(), resident: crate::usage::resident()? })
    }
}

/// One end of the two pipes between offerer and answerer.
pub struct Pipe {
    reader: Box<dyn BufRead>,
    writer: Box<dyn Write>,
}

impl Pipe {
    /// The offerer's end.
    pub fn to_child(child: &mut Child) -> Result<Self> {
        let input: ChildStdin = child.stdin.take().context("no pipe to the answerer")?;
        let output: ChildStdout = child.stdout.take().context("no pipe from the answerer")?;
        Ok(Self::new(output, input))
    }

    /// The answerer's end.
    pub fn to_parent() -> Self {
        Self::new(std::io::stdin(), std::io::stdout())
    }

    fn new(reader: impl Read + 'static, writer: impl Write + 'static) -> Self {
        Self { reader: Box::new(BufReader::new(reader)), writer: Box::new(writer) }
    }

    /// Says something.
    pub fn send(&mut self, value: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.writer.write_all(&line)?;
        self.writer.flush()?;
        Ok(())
    }

    /// Waits for what the other says next. Fails when the other has ended.
    pub fn receive<T: DeserializeOwned>(&mut self) -> Result<T> {
        let mut line = String::new();
        ensure!(self.reader.read_line(&mut line)? > 0, "the other process ended");
        serde_json::from_str(&line).with_context(|| format!("cannot read {line:?}"))
    }
}
