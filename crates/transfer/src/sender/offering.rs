//! The offer's messages, made as they are sent.

use crate::limits::CONTROL;
use crate::message::{Control, FileEntry};
use crate::offer::Offer;

/// What a file's entry takes besides its path: names, numbers, punctuation.
const ENTRY: usize = 80;

/// How much of the offer has been written.
#[derive(Debug)]
pub(super) enum Offering {
    First,
    /// The files from this one on.
    Files(usize),
}

impl Offering {
    pub(super) const fn new() -> Self {
        Self::First
    }

    /// The next message, and whether it is the last one.
    pub(super) fn next(&mut self, offer: &Offer) -> (String, bool) {
        let Self::Files(next) = self else {
            *self = Self::Files(0);
            let files = u32::try_from(offer.files().len()).unwrap_or(u32::MAX);
            let (transfer, bytes, chunk) = (offer.transfer(), offer.bytes(), offer.chunk());
            return (Control::Offer { transfer, files, bytes, chunk }.text(), false);
        };
        let mut length = ENTRY;
        let rest = offer.files().get(*next..).unwrap_or_default();
        let mut fits = |entry: &FileEntry| {
            length += ENTRY + entry.path.len();
            length <= CONTROL
        };
        let entries = rest.iter().map(|file| FileEntry {
            path: file.path.as_str().to_owned(),
            size: file.size,
            modified: file.modified,
        });
        let files: Vec<FileEntry> = entries.take_while(&mut fits).collect();
        *next += files.len();
        let last = *next == offer.files().len();
        (Control::Files { files }.text(), last)
    }
}
