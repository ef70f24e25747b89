//! `peerline serve`: from options to a running server, and in order to its end.

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use peerline_server::{Config, LogFormat, Options, Server, StartError};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::announcement;
use crate::exit::{Failure, fail};
use crate::stop::Stop;

pub(crate) fn run(options: Options) -> ExitCode {
    let config = match Config::try_from(options) {
        Ok(config) => config,
        Err(error) => return fail(Failure::Usage, error),
    };
    if let Err(error) = start_log(&config) {
        return fail(Failure::Usage, format!("--log: `{}` is no filter: {error}.", config.log));
    }
    // What the server writes is for this user alone, whatever library writes it.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(Failure::Failed, error),
    };
    let exit = match runtime.block_on(serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = match error.downcast_ref::<StartError>() {
                Some(StartError::Config(_)) => Failure::Usage,
                _ => Failure::Failed,
            };
            fail(failure, error)
        }
    };
    // A task that hangs must not keep the process.
    runtime.shutdown_background();
    exit
}

fn start_log(config: &Config) -> Result<(), tracing_subscriber::filter::ParseError> {
    let filter = EnvFilter::try_new(&config.log)?;
    let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colour);
    match config.log_format {
        LogFormat::Text => log.with_target(false).init(),
        LogFormat::Json => log.json().flatten_event(true).init(),
    }
    Ok(())
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let mut stop = Stop::new()?;
    let mut hangup = signal(SignalKind::hangup())?;
    let certificate = config.certificate.clone();
    let server = Server::start(config).await?;
    announcement::print(&certificate, server.tcp_addresses());
    loop {
        tokio::select! {
            _ = hangup.recv() => match server.reload_certificate() {
                Ok(()) => tracing::info!("certificate read again"),
                Err(error) => tracing::error!(%error, "the old certificate stays"),
            },
            _ = stop.next() => break,
        }
    }
    tracing::info!("stopping");
    tokio::select! {
        () = server.shut_down() => {}
        _ = stop.next() => tracing::info!("stopping at once"),
    }
    Ok(())
}
