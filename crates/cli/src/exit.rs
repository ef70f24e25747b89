//! How the program ends, for scripts and service managers.

use std::fmt::Display;
use std::process::ExitCode;

pub(crate) const HELP: &str = "\
Exit status:
  0  done, or stopped by SIGTERM or Ctrl-C
  1  it could not be done: a port is taken, a directory cannot be written, …
  2  the options make no sense";

pub(crate) const SERVE_HELP: &str = "\
Signals:
  SIGTERM, SIGINT  tell the clients, let calls go on without the server, stop; a second one stops at once
  SIGHUP           read --cert and --key again

Exit status:
  0  stopped by SIGTERM or Ctrl-C
  1  it could not start: a port is taken, a directory cannot be written, …
  2  the options make no sense

Examples:
  peerline serve
  peerline serve --domain call.example.org --listen 443
  peerline serve --config /etc/peerline.toml
  PEERLINE_LISTEN=127.0.0.1:9000 peerline serve";

/// Why the program ends early.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Failure {
    /// Something that was asked for cannot be done.
    Failed,
    /// What was asked for makes no sense.
    Usage,
}

/// Says why on standard error.
pub(crate) fn fail(failure: Failure, why: impl Display) -> ExitCode {
    eprintln!("peerline: {why}");
    ExitCode::from(match failure {
        Failure::Failed => 1,
        Failure::Usage => 2,
    })
}
