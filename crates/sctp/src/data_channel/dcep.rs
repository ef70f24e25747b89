//! The Data Channel Establishment Protocol (RFC 8832 §5).

use bytes::Bytes;

use super::DataChannelInit;
use crate::Reliability;

const DATA_CHANNEL_ACK: u8 = 2;
const DATA_CHANNEL_OPEN: u8 = 3;

/// Bit of the channel type: unordered (RFC 8832 §5.1).
const UNORDERED: u8 = 0x80;
const RELIABLE: u8 = 0;
const LIMITED_RETRANSMISSIONS: u8 = 1;
const LIMITED_LIFETIME: u8 = 2;

/// A message of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Dcep {
    /// The peer opens a channel. `negotiated` and `id` of what it says aren't meaningful.
    Open(Box<DataChannelInit>),
    Ack,
}

impl Dcep {
    /// Reads a message; `None` for what isn't one.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        match *bytes {
            [DATA_CHANNEL_ACK, ..] => Some(Self::Ack),
            [DATA_CHANNEL_OPEN, kind, p0, p1, r0, r1, r2, r3, l0, l1, q0, q1, ref rest @ ..] => {
                let label_length = usize::from(u16::from_be_bytes([l0, l1]));
                let protocol_length = usize::from(u16::from_be_bytes([q0, q1]));
                let (label, rest) = rest.split_at_checked(label_length)?;
                let protocol = rest.get(..protocol_length)?;
                let parameter = u32::from_be_bytes([r0, r1, r2, r3]);
                let reliability = match kind & !UNORDERED {
                    RELIABLE => Reliability::Reliable,
                    LIMITED_RETRANSMISSIONS => {
                        Reliability::MaxRetransmissions(u16::try_from(parameter).unwrap_or(u16::MAX))
                    }
                    LIMITED_LIFETIME => {
                        Reliability::MaxLifetime(std::time::Duration::from_millis(parameter.into()))
                    }
                    _ => return None,
                };
                Some(Self::Open(Box::new(DataChannelInit {
                    label: String::from_utf8_lossy(label).into_owned(),
                    protocol: String::from_utf8_lossy(protocol).into_owned(),
                    ordered: kind & UNORDERED == 0,
                    reliability,
                    negotiated: false,
                    id: None,
                    priority: u16::from_be_bytes([p0, p1]),
                })))
            }
            _ => None,
        }
    }
}

/// DATA_CHANNEL_OPEN for a channel whose names have been checked to fit.
pub(super) fn open(init: &DataChannelInit) -> Bytes {
    let (kind, parameter) = match init.reliability {
        Reliability::Reliable => (RELIABLE, 0),
        Reliability::MaxRetransmissions(most) => (LIMITED_RETRANSMISSIONS, u32::from(most)),
        Reliability::MaxLifetime(lifetime) => {
            (LIMITED_LIFETIME, u32::try_from(lifetime.as_millis()).unwrap_or(u32::MAX))
        }
    };
    let kind = if init.ordered { kind } else { kind | UNORDERED };
    let mut bytes = vec![DATA_CHANNEL_OPEN, kind];
    bytes.extend_from_slice(&init.priority.to_be_bytes());
    bytes.extend_from_slice(&parameter.to_be_bytes());
    for name in [&init.label, &init.protocol] {
        bytes.extend_from_slice(&u16::try_from(name.len()).unwrap_or(u16::MAX).to_be_bytes());
    }
    bytes.extend_from_slice(init.label.as_bytes());
    bytes.extend_from_slice(init.protocol.as_bytes());
    Bytes::from(bytes)
}

/// DATA_CHANNEL_ACK.
pub(super) fn ack() -> Bytes {
    Bytes::from_static(&[DATA_CHANNEL_ACK])
}
