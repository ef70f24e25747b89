//! STUN messages and ChannelData in a stream of bytes (RFC 8489 §6.2.2, RFC 8656 §12.5).

use crate::MAGIC_COOKIE;

/// What stands at the beginning of the bytes received so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Nothing whole yet: read on.
    Incomplete,
    /// A whole message.
    Complete {
        /// A STUN message, or ChannelData without its padding.
        message: &'a [u8],
        /// Where the next message begins.
        consumed: usize,
    },
    /// This is neither STUN nor ChannelData: close the connection.
    Invalid,
}

/// The longest frame in bytes: a STUN message, whose header counts 65,532 bytes after itself.
pub const FRAME_MAX: usize = 20 + 65_532;

/// Finds the first message in `stream`. Classic STUN (RFC 3489) doesn't know streams, so the magic cookie is required.
pub fn next_frame(stream: &[u8]) -> Frame<'_> {
    let Some(&first) = stream.first() else {
        return Frame::Incomplete;
    };
    if first >> 6 > 1 {
        return Frame::Invalid;
    }
    let Some(&[_, _, high, low]) = stream.first_chunk::<4>() else {
        return Frame::Incomplete;
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let (whole, consumed) = if first >> 6 == 1 {
        (4 + length, 4 + length.next_multiple_of(4))
    } else {
        let cookie = stream.get(4..8);
        if !length.is_multiple_of(4) || cookie.is_some_and(|cookie| cookie != MAGIC_COOKIE.to_be_bytes()) {
            return Frame::Invalid;
        }
        (20 + length, 20 + length)
    };
    match stream.get(..consumed).and_then(|frame| frame.get(..whole)) {
        Some(message) => Frame::Complete { message, consumed },
        None => Frame::Incomplete,
    }
}
