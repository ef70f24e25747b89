//! `peerline doctor`: what this network allows, and why. Finding out ([`probe`]) is apart from judging ([`verdict`]).

mod evidence;
mod print;
mod probe;
mod verdict;

use std::io::{Write as _, stderr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use peerline::channel::Trust;
use tokio::time::timeout;

use crate::client_options::{Server, trust};
use crate::exit::{Failure, fail};
use crate::proxy::{self, ProxyChoice};
use crate::terminal;

use self::print::Bars;
use self::probe::Target;
use self::verdict::{About, Standing, Verdict};

/// Each step has its own, shorter patience: this is for what nobody thought of.
const ALL: Duration = Duration::from_secs(20);

#[derive(Args, Debug)]
pub(crate) struct DoctorOptions {
    /// The server to ask
    #[arg(value_name = "SERVER", env = "PEERLINE_SERVER", default_value = "http://localhost:8443")]
    server: Server,
    /// Tell it as one JSON object
    #[arg(long)]
    json: bool,
    /// Believe the server with this certificate, whoever signed it; `any` believes every server, also without encryption
    #[arg(long, value_name = "SHA256|any", env = "PEERLINE_TRUST", value_parser = trust)]
    trust: Option<Trust>,
    /// The HTTP proxy that leads out of this network where nothing else does; `none`: none
    /// [default: that of HTTPS_PROXY]
    #[arg(long, value_name = "URL|none", env = "PEERLINE_PROXY", hide_env_values = true)]
    proxy: Option<ProxyChoice>,
    /// Don't ask the router whether it forwards ports to this machine
    #[arg(long, env = "PEERLINE_NO_PORTMAP")]
    no_portmap: bool,
}

pub(crate) fn run(options: &DoctorOptions) -> ExitCode {
    let proxy = match proxy::choose(options.proxy.as_ref(), |name| std::env::var(name).ok()) {
        Ok(proxy) => proxy,
        Err(wrong) => {
            let _ = writeln!(stderr(), "{}", terminal::line(&wrong));
            None
        }
    };
    let trust = options.trust.unwrap_or_default();
    let Some(target) = Target::new(&options.server.0, trust, proxy, !options.no_portmap) else {
        return fail(Failure::Usage, format!("{} is not the address of a server.", options.server.0));
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(Failure::Failed, error),
    };
    let bars = Bars::new(options.json);
    let examined = runtime.block_on(async { timeout(ALL, probe::examine(target, &bars)).await });
    bars.clear();
    runtime.shutdown_background();
    let Ok(evidence) = examined else {
        return fail(Failure::Failed, "Finding out took more than 20 s.");
    };
    let verdicts = verdict::judge(&evidence);
    let printed =
        if options.json { print::json(&evidence, &verdicts) } else { print::people(&evidence, &verdicts) };
    match printed {
        Ok(()) => ExitCode::from(status(&verdicts)),
        Err(error) => fail(Failure::Failed, error),
    }
}

/// What scripts learn. What isn't known of the site is no fault of it.
fn status(verdicts: &[Verdict]) -> u8 {
    let are = |standing, abouts: &[About]| {
        verdicts.iter().any(|verdict| verdict.standing == standing && abouts.contains(&verdict.about))
    };
    let site_is_good = are(Standing::Good, &[About::Site]) || are(Standing::Unknown, &[About::Site]);
    let relay_is_good = are(Standing::Good, &[About::Relay]) && are(Standing::Good, &[About::Call]);
    // Without the relay only direct calls are left.
    let nothing_is_left = are(Standing::Bad, &[About::Relay, About::Call]) && !site_is_good;
    if are(Standing::Bad, &[About::Site, About::Server]) || nothing_is_left {
        5
    } else if site_is_good && relay_is_good {
        0
    } else {
        4
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_status_says_whether_calls_come_about() {
        use Standing::{Bad, Good, Limited, Unknown};
        for (site, server, relay, call, wanted) in [
            (Good, Good, Good, Good, 0),
            (Unknown, Good, Good, Good, 0),
            (Limited, Good, Good, Good, 4),
            (Good, Good, Bad, Unknown, 4),
            (Good, Good, Good, Limited, 4),
            (Limited, Good, Limited, Bad, 5),
            (Limited, Good, Bad, Unknown, 5),
            (Bad, Good, Good, Good, 5),
            (Good, Bad, Unknown, Unknown, 5),
        ] {
            let abouts = [About::Site, About::Server, About::Relay, About::Call];
            let standings = abouts.into_iter().zip([site, server, relay, call]);
            let verdicts: Vec<_> = standings
                .map(|(about, standing)| Verdict {
                    about,
                    standing,
                    kind: "",
                    sentence: String::new(),
                    evidence: Vec::new(),
                })
                .collect();
            assert_eq!(status(&verdicts), wanted, "{site:?} {server:?} {relay:?} {call:?}");
        }
    }
}
