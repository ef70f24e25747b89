//! Claims: "these chunks I have, and this is their hash" (`docs/transfer.md` §6).

use serde::{Deserialize, Serialize};

use crate::digest::{Chain, Digest};
use crate::limits::CLAIMS;

/// A range of chunks that the receiver has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// The first chunk.
    pub(crate) first: u64,
    /// The chunk behind the last one.
    pub(crate) end: u64,
    /// The chain of the chunks' digests.
    pub(crate) hash: Digest,
}

impl Claim {
    /// Whether `claims` are in order, apart from each other, and all within a file of `count` chunks.
    pub(crate) fn are_valid(claims: &[Self], count: u64) -> bool {
        let mut free = 0;
        claims.iter().all(|claim| {
            let valid = claim.first >= free && claim.first < claim.end && claim.end <= count;
            free = claim.end;
            valid
        })
    }

    /// Claims the chunks whose digests are known. Where that makes more ranges than a request may have, the
    /// shortest are forgotten: those chunks come again.
    pub(crate) fn all_of(known: &mut [Option<Digest>]) -> Vec<Self> {
        let mut ranges = ranges(known);
        ranges.sort_by_key(|range| std::cmp::Reverse(range.len()));
        for range in ranges.split_off(ranges.len().min(CLAIMS)) {
            known.iter_mut().take(range.end).skip(range.start).for_each(|digest| *digest = None);
        }
        ranges.sort_by_key(|range| range.start);
        let claim = |range: std::ops::Range<usize>| Self {
            first: range.start as u64,
            end: range.end as u64,
            hash: known.get(range).unwrap_or_default().iter().flatten().collect::<Chain>().hash(),
        };
        ranges.into_iter().map(claim).collect()
    }
}

/// Where known digests stand next to each other.
fn ranges(known: &[Option<Digest>]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    for (index, _) in known.iter().enumerate().filter(|(_, digest)| digest.is_some()) {
        match ranges.last_mut() {
            Some(range) if range.end == index => range.end = index + 1,
            _ => ranges.push(index..index + 1),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(number: u8) -> Digest {
        Digest::of(&[number])
    }

    #[test]
    fn section_6_chunks_next_to_each_other_are_claimed_together() {
        let mut known = vec![Some(digest(0)), Some(digest(1)), None, Some(digest(3))];
        let claims = Claim::all_of(&mut known);
        let hash = |digests: &[Digest]| digests.iter().collect::<Chain>().hash();
        assert_eq!(
            claims,
            [
                Claim { first: 0, end: 2, hash: hash(&[digest(0), digest(1)]) },
                Claim { first: 3, end: 4, hash: hash(&[digest(3)]) },
            ]
        );
        assert!(Claim::are_valid(&claims, 4));
    }

    #[test]
    fn section_6_a_request_claims_at_most_64_ranges_and_forgets_the_shortest() {
        let mut known: Vec<_> =
            (0..200).map(|index| (index % 2 == 0 || index > 150).then(|| digest(0))).collect();
        let claims = Claim::all_of(&mut known);
        assert_eq!(claims.len(), CLAIMS);
        assert_eq!(claims.last().map(|claim| (claim.first, claim.end)), Some((150, 200)));
        let claimed: u64 = claims.iter().map(|claim| claim.end - claim.first).sum();
        assert_eq!(known.iter().flatten().count() as u64, claimed, "what is not claimed is not counted on");
    }

    #[test]
    fn section_6_claims_that_overlap_or_reach_beyond_the_file_are_refused() {
        let claim = |first, end| Claim { first, end, hash: digest(0) };
        assert!(Claim::are_valid(&[claim(0, 2), claim(2, 3)], 3));
        for wrong in [[claim(0, 2), claim(1, 3)], [claim(0, 1), claim(2, 4)], [claim(0, 0), claim(1, 2)]] {
            assert!(!Claim::are_valid(&wrong, 3));
        }
    }
}
