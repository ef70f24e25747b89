//! The `peerline` program.

mod announcement;
mod chat;
mod client;
mod client_options;
mod doctor;
mod exit;
mod explain;
mod forward;
mod identity;
mod input;
mod join;
mod log_file;
mod meeting;
mod notes;
mod path;
mod pipe;
mod place;
mod progress;
mod proxy;
mod qr;
mod recv;
mod send;
mod serve;
mod stop;
mod stream;
mod terminal;
mod transfer;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use peerline_server::Options;

/// Calls, chat and files between two machines, directly and encrypted.
///
/// `peerline serve` is the whole server: it serves the web app, brings people together, and helps
/// them through their networks. Start it, open the address that it prints, and send somebody the link.
#[derive(Parser)]
#[command(name = "peerline", version, arg_required_else_help = true, after_help = exit::HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server and the web app
    ///
    /// Everything has a default: without options the server listens on port 8443 (TCP and UDP) and
    /// 3478 (UDP), makes itself a certificate, and prints the addresses to open.
    ///
    /// Each option is also an environment variable and a key of the file that --config names. A flag
    /// goes before the environment, the environment before the file. A variable with several values
    /// has commas between them.
    #[command(
        after_help = exit::HELP,
        after_long_help = exit::SERVE_HELP
    )]
    Serve(Box<Options>),

    /// Text with browsers and terminals
    ///
    /// What you write goes, line by line, to everybody who is there: directly where a connection stands, sealed through
    /// the server until then. What the others write is printed; who comes and goes is told on standard error.
    /// At the end of standard input it waits until everybody has everything, and leaves.
    #[command(
        override_usage = "peerline chat [OPTIONS] <LINK|CODE|--new>",
        after_help = exit::MEETING_HELP,
        after_long_help = exit::CHAT_HELP
    )]
    Chat(Box<chat::ChatOptions>),

    /// A channel as JSON lines, for scripts
    ///
    /// Who comes and goes, and what they say, is printed as one JSON object a line. Commands are JSON objects on
    /// standard input: {"do":"say","text":"hello"}, {"do":"send","payload":{"kind":"move","x":1}}, {"do":"name","name":"Ada"},
    /// {"do":"leave"}. docs/command-line.md has the schema.
    #[command(
        override_usage = "peerline join [OPTIONS] <LINK|CODE|--new>",
        after_help = exit::MEETING_HELP,
        after_long_help = exit::JOIN_HELP
    )]
    Join(Box<join::JoinOptions>),

    /// Files and folders to somebody else
    ///
    /// Whoever is there is asked, browser or terminal, and takes what it wants. Without --to a new code is made, and told on
    /// standard error together with a link for browsers. What was broken off goes on: while both programs run, by itself;
    /// after one of them was killed, when it is started again in the same place (--to CODE).
    #[command(after_help = exit::MEETING_HELP)]
    Send(Box<send::SendOptions>),

    /// Files and folders from somebody else
    ///
    /// What is offered is listed, and taken if you say so. Nothing that is there is overwritten unless you say --overwrite.
    /// What was broken off goes on with the next offer of the same files: what has come of them stays beside its place,
    /// in files that end with .peerline-part and .peerline-state.
    #[command(after_help = exit::MEETING_HELP)]
    Recv(Box<recv::RecvOptions>),

    /// Standard input and output across the network
    ///
    /// What is written to one end comes out at the other, in both directions, byte by byte. The end of one side's
    /// standard input is the end of the other side's standard output; the other direction goes on until it ends, too.
    /// Without a code or a link a new code is made, and told on standard error.
    #[command(
        after_help = exit::MEETING_HELP,
        after_long_help = exit::PIPE_HELP
    )]
    Pipe(Box<pipe::PipeOptions>),

    /// TCP connections across the network
    ///
    /// One side says what it may be asked to connect to (--allow); the other side listens (--local) and says what
    /// its connections are for (--remote). Either of them can make the code.
    #[command(
        override_usage = "peerline forward [OPTIONS] [CODE|LINK] --local PORT --remote HOST:PORT\n       peerline forward [OPTIONS] [CODE|LINK] --allow HOST:PORT",
        after_help = exit::MEETING_HELP,
        after_long_help = exit::FORWARD_HELP
    )]
    Forward(Box<forward::ForwardOptions>),

    /// What this network allows, and why
    ///
    /// Asks the server in every way that a call may need, all at the same time, and says what it means for calls: how the NAT
    /// behaves, whether the relay is reached, how much it carries. Each sentence has its evidence; what could not be found
    /// out is said to be unknown. It takes about ten seconds at most.
    #[command(after_help = exit::DOCTOR_HELP)]
    Doctor(doctor::DoctorOptions),

    /// What happened in a connection, and why, from its log
    ///
    /// Give the logs of both sides if you have them: they are put together by what both call the connection, and their clocks
    /// are compared. Each sentence of the verdict names the lines that it rests on. docs/event-log.md says what is in a log.
    #[command(after_help = exit::HELP, after_long_help = exit::EXPLAIN_HELP)]
    Explain(explain::ExplainOptions),
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match command {
        Command::Serve(options) => serve::run(*options),
        Command::Chat(options) => chat::run(&options),
        Command::Join(options) => join::run(&options),
        Command::Send(options) => send::run(&options),
        Command::Recv(options) => recv::run(&options),
        Command::Pipe(options) => pipe::run(&options),
        Command::Forward(options) => forward::run(*options),
        Command::Doctor(options) => doctor::run(&options),
        Command::Explain(options) => explain::run(&options),
    }
}
