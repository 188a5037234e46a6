//! What falls due because a period ended: which reports and which survey, for which period, and for whom.
//!
//! It is a document of its own and no part of a release's decision: a decision that changed with every quarter would be
//! decided again for nothing, and an approval given for it would be for another one.

use chrono::{DateTime, Utc};

use super::telling;
use crate::model::due::{Due, FallenDue, Recipient, ReportKind, VERSION, What};
use crate::model::period::{Every, Period};
use crate::model::stated::Stated;
use crate::policy::Policy;
use crate::policy::calendar;
use crate::policy::periodic::APPROVERS;
use crate::policy::rules::MemberRef;

/// What fell due last by an instant, each for the last period that had ended by then in the policy's zone.
#[must_use]
pub fn of(policy: &Policy, now: DateTime<Utc>) -> Due {
    let zone = policy.rules.calendar.zone;
    let one = |what, kind, every: Every, to: &[String], stated: &Stated| {
        let period = Period::ended(every, now, zone)?;
        let next = Period::around(every, now, zone)?.until;
        let to = to.iter().map(|name| recipient(policy, name)).collect();
        Some(FallenDue { what, kind, period, to, next, stated: stated.clone() })
    };
    let mut due = Vec::new();
    if let Some(rule) = policy.rules.reports.as_ref().filter(|rule| !rule.to.is_empty()) {
        let kinds = ReportKind::ALL.into_iter().filter(|kind| rule.kinds.contains(kind));
        due.extend(kinds.filter_map(|kind| one(What::Report, Some(kind), rule.every, &rule.to, &rule.stated)));
    }
    if let Some(rule) = policy.rules.survey.as_ref().filter(|rule| !rule.ask.is_empty()) {
        due.extend(one(What::Survey, None, rule.every, &rule.ask, &rule.stated));
    }
    let next = due.iter().map(|it| it.next).min();
    let zone_database = calendar::zone_database().to_owned();
    Due { version: VERSION, now, zone: zone.name().to_owned(), zone_database, due, next }
}

/// Whoever a name stands for: a role's holders as far as the policy names them, and its groups; of `approvers` nobody, for
/// only the record knows who approved.
fn recipient(policy: &Policy, name: &str) -> Recipient {
    if name == APPROVERS {
        return Recipient { role: None, people: Vec::new(), groups: Vec::new() };
    }
    let role = policy.rules.roles.iter().find(|role| role.name == name);
    let group = |member: &MemberRef| match member {
        MemberRef::Group(group) => Some(group.clone()),
        MemberRef::User(_) | MemberRef::Account(_) => None,
    };
    let groups = role.map(|role| role.members.iter().filter_map(group).collect()).unwrap_or_default();
    Recipient { role: Some(name.to_owned()), people: telling::members(policy, name), groups }
}
