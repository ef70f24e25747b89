//! An offer that comes in parts.

use crate::error::Error;
use crate::limits::Limits;
use crate::message::FileEntry;
use crate::offer::{ChunkSize, InvalidOffer, Offer, OfferedFile, TransferId};
use crate::path::FilePath;

#[derive(Debug)]
pub(super) struct Listing {
    transfer: TransferId,
    chunk: ChunkSize,
    /// What was announced.
    count: usize,
    bytes: u64,
    /// Bytes of paths that may still come.
    paths: usize,
    files: Vec<OfferedFile>,
}

impl Listing {
    pub(super) fn new(
        transfer: TransferId,
        chunk: ChunkSize,
        count: u32,
        bytes: u64,
        limits: Limits,
    ) -> Result<Self, Error> {
        let count = usize::try_from(count).map_err(|_| Error::TooLarge("too many files"))?;
        if count > limits.files {
            return Err(Error::TooLarge("too many files"));
        }
        if bytes > limits.bytes {
            return Err(Error::TooLarge("too many bytes"));
        }
        // The list grows as files come, not as they are announced.
        Ok(Self { transfer, chunk, count, bytes, paths: limits.paths, files: Vec::new() })
    }

    /// Takes some files; when they are the last ones, gives the offer.
    pub(super) fn add(&mut self, entries: Vec<FileEntry>) -> Result<Option<Offer>, Error> {
        if entries.is_empty() || self.files.len() + entries.len() > self.count {
            return Err(Error::BadMessage("not as many files as were announced"));
        }
        for FileEntry { path, size, modified } in entries {
            self.paths = self.paths.checked_sub(path.len()).ok_or(Error::TooLarge("too many files"))?;
            let path = FilePath::parse(&path).map_err(Error::BadPath)?;
            self.files.push(OfferedFile { path, size, modified });
        }
        if self.files.len() < self.count {
            return Ok(None);
        }
        let offer =
            Offer::new(self.transfer, self.chunk, std::mem::take(&mut self.files)).map_err(|invalid| {
                match invalid {
                    InvalidOffer::Empty => Error::BadMessage("an offer of nothing"),
                    InvalidOffer::Collision => Error::BadMessage("two files with one path"),
                    InvalidOffer::TooManyFiles => Error::TooLarge("too many files"),
                    InvalidOffer::TooLarge => Error::TooLarge("too many bytes"),
                }
            })?;
        if offer.bytes() != self.bytes {
            return Err(Error::BadMessage("the sizes are not the sum that was announced"));
        }
        Ok(Some(offer))
    }
}
