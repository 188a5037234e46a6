//! One sentence at the top: whether the release may go on, and the shortest way on.

use std::borrow::Cow;

use crate::model::decision::GateDecision;
use crate::model::verdict::Verdict;

/// The sentence for gates that were judged.
#[must_use]
pub fn of(gates: &[GateDecision], environment: &str) -> String {
    let named = |verdict: Verdict| -> Vec<Cow<'_, str>> {
        gates.iter().filter(|gate| gate.verdict == verdict).map(GateDecision::title).collect()
    };
    let (block, unknown, pending) = (named(Verdict::Block), named(Verdict::Indeterminate), named(Verdict::Pending));
    if block.is_empty() && unknown.is_empty() && pending.is_empty() {
        let (passed, waived) = (named(Verdict::Pass).len(), named(Verdict::Waived));
        return match (passed, waived.len()) {
            _ if gates.is_empty() => format!("`{environment}` has no gates, so nothing lets a release in"),
            (0, 0) => format!("no gate guards `{environment}` for this release"),
            (_, 0) => format!("every gate for `{environment}` passes ({passed})"),
            _ => format!("every gate for `{environment}` passes ({passed}) or is waived ({})", waived.join(", ")),
        };
    }
    let mut parts = Vec::new();
    let mut say = |names: &[Cow<'_, str>], one: &str, many: &str| {
        if let [name] = names {
            parts.push(format!("{name} {one}"));
        } else if !names.is_empty() {
            let more = names.len().saturating_sub(4);
            let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
            let first: Vec<&str> = names.iter().take(4).map(AsRef::as_ref).collect();
            parts.push(format!("{}{rest} {many}", first.join(", ")));
        }
    };
    say(&block, "blocks", "block");
    say(&unknown, "cannot be told", "cannot be told");
    say(&pending, "is pending", "are pending");
    format!("held before `{environment}`: {}", parts.join("; "))
}
