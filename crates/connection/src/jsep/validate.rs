//! What makes a description of the peer's impossible (RFC 9429 §5.8.3, §5.10, §5.11).

use std::collections::HashSet;

use peerline_sdp::{BUNDLE, MediaDescription, SessionDescription};

use crate::Error;

/// An offer, after what the peer said before.
pub(super) fn offer(before: Option<&SessionDescription>, offer: &SessionDescription) -> Result<(), Error> {
    names(offer)?;
    if let Some(before) = before {
        if offer.media.len() < before.media.len() {
            return Err(Error::InvalidAccess("sections have been left out"));
        }
        // RFC 9429 §5.2.2: a section that was refused may be used for something else.
        let is_other = |(old, new): (&MediaDescription, &MediaDescription)| {
            old.media_line().port != 0 && old.media_line().media != new.media_line().media
        };
        if before.media.iter().zip(&offer.media).any(is_other) {
            return Err(Error::InvalidAccess("a section has become another"));
        }
    }
    Ok(())
}

/// An answer to our offer.
pub(super) fn answer(offer: &SessionDescription, answer: &SessionDescription) -> Result<(), Error> {
    names(answer)?;
    if offer.media.len() != answer.media.len() {
        return Err(Error::InvalidAccess("the answer has not as many sections as the offer"));
    }
    for (offered, answered) in offer.media.iter().zip(&answer.media) {
        if offered.media_line().media != answered.media_line().media {
            return Err(Error::InvalidAccess("the answer's sections aren't the offer's"));
        }
        if answered.mid().is_some() && answered.mid() != offered.mid() {
            return Err(Error::InvalidAccess("the answer's a=mid aren't the offer's"));
        }
        if offered.media_line().port == 0 && answered.media_line().port != 0 {
            return Err(Error::InvalidAccess("the answer accepts what wasn't offered"));
        }
    }
    let offered: HashSet<String> = offer.groups(BUNDLE).flat_map(|group| group.mids).collect();
    if answer.groups(BUNDLE).flat_map(|group| group.mids).any(|mid| !offered.contains(&mid)) {
        return Err(Error::InvalidAccess("the answer bundles what the offer doesn't"));
    }
    Ok(())
}

/// Sections have names of their own, and bundles are made of them (RFC 8843 §7.1).
fn names(description: &SessionDescription) -> Result<(), Error> {
    let mids: Vec<String> = description.media.iter().filter_map(MediaDescription::mid).collect();
    let unique: HashSet<&String> = mids.iter().collect();
    if unique.len() != mids.len() {
        return Err(Error::InvalidAccess("two sections have the same a=mid"));
    }
    let mut bundled = HashSet::new();
    for mid in description.groups(BUNDLE).flat_map(|group| group.mids) {
        if !unique.contains(&mid) {
            return Err(Error::InvalidAccess("a bundle names a section that isn't there"));
        }
        if !bundled.insert(mid) {
            return Err(Error::InvalidAccess("a section is in two bundles"));
        }
    }
    Ok(())
}
