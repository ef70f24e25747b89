//! Spoken codes: five words that stand for a channel's secret (`docs/signaling.md` §1).

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use rand::Rng as _;
use rand::rngs::StdRng;
use thiserror::Error;

use crate::link::{Link, LinkError};

/// How many words a code has: 55 bits.
pub const WORDS: usize = 5;
/// In alphabetical order. `docs/signaling.md` §1 says how they were chosen.
const LIST: &str = include_str!("code/words.txt");
const LENGTH: u16 = 2_048;
/// No two words begin with the same four letters.
const DISTINCT: usize = 4;
/// So many letters away, a word is taken for a slip of the one that was meant.
const SLIP: usize = 2;

const SALT: &[u8] = b"peerline v1 code";
const MEMORY_KIB: u32 = 65_536;
const PASSES: u32 = 3;
const LANES: u32 = 1;

/// Why a text is no code.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CodeError {
    /// Another number of words than five.
    #[error("a code has {WORDS} words, this has {0}")]
    Count(usize),
    /// A word that is not in the list.
    #[error("“{word}” is not a word of a code{}", suggestion(*.nearest))]
    Unknown {
        /// Its first 20 letters.
        word: String,
        /// The word that was meant, if one is near.
        nearest: Option<&'static str>,
    },
    /// This machine has no 64 MiB of memory to spare.
    #[error("there is not enough memory to stretch a code (64 MiB)")]
    Memory,
    /// The server's origin is none.
    #[error(transparent)]
    Origin(#[from] LinkError),
}

/// Five words. Whoever hears them can enter the channel: a code stays out of logs, and is good for one use.
#[derive(Clone, PartialEq, Eq)]
pub struct Code([&'static str; WORDS]);

impl Code {
    /// A new code.
    #[must_use]
    pub fn random(random: &mut StdRng) -> Self {
        // The list's length is a power of two: every word is as likely as every other.
        Self(std::array::from_fn(|_| {
            LIST.lines().nth(random.random_range(..LENGTH).into()).unwrap_or_default()
        }))
    }

    /// Reads a code as people write it: in any case, with anything but letters between the words, of each of which
    /// the first four letters are enough.
    ///
    /// # Errors
    /// When it is no code.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut words = Vec::with_capacity(WORDS);
        let parts = text.split(|character: char| !character.is_alphabetic()).filter(|part| !part.is_empty());
        for part in parts.clone().take(WORDS) {
            words.push(find(part).ok_or_else(|| unknown(part))?);
        }
        let count = parts.count();
        if count > WORDS {
            return Err(CodeError::Count(count));
        }
        words.try_into().map(Self).map_err(|words: Vec<_>| CodeError::Count(words.len()))
    }

    /// The link of the channel at this server's origin. It takes about 0.2 seconds and 64 MiB, so that nobody tries many.
    ///
    /// # Errors
    /// When `origin` is not an http or https origin, or there is not enough memory.
    pub fn link(&self, origin: &str) -> Result<Link, CodeError> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, Some(32)).map_err(|_| CodeError::Memory)?;
        let mut secret = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(self.to_string().as_bytes(), SALT, &mut secret)
            .map_err(|_| CodeError::Memory)?;
        Ok(Link::new(origin, secret)?)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join("-"))
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Code(…)")
    }
}

/// The word that `part` is, or begins.
fn find(part: &str) -> Option<&'static str> {
    let part = part.to_lowercase();
    if part.len() < DISTINCT {
        return None;
    }
    LIST.lines().find(|word| word.starts_with(&part))
}

fn unknown(part: &str) -> CodeError {
    let word: String = part.to_lowercase().chars().take(20).collect();
    let distance = |listed: &&'static str| strsim::osa_distance(&word, listed);
    let nearest = LIST.lines().min_by_key(distance).filter(|listed| distance(listed) <= SLIP);
    CodeError::Unknown { word, nearest }
}

fn suggestion(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean “{nearest}”?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_list_has_2048_words_told_apart_by_their_first_four_letters() {
        let words: Vec<_> = LIST.lines().collect();
        assert_eq!(words.len(), usize::from(LENGTH));
        assert!(words.is_sorted());
        assert!(words.iter().all(|word| {
            (4..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_lowercase())
        }));
        let beginnings: BTreeSet<_> = words.iter().filter_map(|word| word.get(..DISTINCT)).collect();
        assert_eq!(beginnings.len(), words.len());
    }

    #[test]
    fn a_code_gives_the_secret_of_the_golden_vectors() {
        let vectors: Value = serde_json::from_str(include_str!("../vectors/codes.json")).unwrap();
        for vector in vectors["codes"].as_array().unwrap() {
            let code = Code::parse(vector["written"].as_str().unwrap()).unwrap();
            assert_eq!(code.to_string(), vector["code"].as_str().unwrap());
            let link = code.link(vector["origin"].as_str().unwrap()).unwrap();
            assert_eq!(link.to_string(), vector["link"].as_str().unwrap());
        }
        for vector in vectors["invalid_codes"].as_array().unwrap() {
            assert!(Code::parse(vector["written"].as_str().unwrap()).is_err(), "{}", vector["name"]);
        }
    }

    #[test]
    fn a_random_code_reads_as_itself_and_says_nothing_to_a_log() {
        let mut random = StdRng::seed_from_u64(1);
        for _ in 0..200 {
            let code = Code::random(&mut random);
            assert_eq!(Code::parse(&code.to_string()), Ok(code.clone()));
            let short: Vec<_> = code.0.iter().map(|word| &word[..4]).collect();
            assert_eq!(Code::parse(&short.join(" ")), Ok(code.clone()));
            assert_eq!(format!("{code:?}"), "Code(…)");
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(Code::parse(""), Err(CodeError::Count(0)));
        let unknown = |code| Code::parse(code).unwrap_err().to_string();
        assert_eq!(
            unknown("pillow evacutae"),
            "“evacutae” is not a word of a code; did you mean “evacuate”?"
        );
        assert_eq!(unknown("pillow zzzzzzzz"), "“zzzzzzzz” is not a word of a code");
        assert_eq!(Code::parse("able able able able able able"), Err(CodeError::Count(6)));
        let code = Code::parse("able able able able able").unwrap();
        assert_eq!(code.link("ftp://example"), Err(CodeError::Origin(LinkError::Address)));
    }
}
