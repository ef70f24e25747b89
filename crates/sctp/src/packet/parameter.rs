//! Parameters and error causes: type, length, value (RFC 9260 §3.2.1, §3.3.10).

use super::{CHUNK_HEADER, padded};

/// Iterates over what is written as type, length, value; ends at the first that can't be read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameters<'a> {
    rest: &'a [u8],
}

/// One of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parameter<'a> {
    pub(crate) kind: u16,
    pub(crate) value: &'a [u8],
    /// With its header, without padding.
    pub(crate) whole: &'a [u8],
}

impl<'a> Parameters<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Nothing is left that couldn't be read.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.rest.is_empty()
    }
}

impl<'a> Iterator for Parameters<'a> {
    type Item = Parameter<'a>;

    fn next(&mut self) -> Option<Parameter<'a>> {
        let &[k0, k1, l0, l1] = self.rest.first_chunk::<CHUNK_HEADER>()?;
        let length = usize::from(u16::from_be_bytes([l0, l1]));
        let whole = self.rest.get(..length)?;
        let value = whole.get(CHUNK_HEADER..)?;
        self.rest = self.rest.get(padded(length)..).unwrap_or_default();
        Some(Parameter { kind: u16::from_be_bytes([k0, k1]), value, whole })
    }
}
