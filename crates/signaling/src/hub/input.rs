//! A frame from a client, read.

use super::Refusal;
use crate::error::ErrorCode;
use crate::message::FromClient;

/// What a frame says, or what is wrong with it. Reading it needs no hub: an owner that shares one reads before it waits for it.
#[derive(Debug)]
pub struct Input<'a>(pub(super) Result<FromClient<'a>, Refusal>);

impl<'a> Input<'a> {
    /// Reads a whole frame of at most `longest` bytes ([`crate::Limits::frame`]). One that was too large to be kept may be
    /// handed in cut off, as long as it is still too large.
    #[must_use]
    pub fn read(frame: &'a [u8], longest: usize) -> Self {
        Self(if frame.len() > longest {
            Err(Refusal { code: ErrorCode::TooLarge, re: None, joining: false })
        } else {
            FromClient::parse(frame)
        })
    }
}
