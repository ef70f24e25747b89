//! What happened to a connection and why, in sentences with their evidence. Pure functions of what the logs say.

use peerline::event_log::LoggedCandidate;
use serde::Serialize;

use super::side::{At, Pair, Side};

/// A sentence, and the lines that it rests on, as `FILE:LINE`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Finding {
    pub(super) about: About,
    pub(super) sentence: String,
    pub(super) evidence: Vec<String>,
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum About {
    /// Whether it connected, and by which path.
    Outcome,
    /// Why there is no better path, or none.
    Reason,
    /// Where the time went.
    Time,
    /// What broke, and how it went on.
    Interruption,
}

/// A silence shorter than this is no interruption that anybody notices.
const SHORT: f64 = 100.0;

/// Judges a connection by what one or both sides' logs say.
pub(super) fn judge(sides: &[Side]) -> Vec<Finding> {
    let mut findings = Vec::new();
    // Both sides say the same of the outcome: the one that knows more is asked.
    let Some(best) = sides.iter().max_by_key(|side| (side.path().is_some(), side.pairs.len())) else {
        return findings;
    };
    findings.push(outcome(best));
    findings.extend(reasons(sides, best));
    findings.extend(time(best));
    for side in sides {
        findings.extend(interruptions(side, sides.len() > 1));
    }
    findings
}

fn finding(about: About, side: &Side, lines: impl IntoIterator<Item = usize>, sentence: String) -> Finding {
    let evidence = lines.into_iter().map(|line| format!("{}:{line}", side.log)).collect();
    Finding { about, sentence, evidence }
}

fn outcome(side: &Side) -> Finding {
    let about = About::Outcome;
    let Some((pair, line)) = side.path() else {
        let failed = side.states.iter().chain(&side.ice).find(|at| at.what == "failed");
        return match (failed, &side.last_line) {
            (Some(failed), _) => {
                finding(about, side, [failed.line], format!("It did not connect{}.", after(side, failed.at)))
            }
            (None, last) => {
                let lines = last.as_ref().map(|at| at.line);
                let how_long = last.as_ref().map(|at| after(side, at.at)).unwrap_or_default();
                finding(about, side, lines, format!("It had not connected when the log ended{how_long}."))
            }
        };
    };
    let path = path(side, pair);
    match (side.connected(), &side.dtls_failed) {
        (Some(connected), _) => finding(
            about,
            side,
            [connected.line, line],
            format!("It connected{}, {path}.", after(side, connected.at)),
        ),
        (None, Some(failed)) => finding(
            about,
            side,
            [line, failed.line],
            format!("A path was found, {path}, but nobody to trust at its end: {}.", failed.what),
        ),
        (None, None) => finding(
            about,
            side,
            [line],
            format!("A path was found, {path}, but DTLS did not get through it."),
        ),
    }
}

fn after(side: &Side, at: f64) -> String {
    side.began.as_ref().map(|began| format!(" after {}", duration(at - began.at))).unwrap_or_default()
}

/// `directly over UDP from … to …`
fn path(side: &Side, pair: &Pair) -> String {
    let (local, remote) = (side.local(&pair.local), side.remote(&pair.remote));
    let protocol = local.map_or("UDP".to_owned(), |local| local.protocol.to_uppercase());
    let round_trip =
        pair.round_trip.map(|time| format!(", {} there and back", duration(time))).unwrap_or_default();
    let ends = format!("from {} to {}", end(local), end(remote));
    let relay = |candidate: Option<&LoggedCandidate>| candidate.is_some_and(|end| end.kind == "relay");
    match (relay(local), relay(remote)) {
        (false, false) => format!("directly over {protocol} {ends}{round_trip}"),
        (true, _) => {
            let by = local.and_then(|local| local.relay_protocol.clone()).unwrap_or("udp".into());
            format!("through our relay (reached over {}) {ends}{round_trip}", by.to_uppercase())
        }
        (false, true) => format!("through the other side's relay {ends}{round_trip}"),
    }
}

