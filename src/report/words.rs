//! The words that every surface shares.

use crate::model::decision::{Decision, GateDecision, Outcome, Protection};
use crate::model::notable::Weight;
use crate::model::verdict::Verdict;

/// Verdicts, the one that a person must act on first coming first.
const ORDER: [Verdict; 6] =
    [Verdict::Block, Verdict::Indeterminate, Verdict::Pending, Verdict::Waived, Verdict::Pass, Verdict::NotApplicable];

/// How much of an explanation or a summary is shown, in bytes. The decision document has it whole.
pub(super) const SENTENCE: usize = 1_000;

/// How much of a name is shown, in bytes.
pub(super) const NAME: usize = 120;

/// How many of the things that this step does not judge are listed.
pub(super) const NOT_EVALUATED: usize = 20;

/// The word for a verdict on a page.
pub(super) fn label(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Waived => "waived",
        Verdict::NotApplicable => "n/a",
        Verdict::Pending => "pending",
        Verdict::Block => "BLOCK",
        Verdict::Indeterminate => "unknown",
    }
}

/// A sign beside the word, for the eye; the word alone carries the meaning.
pub(super) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Waived => "~",
        Verdict::NotApplicable => "-",
        Verdict::Pending => "…",
        Verdict::Block => "✗",
        Verdict::Indeterminate => "?",
    }
}

/// The same for terminals that show ASCII only.
pub(super) fn ascii_sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "+",
        Verdict::Waived => "~",
        Verdict::NotApplicable => "-",
        Verdict::Pending => ".",
        Verdict::Block => "x",
        Verdict::Indeterminate => "?",
    }
}

/// The word for the decision, as documents and outputs write it.
pub(super) fn outcome(decision: &Decision) -> &'static str {
    match decision.decision {
        Outcome::Proceed => "proceed",
        Outcome::Hold => "hold",
    }
}

/// The word for the policy's protection.
pub(super) fn protection(decision: &Decision) -> &'static str {
    match decision.policy_from {
        Protection::Protected => "protected",
        Protection::Unprotected => "unprotected",
    }
}

/// The word for a weight.
pub(super) fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Error => "error",
        Weight::Warning => "warning",
        Weight::Note => "note",
    }
}

/// The gates, most important first and otherwise in the policy's order.
pub(super) fn ranked(decision: &Decision) -> Vec<&GateDecision> {
    let place = |verdict| ORDER.iter().position(|known| *known == verdict).unwrap_or_default();
    let mut gates: Vec<_> = decision.gates.iter().collect();
    gates.sort_by_key(|gate| place(gate.verdict));
    gates
}

/// The gates that do not let the release go on, most important first.
pub(super) fn holding(decision: &Decision) -> impl Iterator<Item = &GateDecision> {
    ranked(decision).into_iter().filter(|gate| !gate.verdict.opens())
}

/// How many entries of a gate are not among the first `shown` of its notables.
pub(super) fn unshown(gate: &GateDecision, shown: usize) -> u64 {
    let kept = u64::try_from(gate.notables.len()).unwrap_or(u64::MAX);
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    gate.notable_count.max(kept).saturating_sub(shown)
}

/// What some gates that are left out would have said: `3 pending, 1,200 pass`.
pub(super) fn tally<'a>(gates: impl Iterator<Item = &'a GateDecision>) -> String {
    let mut counts = [0_u64; ORDER.len()];
    for gate in gates {
        for (count, verdict) in counts.iter_mut().zip(ORDER) {
            *count += u64::from(verdict == gate.verdict);
        }
    }
    let said = counts.iter().zip(ORDER).filter(|(count, _)| **count > 0);
    said.map(|(count, verdict)| format!("{} {}", grouped(*count), label(verdict))).collect::<Vec<_>>().join(", ")
}

/// A count with its thousands apart: `12,345`.
pub(super) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How many things to do next are told, and how many gates are named with each.
const STEPS: usize = 8;
const NAMED: usize = 3;

/// What to do next, one sentence for each reason that holds, most important first; each name of a gate as `show` shows it,
/// and our own words as `say` does.
pub(super) fn next_steps(
    decision: &Decision,
    show: impl Fn(&str) -> String,
    say: impl Fn(&str) -> String,
) -> Vec<String> {
    let mut steps: Vec<(&str, Vec<&GateDecision>)> = Vec::new();
    for gate in holding(decision) {
        let Some(next) = gate.next else { continue };
        match steps.iter_mut().find(|(known, _)| *known == next) {
            Some((_, gates)) => gates.push(gate),
            None => steps.push((next, vec![gate])),
        }
    }
    let more = steps.len().saturating_sub(STEPS);
    let mut told: Vec<String> =
        steps.iter().take(STEPS).map(|(next, gates)| format!("{}: {}", named(gates, &show), say(next))).collect();
    if more > 0 {
        told.push(say(&format!("{more} more things to do, which the decision document has at each gate")));
    }
    if told.is_empty() {
        let all = match decision.decision {
            Outcome::Hold => "read the summary: no gate of its own says what holds the release",
            Outcome::Proceed if decision.not_evaluated.is_empty() => "nothing to do here: the release may go on",
            Outcome::Proceed => {
                "nothing to do here: the gates let the release go on, and what is not evaluated is asked elsewhere"
            }
        };
        told.push(say(all));
    }
    told
}

/// The first of some gates by name, and how many there are beside.
fn named(gates: &[&GateDecision], show: impl Fn(&str) -> String) -> String {
    let names: Vec<_> = gates.iter().take(NAMED).map(|gate| show(&gate.title())).collect();
    match gates.len() - names.len() {
        0 => names.join(", "),
        more => format!("{} and {} more", names.join(", "), grouped(u64::try_from(more).unwrap_or(u64::MAX))),
    }
}

/// What it means that the policy was read from the working tree.
pub(super) const UNPROTECTED: &str = "read from the working tree, so whoever changes the code can change it too; name a protected ref with `--policy-ref`";

/// The layers of the policy in brackets, each path and ref as `show` shows it; nothing where none is named.
pub(super) fn policies(decision: &Decision, show: impl Fn(&str) -> String) -> String {
    const LISTED: usize = 20;
    let layers = &decision.policy;
    let mut shown: Vec<_> = layers
        .iter()
        .take(LISTED)
        .map(|layer| match &layer.from {
            Some(from) => format!("{} from {}", show(&layer.path), show(from)),
            None => show(&layer.path),
        })
        .collect();
    if let Some(more) = layers.len().checked_sub(LISTED).filter(|more| *more > 0) {
        shown.push(format!("{more} more not shown"));
    }
    if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
}
