//! The decision: what verdicts come to, whatever their order.

mod about;
mod approvals;
pub mod base;
mod board;
mod change;
mod digest;
mod follow;
mod gates;
mod glass;
mod growth;
mod hours;
mod incidents;
mod look;
mod matching;
mod owed;
mod package;
mod people;
mod place;
mod posture;
mod promotion;
mod recovery;
mod rigor;
mod routing;
mod scenarios;
mod separation;
mod signers;
mod telling;
mod told;
mod triage;
mod waking;

use countersign::decide::gates::{outcome, together};
use countersign::model::decision::Outcome;
use countersign::model::verdict::{Reason, Verdict};
use proptest::prelude::*;

const ALL: [Verdict; 6] =
    [Verdict::Pass, Verdict::Waived, Verdict::NotApplicable, Verdict::Pending, Verdict::Block, Verdict::Indeterminate];

#[test]
fn no_gates_at_all_are_no_permission() {
    assert_eq!(together([]), Verdict::Indeterminate);
}

#[test]
fn a_block_outranks_an_unknown_and_that_one_what_is_pending() {
    assert_eq!(together([Verdict::Pending, Verdict::Indeterminate]), Verdict::Indeterminate);
    assert_eq!(together([Verdict::Indeterminate, Verdict::Block, Verdict::Pass]), Verdict::Block);
    assert_eq!(together([Verdict::NotApplicable, Verdict::Waived]), Verdict::Waived);
}

#[test]
fn each_reason_has_a_code_of_its_own_and_only_four_let_a_release_go_on() {
    let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::ALL.len());
    let opening: Vec<_> =
        Reason::ALL.iter().filter(|reason| reason.verdict().opens()).map(|reason| reason.code()).collect();
    assert_eq!(opening, ["requirement_met", "waiver_in_force", "other_environment", "other_component"]);
}

proptest! {
    #[test]
    fn the_order_of_gates_does_not_matter_and_one_that_holds_holds_all(
        verdicts in prop::collection::vec(prop::sample::select(&ALL[..]), 1..8),
        seed in any::<u64>(),
    ) {
        let mut shuffled = verdicts.clone();
        let by = usize::try_from(seed % 7).unwrap() % shuffled.len();
        shuffled.rotate_left(by);
        shuffled.reverse();
        prop_assert_eq!(together(verdicts.clone()), together(shuffled));
        let opens = verdicts.iter().all(|verdict| verdict.opens());
        prop_assert_eq!(outcome(together(verdicts)) == Outcome::Proceed, opens);
    }
}
