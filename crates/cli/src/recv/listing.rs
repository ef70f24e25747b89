//! What is offered, as it is shown before somebody says yes.

use std::fmt::Write as _;
use std::path::Path;

use indicatif::HumanBytes;
use peerline::transfer::{DeclineReason, Existing, FileIndex, Offer, Plan};

use crate::exit::{Failure, Problem};
use crate::transfer::amount;

/// Files that are shown one by one.
const SHOWN: usize = 20;
/// Files in the way that are named.
const NAMED: usize = 5;

/// The list.
pub(super) fn text(name: &str, offer: &Offer, plan: &Plan, directory: &Path) -> String {
    let files = offer.files();
    let mut text = format!("{name} offers {}:\n", amount(files.len(), offer.bytes()));
    for file in files.iter().take(SHOWN) {
        let _ = writeln!(text, "  {:>12}  {}", HumanBytes(file.size).to_string(), file.path);
    }
    if files.len() > SHOWN {
        let _ = writeln!(text, "  and {} more", files.len() - SHOWN);
    }
    let _ = write!(text, "They go to {}", directory.display());
    if !plan.complete.is_empty() {
        let _ = write!(text, "; {} of them are there already", plan.complete.len());
    }
    if !plan.in_the_way.is_empty() {
        let _ = write!(text, "; {} replace others", plan.in_the_way.len());
    }
    text + ".\n"
}

/// Why it can't be taken, and what the sender is told of that: nothing where another try may do.
pub(super) fn refusal(
    plan: &Plan,
    offer: &Offer,
    existing: Existing,
) -> Option<(Problem, Option<DeclineReason>)> {
    if existing == Existing::Keep && !plan.in_the_way.is_empty() {
        let path = |&file: &FileIndex| offer.file(file).map(|file| file.path.as_str());
        let mut names = plan.in_the_way.iter().filter_map(path).take(NAMED).collect::<Vec<_>>().join(", ");
        if plan.in_the_way.len() > NAMED {
            let _ = write!(names, " and {} more", plan.in_the_way.len() - NAMED);
        }
        let why = format!(
            "There are files of the same name already: {names}.\n\
             Nothing was taken, and nothing answered: say it again with --overwrite to replace them, or with \
             --to DIRECTORY to put the new ones elsewhere."
        );
        return Some((Problem::new(Failure::Failed, why), None));
    }
    let needed = plan.needed_bytes(existing);
    if needed > plan.available {
        let why = format!(
            "There is no room: {} are needed, {} are free.",
            HumanBytes(needed),
            HumanBytes(plan.available)
        );
        return Some((Problem::new(Failure::Failed, why), Some(DeclineReason::NoSpace)));
    }
    None
}
