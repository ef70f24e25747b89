//! The seeds that a simulation tries.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs the test `name` with `SEEDS` seeds (`default` if that isn't set) from `SEED` on, on all cores. A panic tells which
/// of them failed, and how to try the first of those again.
pub fn try_seeds(name: &str, default: u64, run: impl Fn(u64) + Sync) {
    let first = number("SEED").unwrap_or(1);
    let end = first + number("SEEDS").unwrap_or(default);
    let next = AtomicU64::new(first);
    let try_some = || {
        let mut failed = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return failed;
            }
            if catch_unwind(AssertUnwindSafe(|| run(seed))).is_err() {
                failed.push(seed);
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut failed: Vec<u64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(try_some)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    failed.sort_unstable();
    if let Some(seed) = failed.first() {
        let package = env!("CARGO_PKG_NAME");
        panic!(
            "{} of the seeds {first} to {} failed: {failed:?}\n\
             again: SEED={seed} SEEDS=1 cargo test -p {package} --test simulation {name} -- --nocapture",
            failed.len(),
            end - 1,
        );
    }
}
