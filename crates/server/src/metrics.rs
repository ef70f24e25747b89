//! What the operator can count: text in Prometheus' exposition format, version 0.0.4.

use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicU64, Ordering};

use peerline_signaling::ErrorCode;
use peerline_signaling::hub;
use peerline_turn::Dropped;

use crate::relay;
use crate::signaling::CallCounts;

/// What the server itself counts. Hub and relay count for themselves.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    accepted: AtomicU64,
    refused_full: AtomicU64,
    refused_slow: AtomicU64,
    refused_handshake: AtomicU64,
    refused_origin: AtomicU64,
}

impl Metrics {
    pub(crate) fn accepted(&self) {
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    /// There are too many connections or WebSockets, in total or of that address.
    pub(crate) fn refused_full(&self) {
        self.refused_full.fetch_add(1, Ordering::Relaxed);
    }

    /// Nothing came in time.
    pub(crate) fn refused_slow(&self) {
        self.refused_slow.fetch_add(1, Ordering::Relaxed);
    }

    /// TLS could not agree.
    pub(crate) fn refused_handshake(&self) {
        self.refused_handshake.fetch_add(1, Ordering::Relaxed);
    }

    /// A page of a foreign origin wanted to use the signaling.
    pub(crate) fn refused_origin(&self) {
        self.refused_origin.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn write(&self, open: u32, page: &mut Page) {
        page.gauge("peerline_connections", "Open TCP connections.", open);
        page.counter(
            "peerline_connections_total",
            "TCP connections since the start.",
            self.accepted.load(Ordering::Relaxed),
        );
        page.family(
            "peerline_connections_refused_total",
            "counter",
            "TCP connections and WebSockets refused, by reason.",
        );
        for (reason, count) in [
            ("full", &self.refused_full),
            ("slow", &self.refused_slow),
            ("tls_handshake", &self.refused_handshake),
            ("origin", &self.refused_origin),
        ] {
            page.sample(
                "peerline_connections_refused_total",
                &[("reason", reason)],
                count.load(Ordering::Relaxed),
            );
        }
    }
}

/// What the hub counts.
pub(crate) fn write_signaling(statistics: &hub::Statistics, calls: &CallCounts, page: &mut Page) {
    page.gauge("peerline_signaling_connections", "Open signaling connections.", statistics.connections);
    page.gauge(
        "peerline_participants",
        "Participants with a session, connected or in their grace time.",
        statistics.sessions,
    );
    page.gauge("peerline_participants_away", "Participants in their grace time.", statistics.away);
    page.gauge("peerline_channels", "Channels with at least one member.", statistics.channels);
    page.gauge("peerline_channel_members", "Memberships in all channels.", statistics.members);
    page.gauge(
        "peerline_participants_findable",
        "Participants who can be found by name.",
        statistics.findable,
    );
    page.gauge("peerline_invitations_ringing", "Invitations that ring.", statistics.ringing);
    page.gauge(
        "peerline_queued_bytes",
        "Bytes that wait for the acknowledgement of clients.",
        statistics.queued_bytes,
    );
    page.counter("peerline_frames_received_total", "Frames from clients.", statistics.frames);
    page.counter("peerline_messages_total", "Messages put in line for a receiver.", statistics.messages);
    page.family("peerline_signaling_errors_total", "counter", "Frames answered with an error, by its code.");
    for code in ErrorCode::ALL {
        page.sample("peerline_signaling_errors_total", &[("code", code.as_str())], statistics.refusals(code));
    }
    page.family(
        "peerline_calls_total",
        "counter",
        "Connections between two participants as they reported them, by path, and why they failed.",
    );
    for ((path, reason), count) in calls {
        page.sample("peerline_calls_total", &[("path", path), ("reason", reason)], count);
    }
}

/// What the relay counts.
pub(crate) fn write_relay(statistics: &relay::Statistics, page: &mut Page) {
    let (turn, allocations) = (&statistics.turn, &statistics.allocations);
    page.gauge("peerline_allocations", "TURN allocations alive.", allocations.live);
    page.counter("peerline_allocations_total", "TURN allocations since the start.", allocations.total);
    page.family("peerline_allocations_refused_total", "counter", "TURN allocations refused, by reason.");
    for (reason, count) in [
        ("quota", allocations.refused_by_quota),
        ("capacity", allocations.refused_by_capacity),
        ("family", allocations.refused_by_family),
    ] {
        page.sample("peerline_allocations_refused_total", &[("reason", reason)], count);
    }
    page.family("peerline_relayed_packets_total", "counter", "Packets relayed, by direction.");
    page.sample("peerline_relayed_packets_total", &[("direction", "to_peer")], turn.packets_from_clients);
    page.sample("peerline_relayed_packets_total", &[("direction", "to_client")], turn.packets_from_peers);
    page.family("peerline_relayed_bytes_total", "counter", "Payload relayed, by direction.");
    page.sample("peerline_relayed_bytes_total", &[("direction", "to_peer")], turn.bytes_from_clients);
    page.sample("peerline_relayed_bytes_total", &[("direction", "to_client")], turn.bytes_from_peers);
    page.family("peerline_relay_dropped_total", "counter", "Packets not relayed, by reason.");
    for reason in Dropped::ALL {
        page.sample("peerline_relay_dropped_total", &[("reason", dropped(reason))], turn.dropped(reason));
    }
    page.counter(
        "peerline_relay_send_failures_total",
        "Packets that the kernel did not take.",
        statistics.send_failures,
    );
    page.counter("peerline_stun_bindings_total", "Binding requests answered.", turn.bindings);
    page.counter(
        "peerline_stun_strangers_ignored_total",
        "Requests not answered because their address had asked too often.",
        statistics.strangers_ignored,
    );
    page.family(
        "peerline_turn_errors_total",
        "counter",
        "TURN and STUN requests answered with an error, by its code.",
    );
    for (code, count) in turn.errors() {
        page.sample("peerline_turn_errors_total", &[("code", &code.number().to_string())], count);
    }
}

fn dropped(reason: Dropped) -> &'static str {
    match reason {
        Dropped::Malformed => "malformed",
        Dropped::NoAllocation => "no_allocation",
        Dropped::NoChannel => "no_channel",
        Dropped::NoPermission => "no_permission",
        Dropped::Forbidden => "forbidden",
        Dropped::NoAddress => "no_address",
        Dropped::OverBudget => "over_budget",
        Dropped::TooLarge => "too_large",
    }
}

/// The text as it grows.
#[derive(Debug, Default)]
pub(crate) struct Page(String);

impl Page {
    pub(crate) fn gauge(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    pub(crate) fn counter(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, "counter", help);
        self.sample(name, &[], value);
    }

    /// Begins a metric; its samples follow.
    pub(crate) fn family(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// Label values are words of ours: none needs escaping.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"{text}\"", if index == 0 { '{' } else { ',' });
        }
        let _ = writeln!(self.0, "{}{value}", if labels.is_empty() { " " } else { "} " });
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_what_prometheus_reads() {
        let mut page = Page::default();
        page.gauge("a", "An a.", 1);
        page.family("b_total", "counter", "Bs.");
        page.sample("b_total", &[("x", "y"), ("z", "w")], 2);
        assert_eq!(
            page.into_text(),
            "# HELP a An a.\n# TYPE a gauge\na 1\n# HELP b_total Bs.\n# TYPE b_total counter\nb_total{x=\"y\",z=\"w\"} 2\n"
        );
    }
}
