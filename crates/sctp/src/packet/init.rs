//! INIT and INIT ACK (RFC 9260 §3.3.2, §3.3.3) with the parameters that matter to us.

use super::{ChunkWriter, Parameters, Unrecognized, kind};
use crate::{Config, Tsn, VerificationTag};

/// Parameters (RFC 9260 §3.3.2, RFC 3758 §3.1, RFC 5061 §4.2.7, RFC 9653 §4).
mod parameter {
    pub(super) const IPV4_ADDRESS: u16 = 5;
    pub(super) const IPV6_ADDRESS: u16 = 6;
    pub(super) const STATE_COOKIE: u16 = 7;
    pub(super) const UNRECOGNIZED: u16 = 8;
    pub(super) const COOKIE_PRESERVATIVE: u16 = 9;
    pub(super) const HOST_NAME_ADDRESS: u16 = 11;
    pub(super) const SUPPORTED_ADDRESS_TYPES: u16 = 12;
    pub(super) const ECN_CAPABLE: u16 = 0x8000;
    pub(super) const ZERO_CHECKSUM_ACCEPTABLE: u16 = 0x8001;
    pub(super) const RANDOM: u16 = 0x8002;
    pub(super) const CHUNK_LIST: u16 = 0x8003;
    pub(super) const REQUESTED_HMAC_ALGORITHM: u16 = 0x8004;
    pub(super) const PADDING: u16 = 0x8005;
    pub(super) const SUPPORTED_EXTENSIONS: u16 = 0x8008;
    pub(super) const FORWARD_TSN_SUPPORTED: u16 = 0xC000;
    pub(super) const ADAPTATION_LAYER_INDICATION: u16 = 0xC006;
}

/// DTLS as what makes a checksum superfluous (RFC 9653 §8).
const ERROR_DETECTION_BY_DTLS: [u8; 4] = [0, 0, 0, 1];

/// Which of the two chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitKind<'a> {
    Init,
    /// With the state cookie, and the parameters of the INIT that we didn't know and are to report.
    InitAck {
        cookie: &'a [u8],
        unrecognized: &'a [u8],
    },
}

/// What makes an INIT unusable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitFlaw {
    /// It can't be read.
    Malformed,
    /// A tag, number of streams or window that must not be (RFC 9260 §3.3.2).
    InvalidParameter,
    /// A host name, which isn't to be used any more (RFC 9260 §3.3.2.4).
    HostName,
}

/// What an INIT or INIT ACK says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Init<'a> {
    pub(crate) tag: VerificationTag,
    pub(crate) window: u32,
    pub(crate) outgoing_streams: u16,
    pub(crate) incoming_streams: u16,
    pub(crate) initial_tsn: Tsn,
    pub(crate) interleaving: bool,
    pub(crate) partial_reliability: bool,
    pub(crate) stream_reset: bool,
    pub(crate) zero_checksum: bool,
    pub(crate) padding: bool,
    /// Of an INIT ACK.
    pub(crate) cookie: Option<&'a [u8]>,
    /// Parameters that we don't know and whose sender wants to be told, one behind the other, padded.
    pub(crate) unrecognized: Vec<u8>,
}

impl<'a> Init<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, InitFlaw> {
        let (&[t0, t1, t2, t3, w0, w1, w2, w3, o0, o1, i0, i1, n0, n1, n2, n3], rest) =
            value.split_first_chunk::<16>().ok_or(InitFlaw::Malformed)?;
        let mut init = Self {
            tag: VerificationTag(u32::from_be_bytes([t0, t1, t2, t3])),
            window: u32::from_be_bytes([w0, w1, w2, w3]),
            outgoing_streams: u16::from_be_bytes([o0, o1]),
            incoming_streams: u16::from_be_bytes([i0, i1]),
            initial_tsn: Tsn(u32::from_be_bytes([n0, n1, n2, n3])),
            interleaving: false,
            partial_reliability: false,
            stream_reset: false,
            zero_checksum: false,
            padding: false,
            cookie: None,
            unrecognized: Vec::new(),
        };
        if init.tag.0 == 0 || init.outgoing_streams == 0 || init.incoming_streams == 0 {
            return Err(InitFlaw::InvalidParameter);
        }
        let mut parameters = Parameters::new(rest);
        for found in parameters.by_ref() {
            match found.kind {
                parameter::STATE_COOKIE => init.cookie = Some(found.value),
                parameter::FORWARD_TSN_SUPPORTED => init.partial_reliability = true,
                parameter::SUPPORTED_EXTENSIONS => {
                    init.interleaving |= found.value.contains(&kind::I_DATA);
                    init.partial_reliability |= found.value.contains(&kind::FORWARD_TSN);
                    init.stream_reset |= found.value.contains(&kind::RE_CONFIG);
                    init.padding |= found.value.contains(&kind::PAD);
                }
                parameter::ZERO_CHECKSUM_ACCEPTABLE => {
                    init.zero_checksum |= found.value == ERROR_DETECTION_BY_DTLS;
                }
                parameter::HOST_NAME_ADDRESS => return Err(InitFlaw::HostName),
                parameter::IPV4_ADDRESS
                | parameter::IPV6_ADDRESS
                | parameter::UNRECOGNIZED
                | parameter::COOKIE_PRESERVATIVE
                | parameter::SUPPORTED_ADDRESS_TYPES
                | parameter::ECN_CAPABLE
                | parameter::RANDOM
                | parameter::CHUNK_LIST
                | parameter::REQUESTED_HMAC_ALGORITHM
                | parameter::PADDING
                | parameter::ADAPTATION_LAYER_INDICATION => {}
                unknown => {
                    let wish = Unrecognized::parameter(unknown);
                    if wish.is_reported {
                        init.unrecognized.extend_from_slice(found.whole);
                        init.unrecognized.resize(super::padded(init.unrecognized.len()), 0);
                    }
                    if !wish.goes_on {
                        return Ok(init);
                    }
                }
            }
        }
        if parameters.is_exhausted() { Ok(init) } else { Err(InitFlaw::Malformed) }
    }
}

/// Our INIT or INIT ACK.
pub(crate) fn write_init(
    init_kind: InitKind<'_>,
    config: &Config,
    tag: VerificationTag,
    initial_tsn: Tsn,
    window: u32,
) -> Vec<u8> {
    let chunk_kind = if init_kind == InitKind::Init { kind::INIT } else { kind::INIT_ACK };
    let mut chunk = ChunkWriter::new(chunk_kind, 0);
    chunk.u32(tag.0).u32(window).u16(config.streams).u16(config.streams).u32(initial_tsn.0);
    if let InitKind::InitAck { cookie, unrecognized } = init_kind {
        chunk.parameter(parameter::STATE_COOKIE, cookie);
        for unknown in Parameters::new(unrecognized) {
            chunk.parameter(parameter::UNRECOGNIZED, unknown.whole);
        }
    }
    chunk.parameter(parameter::FORWARD_TSN_SUPPORTED, &[]);
    let extensions: &[u8] = if config.interleaving {
        &[kind::RE_CONFIG, kind::FORWARD_TSN, kind::PAD, kind::I_DATA, kind::I_FORWARD_TSN]
    } else {
        &[kind::RE_CONFIG, kind::FORWARD_TSN, kind::PAD]
    };
    chunk.parameter(parameter::SUPPORTED_EXTENSIONS, extensions);
    if config.zero_checksum {
        chunk.parameter(parameter::ZERO_CHECKSUM_ACCEPTABLE, &ERROR_DETECTION_BY_DTLS);
    }
    chunk.finish()
}
