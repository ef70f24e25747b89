//! What the peer's description says of the transport that carries our section.

use peerline_dtls as dtls;
use peerline_ice::Credentials;
use peerline_sdp::{
    Attribute, BUNDLE, Candidate, Fingerprint, IceOptions, IcePwd, IceUfrag, MaxMessageSize,
    MediaDescription, SctpInit, SctpPort, SessionDescription, Setup, flag,
};

use crate::Error;

/// The peer's end of the transport, as a description of its describes it.
#[derive(Debug)]
pub(crate) struct RemoteTransport {
    /// The section for data channels.
    pub section: usize,
    pub credentials: Credentials,
    pub is_lite: bool,
    /// Its agent is one of RFC 8445 (§10).
    pub has_ice2: bool,
    pub fingerprints: Vec<dtls::Fingerprint>,
    /// `None` if it isn't said.
    pub setup: Option<Setup>,
    pub candidates: Vec<Candidate>,
    pub has_all_candidates: bool,
    pub sctp: RemoteSctp,
}

/// The peer's end of the SCTP association.
#[derive(Debug)]
pub(crate) struct RemoteSctp {
    pub port: u16,
    /// `None` if any size goes.
    pub max_message_size: Option<usize>,
    pub init: Option<Vec<u8>>,
}

/// Whether the section is offered, or accepted: bundled ones may say so without a port (RFC 8843 §6).
pub(crate) fn is_active(media: &MediaDescription) -> bool {
    media.media_line().port != 0 || media.has(flag::BUNDLE_ONLY)
}

/// The section that data channels go over: the first active one. SCTP's port may be 0 as well (RFC 8841 §5.1).
pub(crate) fn data_section(description: &SessionDescription) -> Option<usize> {
    let has_association = |media: &MediaDescription| media.get::<SctpPort>() != Some(SctpPort(0));
    description
        .media
        .iter()
        .position(|media| media.is_data_channel() && is_active(media) && has_association(media))
}

/// The sections that share a transport with this one, the first of them being the one whose transport it is
/// (RFC 8843 §7.1.1). Just this one if it isn't bundled.
pub(crate) fn bundle_of(description: &SessionDescription, index: usize) -> Vec<usize> {
    let mid = description.media.get(index).and_then(MediaDescription::mid);
    let group =
        description.groups(BUNDLE).find(|group| mid.as_ref().is_some_and(|mid| group.mids.contains(mid)));
    let Some(group) = group else { return vec![index] };
    let index_of =
        |mid: &String| description.media.iter().position(|media| media.mid().as_ref() == Some(mid));
    group.mids.iter().filter_map(index_of).collect()
}

/// Whether the section's description has this ICE option (RFC 8839 §5.6).
pub(crate) fn has_ice_option(description: &SessionDescription, index: usize, option: &str) -> bool {
    let section = description.media.get(index).and_then(|media| media.get::<IceOptions>());
    let options = section.or_else(|| description.session().get());
    options.is_some_and(|options| options.contains(option))
}

impl RemoteTransport {
    /// `None` without data channels.
    ///
    /// # Errors
    /// The section for data channels hasn't all that its transport needs.
    pub fn read(description: &SessionDescription) -> Result<Option<Self>, Error> {
        let Some(index) = data_section(description) else { return Ok(None) };
        let bundle = bundle_of(description, index);
        // An initial offer may give each section of a bundle a transport of its own, in case it isn't bundled
        // (RFC 8843 §7.2.1). We accept one section only, so that its own transport comes first.
        let tagged = bundle.first().copied();
        let sections: Vec<_> = [Some(index), tagged.filter(|tagged| *tagged != index)]
            .into_iter()
            .flatten()
            .filter_map(|index| description.media.get(index))
            .collect();
        let section = sections.first().ok_or(Error::InvalidAccess("no section for data channels"))?;

        fn first<A: Attribute>(
            sections: &[&MediaDescription],
            description: &SessionDescription,
        ) -> Option<A> {
            sections.iter().find_map(|media| media.get()).or_else(|| description.session().get())
        }
        let ufrag: IceUfrag = first(&sections, description).ok_or(Error::InvalidAccess("no a=ice-ufrag"))?;
        let pwd: IcePwd = first(&sections, description).ok_or(Error::InvalidAccess("no a=ice-pwd"))?;

        let with_fingerprint = sections.iter().find(|media| media.has(Fingerprint::NAME));
        let section_of_fingerprint = with_fingerprint.map_or(description.session(), |media| media);
        // RFC 8122 §5: those of unknown hash functions are passed over as long as one is left.
        let fingerprints: Vec<_> = section_of_fingerprint
            .all::<Fingerprint>()
            .filter_map(|Fingerprint { algorithm, hash }| {
                dtls::Fingerprint::from_hash(dtls::HashFunction::from_name(&algorithm).ok()?, hash).ok()
            })
            .collect();
        if fingerprints.is_empty() {
            return Err(Error::InvalidAccess("no a=fingerprint that can be checked"));
        }

        let mut candidates: Vec<Candidate> =
            sections.iter().flat_map(|media| media.all()).fold(Vec::new(), |mut all, one| {
                if !all.contains(&one) {
                    all.push(one);
                }
                all
            });
        candidates.shrink_to_fit();
        let options: Option<IceOptions> = first(&sections, description);
        let has = |option| options.as_ref().is_some_and(|options| options.contains(option));
        let is_said_complete = sections.iter().any(|media| media.has(flag::END_OF_CANDIDATES))
            || description.session().has(flag::END_OF_CANDIDATES);

        let max_message_size = section.get().unwrap_or(MaxMessageSize::DEFAULT).0;
        Ok(Some(Self {
            section: index,
            credentials: Credentials { ufrag: ufrag.0, pwd: pwd.0 },
            is_lite: description.session().has(flag::ICE_LITE),
            has_ice2: has("ice2"),
            fingerprints,
            setup: first(&sections, description),
            candidates,
            // RFC 8838 §3: who doesn't trickle has said all.
            has_all_candidates: is_said_complete || !has("trickle"),
            sctp: RemoteSctp {
                port: section.get::<SctpPort>().map_or(5000, |port| port.0),
                max_message_size: (max_message_size != 0)
                    .then(|| usize::try_from(max_message_size).unwrap_or(usize::MAX)),
                init: section.get::<SctpInit>().map(|init| init.0),
            },
        }))
    }
}
