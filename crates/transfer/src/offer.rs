//! What is offered: files with paths, sizes and times.

use std::collections::HashSet;
use std::fmt;

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::RngCore as _;
use rand::rngs::StdRng;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use crate::limits::{Limits, SIZE};
use crate::path::FilePath;

/// The place of a file in its offer, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FileIndex(pub u32);

impl fmt::Display for FileIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

/// Names a transfer: 16 random bytes. An offer with the same name goes on with the same transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TransferId([u8; 16]);

impl TransferId {
    /// A new name.
    #[must_use]
    pub fn random(random: &mut StdRng) -> Self {
        let mut bytes = [0; 16];
        random.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// The name that a sender with this secret gives to these files in this place, each time again: nobody else can
    /// guess it, and other files get another one.
    #[must_use]
    pub fn derive(secret: &[u8], place: &[u8], files: &[OfferedFile]) -> Self {
        let mut context = Context::with_key(&Key::new(HMAC_SHA256, secret));
        context.update(b"peerline v1 transfer");
        let mut add = |part: &[u8]| {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        };
        add(place);
        for file in files {
            add(file.path.as_str().as_bytes());
            add(&file.size.to_be_bytes());
            add(&file.modified.map(i64::to_be_bytes).unwrap_or_default());
        }
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(context.sign().as_ref()).for_each(|(byte, signed)| *byte = *signed);
        Self(bytes)
    }

    /// Reads a name: 22 characters of base64url.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for TransferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl Serialize for TransferId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TransferId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("a transfer is 22 characters of base64url"))
    }
}

/// Bytes of a chunk: a power of two from 16 KiB to 16 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct ChunkSize(u32);

impl ChunkSize {
    /// 1 MiB: few enough digests, little enough to fetch again.
    pub const DEFAULT: Self = Self(1 << 20);

    /// `None` for what is no power of two from 16 KiB to 16 MiB.
    #[must_use]
    pub const fn new(bytes: u32) -> Option<Self> {
        if bytes.is_power_of_two() && bytes >= 1 << 14 && bytes <= 1 << 24 { Some(Self(bytes)) } else { None }
    }

    /// In bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.0 as usize
    }

    /// Chunks of a file of `size` bytes.
    #[must_use]
    pub const fn count(self, size: u64) -> u64 {
        size.div_ceil(self.0 as u64)
    }

    /// Where chunk `index` begins.
    #[must_use]
    pub const fn offset(self, index: u64) -> u64 {
        index.saturating_mul(self.0 as u64)
    }

    /// Bytes of chunk `index` in a file of `size` bytes: all but the last one are whole; 0 behind the end.
    #[must_use]
    pub const fn length(self, index: u64, size: u64) -> usize {
        let left = size.saturating_sub(self.offset(index));
        if left < self.0 as u64 { left as usize } else { self.bytes() }
    }
}

impl Default for ChunkSize {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl TryFrom<u32> for ChunkSize {
    type Error = &'static str;

    fn try_from(bytes: u32) -> Result<Self, Self::Error> {
        Self::new(bytes).ok_or("a chunk is a power of two from 16 KiB to 16 MiB")
    }
}

impl From<ChunkSize> for u32 {
    fn from(size: ChunkSize) -> Self {
        size.0
    }
}

/// One file of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedFile {
    /// Where it belongs, below a directory of the receiver's choice.
    pub path: FilePath,
    /// In bytes, at most 2^53 − 1.
    pub size: u64,
    /// When it was last changed, in milliseconds since 1970, within ±8.64 · 10^15; none where that is not known.
    pub modified: Option<i64>,
}

/// A valid list of files: not empty, no path twice, none of them inside of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    transfer: TransferId,
    chunk: ChunkSize,
    files: Vec<OfferedFile>,
    bytes: u64,
}

/// Why a list of files is no offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidOffer {
    /// There is nothing to send.
    #[error("there is nothing to send")]
    Empty,
    /// Over 65,536 files, or over 4 MiB of paths.
    #[error("there are too many files for one transfer")]
    TooManyFiles,
    /// Over 2^53 − 1 bytes together.
    #[error("the files are too large for one transfer")]
    TooLarge,
    /// Two files with one path, or a file where another one needs a directory.
    #[error("two files have the same path")]
    Collision,
}

impl Offer {
    /// Offers `files` in this order.
    ///
    /// # Errors
    ///
    /// [`InvalidOffer`] says what is wrong with the list.
    pub fn new(
        transfer: TransferId,
        chunk: ChunkSize,
        files: Vec<OfferedFile>,
    ) -> Result<Self, InvalidOffer> {
        let limits = Limits::default();
        let paths: usize = files.iter().map(|file| file.path.as_str().len()).sum();
        if files.is_empty() {
            return Err(InvalidOffer::Empty);
        }
        if files.len() > limits.files || paths > limits.paths {
            return Err(InvalidOffer::TooManyFiles);
        }
        let bytes = files.iter().try_fold(0_u64, |sum, file| sum.checked_add(file.size));
        let bytes = bytes.filter(|&bytes| bytes <= SIZE).ok_or(InvalidOffer::TooLarge)?;
        if collide(&files) {
            return Err(InvalidOffer::Collision);
        }
        Ok(Self { transfer, chunk, files, bytes })
    }

    /// The same files under another name.
    #[must_use]
    pub fn named(&self, transfer: TransferId) -> Self {
        Self { transfer, ..self.clone() }
    }

    /// The transfer's name.
    #[must_use]
    pub const fn transfer(&self) -> TransferId {
        self.transfer
    }

    /// Bytes of a chunk.
    #[must_use]
    pub const fn chunk(&self) -> ChunkSize {
        self.chunk
    }

    /// The files, in the order in which they are sent.
    #[must_use]
    pub fn files(&self) -> &[OfferedFile] {
        &self.files
    }

    /// One of the files.
    #[must_use]
    pub fn file(&self, index: FileIndex) -> Option<&OfferedFile> {
        self.files.get(usize::try_from(index.0).ok()?)
    }

    /// The files with their places.
    pub fn indexed(&self) -> impl Iterator<Item = (FileIndex, &OfferedFile)> {
        (0..).map(FileIndex).zip(&self.files)
    }

    /// The sum of the sizes, in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }
}

/// Whether two paths are the same, or one goes through another one that is a file.
fn collide(files: &[OfferedFile]) -> bool {
    let mut paths = HashSet::with_capacity(files.len());
    if !files.iter().all(|file| paths.insert(file.path.as_str())) {
        return true;
    }
    let goes_through_a_file =
        |path: &str| path.match_indices('/').any(|(at, _)| paths.contains(path.split_at(at).0));
    files.iter().any(|file| goes_through_a_file(file.path.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_3_the_same_sender_gives_the_same_files_the_same_name() {
        let file =
            |path: &str, size| OfferedFile { path: FilePath::parse(path).unwrap(), size, modified: None };
        let name = TransferId::derive(b"secret", b"place", &[file("a", 1), file("b", 2)]);
        assert_eq!(TransferId::derive(b"secret", b"place", &[file("a", 1), file("b", 2)]), name);
        let others = [
            TransferId::derive(b"another", b"place", &[file("a", 1), file("b", 2)]),
            TransferId::derive(b"secret", b"elsewhere", &[file("a", 1), file("b", 2)]),
            TransferId::derive(b"secret", b"place", &[file("a", 1), file("b", 3)]),
            TransferId::derive(b"secret", b"place", &[file("a", 1)]),
        ];
        assert!(!others.contains(&name));
    }
}