fn end(candidate: Option<&LoggedCandidate>) -> String {
    let Some(LoggedCandidate { kind, address, port, .. }) = candidate else {
        return "a candidate that is not in the log".to_owned();
    };
    let address = match address.as_str() {
        "" => "an address that is hidden".to_owned(),
        address if address.contains(':') => format!("[{address}]:{port}"),
        address => format!("{address}:{port}"),
    };
    format!("{address} ({})", kind_in_words(kind))
}

fn kind_in_words(kind: &str) -> &str {
    match kind {
        "host" => "its own address",
        "srflx" => "its address outside the NAT",
        "prflx" => "an address that a check found",
        "relay" => "at a relay",
        other => other,
    }
}

/// Why there is no path, or only one by a relay.
fn reasons(sides: &[Side], best: &Side) -> Vec<Finding> {
    let is_direct = best.path().is_some_and(|(pair, _)| !best.is_relayed(pair));
    if is_direct {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for side in sides {
        findings.extend(side_reasons(side, sides.len() > 1));
    }
    if best.path().is_some() || best.pairs.values().any(|pair| pair.was("failed").is_some()) {
        findings.extend(failed_checks(best));
    }
    findings
}

/// What one side lacked.
fn side_reasons(side: &Side, names: bool) -> Vec<Finding> {
    let about = About::Reason;
    let who = if names { format!("{}: ", side.log) } else { String::new() };
    let mut findings = Vec::new();
    let began = side.began.as_ref().map(|at| at.line);
    if side.relay_only {
        findings.push(finding(
            about,
            side,
            began,
            format!("{who}This side was told to use the relay only, so no direct path was tried."),
        ));
    }
    if side.remote_described.is_none() && side.pairs.is_empty() {
        let last = side.last_line.as_ref().map(|at| at.line);
        let lost = side.server_lost.last();
        let sentence = match lost {
            Some(lost) => format!(
                "{who}The other side never described itself, and the server was lost meanwhile ({}).",
                lost.what.trim_end_matches('.')
            ),
            None if side.remote.is_empty() => format!(
                "{who}The other side never described itself: it is not there any more, or what it sent did not arrive."
            ),
            None => return findings,
        };
        findings.push(finding(about, side, last.into_iter().chain(lost.map(|at| at.line)), sentence));
        return findings;
    }
    let wanted_stun = side.servers.iter().any(|url| url.starts_with("stun:") || url.starts_with("turn:"));
    if !side.relay_only && !side.has_local("srflx") && !side.has_local("prflx") {
        let failures: Vec<_> = side.server_failures.iter().filter(|at| at.what.1 == 701).collect();
        let lines: Vec<_> = failures.iter().map(|at| at.line).collect();
        match (failures.first(), wanted_stun) {
            (Some(failure), _) => findings.push(finding(
                about,
                side,
                lines,
                format!(
                    "{who}No server showed this side's address outside: {} did not answer.",
                    failure.what.0
                ),
            )),
            (None, false) if !side.servers.is_empty() || began.is_some() => findings.push(finding(
                about,
                side,
                began,
                format!("{who}No STUN server was there to show this side's address outside."),
            )),
            _ => {}
        }
    }
    if side.path().is_none() && !side.has_local("relay") {
        let refused: Vec<_> =
            side.server_failures.iter().filter(|at| at.what.0.starts_with("turn")).collect();
        let sentence = match refused.first() {
            Some(At { what: (url, 701), .. }) => {
                format!("{who}This side got no place at a relay: {url} did not answer.")
            }
            Some(At { what: (url, code), .. }) => {
                format!("{who}This side got no place at a relay: {url} refused with {code}.")
            }
            None => format!("{who}This side had no relay."),
        };
        let looked = side.gathered.as_ref().or(side.last_line.as_ref()).map(|at| at.line);
        let lines: Vec<_> = refused.iter().map(|at| at.line).collect();
        let lines = if lines.is_empty() { looked.into_iter().collect() } else { lines };
        findings.push(finding(about, side, lines, sentence));
    }
    if !side.remote.is_empty() && side.remote.values().all(|at| at.what.kind == "relay") && !side.relay_only {
        let lines: Vec<_> = side.remote.values().map(|at| at.line).collect();
        findings.push(finding(
            about,
            side,
            lines,
            format!(
                "{who}The other side told relayed addresses only: it may have been told to hide its own."
            ),
        ));
    }
    if side.remote.is_empty() && side.remote_described.is_some() {
        let line = side.remote_described.as_ref().map(|at| at.line);
        findings.push(finding(
            about,
            side,
            line,
            format!("{who}The other side told no address at which it can be reached."),
        ));
    }
    findings
}

/// Which direct checks were not answered.
fn failed_checks(side: &Side) -> Option<Finding> {
    let direct: Vec<_> = side.direct_pairs().filter(|(_, pair)| pair.was("in-progress").is_some()).collect();
    if direct.is_empty() {
        return None;
    }
    let unanswered: Vec<_> = direct.iter().filter(|(_, pair)| pair.was("succeeded").is_none()).collect();
    if unanswered.len() < direct.len() {
        let answered = direct.iter().find_map(|(_, pair)| pair.was("succeeded"))?;
        return Some(finding(
            About::Reason,
            side,
            [answered.line],
            "A direct pair did answer, but was not used at the end.".to_owned(),
        ));
    }
    let lines: Vec<_> = unanswered
        .iter()
        .filter_map(|(_, pair)| pair.was("failed").or_else(|| pair.last()))
        .map(|at| at.line)
        .collect();
    let tried: Vec<_> = unanswered
        .iter()
        .take(3)
        .map(|(_, pair)| format!("{} → {}", end(side.local(&pair.local)), end(side.remote(&pair.remote))))
        .collect();
    let more = unanswered.len().saturating_sub(tried.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let why = if side.has_local("srflx") && side.has_remote("srflx") {
        "Both sides know their addresses outside: one NAT or both let in only what they asked for themselves, and give each \
         destination another port (address- and port-dependent mapping), or a firewall drops UDP between them."
    } else if side.has_local("srflx") || side.has_remote("srflx") {
        "Only one side knows its address outside; the other one's is not reached from here."
    } else {
        "Neither side knows its address outside."
    };
    Some(finding(
        About::Reason,
        side,
        lines,
        format!("No direct check was answered: {}{more}. {why}", tried.join("; ")),
    ))
}

/// Where the time went until the connection stood.
fn time(side: &Side) -> Option<Finding> {
    let began = side.began.as_ref()?;
    let connected = side.connected();
    let selected = side.selected.iter().find(|at| at.what.is_some());
    let both = side
        .described
        .as_ref()
        .zip(side.remote_described.as_ref())
        .map(|(one, other)| if one.at > other.at { one } else { other });
    let mut steps: Vec<(&str, f64, usize)> = Vec::new();
    steps.extend(both.map(|at| ("signaling", at.at, at.line)));
    steps.extend(selected.map(|at| ("ICE's checks", at.at, at.line)));
    steps.extend(side.dtls("connected").map(|at| ("DTLS", at.at, at.line)));
    steps.extend(side.channel_open.as_ref().or(side.sctp.as_ref()).map(|at| ("SCTP", at.at, at.line)));
    // Things that go on at the same time take no time of their own.
    let mut reached = began.at;
    let mut parts = Vec::new();
    let mut longest: Option<(&str, f64)> = None;
    for (what, at, _) in &steps {
        let took = (at - reached).max(0.0);
        reached = reached.max(*at);
        parts.push(format!("{} for {what}", duration(took)));
        if longest.is_none_or(|(_, most)| took > most) {
            longest = Some((what, took));
        }
    }
    let (longest, took) = longest?;
    let end = connected.map_or(reached, |connected| connected.at.max(reached));
    let total = end - began.at;
    let most = if parts.len() > 1 && took * 2.0 > total && took >= SHORT {
        format!(" Most of it went to {longest}.")
    } else {
        String::new()
    };
    let lines = std::iter::once(began.line).chain(steps.iter().map(|(_, _, line)| *line));
    Some(finding(About::Time, side, lines, format!("Of {}: {}.{most}", duration(total), parts.join(", "))))
}

/// What broke after it had connected.
fn interruptions(side: &Side, names: bool) -> Vec<Finding> {
    let about = About::Interruption;
    let who = if names { format!("{}: ", side.log) } else { String::new() };
    let mut findings = Vec::new();
    let Some(connected) = side.connected() else { return findings };
    let mut broken: Option<&At<String>> = None;
    for state in side.states.iter().filter(|state| state.at > connected.at) {
        match (state.what.as_str(), broken) {
            ("disconnected" | "failed", None) => broken = Some(state),
            ("connected", Some(since)) => {
                let restart = side.restarts.iter().find(|at| at.at >= since.at && at.at <= state.at);
                let how = match restart {
                    Some(_) => "a restart of ICE found the way again",
                    None => "it came back by itself",
                };
                let lines = [Some(since.line), restart.map(|at| at.line), Some(state.line)];
                let gap = duration(state.at - since.at);
                findings.push(finding(
                    about,
                    side,
                    lines.into_iter().flatten(),
                    format!(
                        "{who}The path did not answer for {gap}, {}; {how}.",
                        later(connected.at, since.at)
                    ),
                ));
                broken = None;
            }
            _ => {}
        }
    }
    if let Some(since) = broken {
        let lost = side.consent_lost.last().map(|at| at.line);
        findings.push(finding(
            about,
            side,
            std::iter::once(since.line).chain(lost),
            format!(
                "{who}The path stopped answering {}, and did not come back.",
                later(connected.at, since.at)
            ),
        ));
    }
    let moves: Vec<_> =
        side.selected.windows(2).filter_map(|two| Some((two.first()?, two.last()?))).collect();
    for (before, after) in moves {
        let (Some(before), Some(name)) = (&before.what, &after.what) else { continue };
        let (Some(old), Some(new)) = (side.pairs.get(before), side.pairs.get(name)) else { continue };
        // Until it stands the choice goes back and forth.
        if old == new || after.at < connected.at {
            continue;
        }
        findings.push(finding(
            about,
            side,
            [after.line],
            format!("{who}It moved {}: {}.", later(connected.at, after.at), path(side, new)),
        ));
    }
    // It may have lived on after its last line; but of what comes after that nothing is known to be about it.
    let end = side.last_line.as_ref().map_or(0, |last| last.line);
    let after_end = side.server_lost.iter().find(|lost| lost.line > end);
    let is_told =
        |lost: &&At<String>| lost.at > connected.at && (lost.line < end || Some(*lost) == after_end);
    for lost in side.server_lost.iter().filter(is_told) {
        findings.push(finding(
            about,
            side,
            [lost.line],
            format!(
                "{who}The server was lost {} ({}); the connection does not need it.",
                later(connected.at, lost.at),
                lost.what.trim_end_matches('.')
            ),
        ));
    }
    findings
}

fn later(connected: f64, at: f64) -> String {
    format!("{} after it had connected", duration((at - connected).max(0.0)))
}

/// `12 ms`, `3.4 s`, `5 min 20 s`
pub(super) fn duration(milliseconds: f64) -> String {
    match milliseconds {
        few if few < 10.0 => format!("{few:.1} ms"),
        short if short < 1_000.0 => format!("{short:.0} ms"),
        seconds if seconds < 60_000.0 => format!("{:.1} s", seconds / 1e3),
        long => format!("{:.0} min {:.0} s", (long / 60_000.0).floor(), (long % 60_000.0) / 1e3),
    }
}

#[cfg(test)]
mod tests;
