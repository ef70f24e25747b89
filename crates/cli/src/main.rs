//! The `peerline` program.

mod announcement;
mod exit;
mod qr;
mod serve;

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
}

fn main() -> ExitCode {
    let Arguments { command } = Arguments::parse();
    match command {
        Command::Serve(options) => serve::run(*options),
    }
}
