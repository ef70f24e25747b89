//! Whatever text comes in: reading it doesn't panic, and what was read is written the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use peerline_sdp::{Candidate, Fingerprint, Group, RtpMap, SessionDescription, Simulcast};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(candidate) = text.parse::<Candidate>() {
        let again = candidate.to_string().parse::<Candidate>();
        assert_eq!(again.as_ref(), Ok(&candidate));
    }
    let Ok(description) = SessionDescription::parse(text) else {
        return;
    };
    let written = description.to_string();
    let lines = text.trim_end_matches(['\r', '\n']).split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
    assert!(written.lines().eq(lines));
    assert_eq!(SessionDescription::parse(&written).as_ref(), Ok(&description));
    for section in std::iter::once(description.session()).chain(description.media.iter().map(|media| &**media)) {
        let _ = (section.direction(), section.get::<Group>(), section.get::<Fingerprint>());
        section.all::<Candidate>().for_each(drop);
        section.all::<RtpMap>().for_each(drop);
        section.all::<Simulcast>().for_each(drop);
    }
});
