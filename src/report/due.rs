//! What falls due because a period ended, for a person at a terminal.

use std::fmt::Write as _;

use chrono_tz::Tz;

use super::neutral::line;
use crate::model::due::{Due, FallenDue, Recipient, ReportKind};
use crate::policy::calendar::told;

/// How long a name may be, in bytes.
const NAME: usize = 200;

/// It as lines of text, its instants in the zone of the policy.
#[must_use]
pub fn render(due: &Due, zone: Tz) -> String {
    let mut out = String::new();
    for one in &due.due {
        // Writing to a string does not fail.
        let _ = writeln!(
            out,
            "{} of {}, due since {}: {}",
            title(one),
            one.period.label,
            told(one.period.until, zone),
            one.to.iter().map(recipient).collect::<Vec<_>>().join("; ")
        );
    }
    let next = due.next.map_or_else(
        || "nothing ever falls due: the policy has neither `reports` nor `survey`".to_owned(),
        |next| format!("the next of it falls due {}", told(next, zone)),
    );
    let _ = writeln!(out, "{next}");
    out
}

fn title(one: &FallenDue) -> &'static str {
    one.kind.map_or("survey", ReportKind::word)
}

fn recipient(to: &Recipient) -> String {
    let Some(role) = &to.role else { return "whoever approved something in it".to_owned() };
    let groups = to.groups.iter().map(|group| format!("the members of {group}"));
    let who: Vec<String> = to.people.iter().cloned().chain(groups).collect();
    let who = if who.is_empty() { "nobody".to_owned() } else { who.join(", ") };
    line(&format!("{role} ({who})"), NAME)
}
