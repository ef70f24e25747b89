//! The examples run and do what they say. They are built by `cargo test -p peerline`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(120);

fn example(name: &str) -> Command {
    // This test is target/…/deps/examples-….
    let mut path = PathBuf::from(std::env::current_exe().unwrap().parent().unwrap().parent().unwrap());
    path.extend(["examples", name]);
    assert!(path.exists(), "{} isn't built", path.display());
    let mut command = Command::new(path);
    command.kill_on_drop(true);
    command
}

async fn output(command: &mut Command) -> String {
    let output = timeout(PATIENCE, command.output()).await.expect("in time").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn echo() {
    let said = output(&mut example("echo")).await;
    for word in ["one", "two", "three"] {
        assert!(said.contains(&format!("Some(Text({word:?}))")), "{said}");
    }
}

#[tokio::test]
async fn file() {
    let folder = std::env::temp_dir().join(format!("peerline-example-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (from, to) = (folder.join("from"), folder.join("to"));
    let content: Vec<u8> = (0..3_000_000_u32).map(|index| (index ^ index >> 9) as u8).collect();
    std::fs::write(&from, &content).unwrap();
    let said = output(example("file").arg(&from).arg(&to)).await;
    assert!(said.contains("sent 3000000 bytes, received 3000000"), "{said}");
    assert!(std::fs::read(&to).unwrap() == content);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[tokio::test]
async fn many_peers() {
    let said = output(&mut example("many_peers")).await;
    for number in 0..100 {
        assert!(said.contains(&format!("you are number {number}\n")), "{said}");
    }
}

#[tokio::test]
async fn signaling_by_hand() {
    let [mut one, mut other] =
        ["offer", "answer"].map(|role| Terminal::of(example("signaling_by_hand").arg(role)));
    let offer = one.line_that(|line| line.starts_with("v=0|")).await;
    other.write(&offer).await;
    let answer = other.line_that(|line| line.starts_with("v=0|")).await;
    one.write(&answer).await;
    for terminal in [&mut one, &mut other] {
        terminal.line_that(|line| line.starts_with("Connected")).await;
    }
    one.write("good evening").await;
    other.line_that(|line| line == "> good evening").await;
    other.write("and to you").await;
    one.line_that(|line| line == "> and to you").await;
}

#[tokio::test]
async fn trickle() {
    let [mut one, mut other] = [(); 2].map(|()| Terminal::of(example("trickle").arg("loopback")));
    for run in [1, 2] {
        for (terminal, role) in [(&mut other, "answer"), (&mut one, "offer")] {
            let start = json!({ "start": { "role": role, "run": run, "config": { "iceServers": [] } } });
            terminal.write(&start.to_string()).await;
        }
        let mut open = [false; 2];
        while open != [true; 2] {
            let (from, said) = tokio::select! {
                line = one.line_that(|_| true) => (0, line),
                line = other.line_that(|_| true) => (1, line),
            };
            let mut event: Value = serde_json::from_str(&said).unwrap();
            let is_of_this_run = event.as_object_mut().unwrap().remove("run") == Some(json!(run));
            open[from] |= is_of_this_run && event["dc"] == "open";
            if is_of_this_run && (event.get("sdp").is_some() || event.get("cand").is_some()) {
                [&mut other, &mut one][from].write(&event.to_string()).await;
            }
        }
    }
    one.write(r#"{"stats":1}"#).await;
    let statistics = one.line_that(|line| line.contains("pair")).await;
    let statistics: Value = serde_json::from_str(&statistics).unwrap();
    assert_eq!((&statistics["pair"]["proto"], &statistics["pair"]["local"]), (&json!("udp"), &json!("host")));
}

struct Terminal {
    _program: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Terminal {
    fn of(command: &mut Command) -> Self {
        let mut program = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (program.stdin.take().unwrap(), program.stdout.take().unwrap());
        Self { _program: program, input, output: BufReader::new(output).lines() }
    }

    async fn write(&mut self, line: &str) {
        self.input.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn line_that(&mut self, is_it: impl Fn(&str) -> bool) -> String {
        let found = async {
            loop {
                let line = self.output.next_line().await.unwrap().expect("it goes on");
                if is_it(&line) {
                    return line;
                }
            }
        };
        timeout(PATIENCE, found).await.expect("in time")
    }
}
