//! What an approval binds to: the environment, the repository, the content, the artifacts, the requirement, the gates
//! and the record that the approver was shown. Each change voids exactly what it touches, and says so.

use chrono::{DateTime, Utc};

use super::consumption::Used;
use super::coverage::{Bits, Units, carries, mismatch};
use super::requirements::{Requirement, via};
use crate::decide::bound::{self, Extent};
use crate::decide::gates::rank;
use crate::decide::latest;

use crate::decide::people::Person;
use crate::decide::release_gates::Judged;
use crate::decide::roles::Refusal;
use crate::decide::scene::Scene;
use crate::decide::separation::{self, Eligible, Independent};
use crate::model::facts::{Act, Deed, Fact, Via};
use crate::model::ground::Ground;
use crate::model::verdict::Verdict;
use crate::policy::calendar::told;

/// An act that approves, and what became of it before anybody asks for which requirement.
#[derive(Debug)]
pub struct Candidate<'s> {
    /// The act.
    pub act: &'s Act,
    /// Who did it.
    pub person: Person,
    /// The role that he named.
    pub role: Option<&'s str>,
    /// What he declared.
    accepts: Option<&'s str>,
    /// Whether it could count at all, or why it cannot.
    pub base: Result<Independent<'s>, Refusal>,
    /// What of the release it covers.
    pub covered: Bits,
    /// The hours, closed for approving, in which it was given.
    closed: Option<&'s str>,
}

/// Every act that approves.
#[must_use]
pub fn candidates<'s>(
    scene: &Scene<'s>,
    units: &Units<'s>,
    gates: &[Judged<'s>],
    used: Used<'s>,
    recovers: bool,
    emergency: bool,
) -> Vec<Candidate<'s>> {
    let mut found = Vec::new();
    for (act, person) in scene.acts_by() {
        let Deed::Approve { role, accepts } = &act.does else { continue };
        let base = Independent::check(scene, act).and_then(|independent| {
            bound(scene, act, person, gates, used)?;
            // A package never keeps what went from going back.
            bound::parts(scene, act, recovers)?;
            // Going back needs no change record, and so none that stays as it was; that of an emergency may be written
            // afterwards.
            if !recovers && !emergency {
                record(scene, act.at, Named::of(act))?;
            }
            Ok(independent)
        });
        found.push(Candidate {
            act,
            person,
            role: role.as_deref(),
            accepts: accepts.as_deref(),
            covered: if base.is_ok() { units.covered(act) } else { Bits::default() },
            closed: if base.is_ok() { closed(scene, act) } else { None },
            base,
        });
    }
    found
}

/// The hours, closed for approving, in which an act was done.
pub fn closed<'s>(scene: &Scene<'s>, act: &Act) -> Option<&'s str> {
    let environment = &scene.facts.release.environment;
    let calendar = &scene.rules.calendar;
    let here = calendar.closed.iter().filter(|closed| closed.approval);
    let mut here = here.filter(|closed| closed.environments.is_empty() || closed.environments.contains(environment));
    here.find(|closed| closed.hours.is_open(act.at, &calendar.holidays)).map(|closed| closed.name.as_str())
}

/// Whether what the approver was shown still stands, whatever he approved it for.
fn bound(scene: &Scene<'_>, act: &Act, person: Person, gates: &[Judged<'_>], used: Used<'_>) -> Result<(), Refusal> {
    if let Some(later) = latest::after_approval(scene, act, person) {
        let says = match later.does {
            Deed::Reject {} => "rejected it afterwards",
            _ => "a later approval of the same person was edited, dismissed or taken back",
        };
        return Err(Refusal::new(Ground::Replaced, says));
    }
    bound::to_release(scene, act, Extent::Part)?;
    for (name, shown) in &act.saw.gates {
        let now = gates.iter().filter(|judged| judged.named(name)).map(|judged| judged.judgement.verdict);
        // One that guards it by now and passes is no worse than one that did not guard it.
        let least = rank(*shown).max(rank(Verdict::Pass));
        let worse = now.filter(|now| rank(*now) > least).max_by_key(|now| rank(*now));
        if let Some(now) = worse {
            return Err(Refusal::new(
                Ground::GateWorsened,
                format!("was shown `{name}` as {}, and it is {} now", shown.word(), Verdict::word(now)),
            ));
        }
    }
    match used {
        Used::Spent(until) | Used::Superseded { until, .. } if act.at <= until => Err(Refusal::new(
            Ground::Consumed,
            format!("used up when the environment was opened {}", told(until, scene.rules.calendar.zone)),
        )),
        Used::Unknown(why) => Err(Refusal::new(
            Ground::FactsUnavailable,
            format!("what was deployed, and so whether it was used up could not be read: {why}"),
        )),
        Used::No | Used::Retry { .. } | Used::Spent(_) | Used::Superseded { .. } => Ok(()),
    }
}

/// The change record that somebody was shown.
#[derive(Clone, Copy, Debug)]
pub enum Named<'a> {
    /// This one.
    As(&'a str),
    /// He does not say which.
    Not,
    /// He was shown a change alone, in a review.
    Review,
}

impl<'a> Named<'a> {
    /// By what is named.
    #[must_use]
    pub fn by(record: Option<&'a str>) -> Self {
        record.map_or(Self::Not, Self::As)
    }

    /// The one of an act.
    #[must_use]
    pub fn of(act: &'a Act) -> Self {
        match (&act.saw.record, act.via) {
            (None, Via::Review) => Self::Review,
            (record, _) => Self::by(record.as_deref()),
        }
    }
}

/// The field of a record that tells when its planned window was moved last.
const CHANGED: &str = "window";
/// The one that tells when a component was added or removed last.
const CHANGED_FOR: &str = "components";
/// The one that tells when its state went back last.
const REOPENED: &str = "reopened";

/// The change record is the one that was shown, and what the policy needs of it was not edited since an instant.
pub fn record(scene: &Scene<'_>, since: DateTime<Utc>, shown: Named<'_>) -> Result<(), Refusal> {
    let Some(rule) = &scene.rules.change else { return Ok(()) };
    let record = match &scene.facts.change_record {
        Fact::Known(record) => record,
        // Then the release is held for the record itself, where it needs one.
        Fact::Absent | Fact::Unavailable(_) => return Ok(()),
    };
    match shown {
        Named::As(shown) if shown != record.id => {
            let says = format!("was shown the change record {shown}, and {} is linked now", record.id);
            return Err(Refusal::new(Ground::OtherRecord, says));
        }
        Named::Not => {
            return Err(Refusal::new(Ground::OtherRecord, "does not say which change record was shown"));
        }
        Named::As(_) | Named::Review => {}
    }
    // What the record itself says of the change, beside what is filled in.
    let whole = [CHANGED, CHANGED_FOR, REOPENED];
    for name in rule.needs.iter().map(String::as_str).chain(whole) {
        let edited = || match name {
            CHANGED => format!("the planned window of {} was moved", record.id),
            CHANGED_FOR => format!("the components of {} were changed", record.id),
            REOPENED => format!("{} was taken back to an earlier state", record.id),
            _ => format!("`{name}` of {} was edited", record.id),
        };
        match record.fields.get(name).map(|field| &field.edited_at) {
            Some(Fact::Known(at)) if *at >= since => {
                return Err(Refusal::new(Ground::RecordEdited, format!("{} since the approval", edited())));
            }
            Some(Fact::Unavailable(why)) => {
                let says = format!("whether {} since could not be read: {why}", edited());
                return Err(Refusal::new(Ground::RecordEdited, says));
            }
            Some(Fact::Known(_) | Fact::Absent) | None => {}
        }
    }
    Ok(())
}

/// Whether a candidate counts for a requirement in a role: the requirement's own or one that stands in for it. `None`
/// where it is not about that role at all.
pub fn counts<'s>(
    scene: &Scene<'s>,
    units: &Units<'s>,
    candidate: &Candidate<'s>,
    requirement: &Requirement<'s>,
    role: &str,
) -> Option<Result<Eligible<'s>, Refusal>> {
    let base = candidate.base.as_ref().ok()?;
    if candidate.role.is_some_and(|named| named != role && named != requirement.role) {
        return None;
    }
    let eligible = base.holding(scene, role)?;
    Some(fits(scene, units, candidate, requirement, role).map(|()| eligible))
}

fn fits<'s>(
    scene: &Scene<'s>,
    units: &Units<'s>,
    candidate: &Candidate<'s>,
    requirement: &Requirement<'s>,
    role: &str,
) -> Result<(), Refusal> {
    let act = candidate.act;
    separation::barred(scene, candidate.person, requirement.apart.as_ref())?;
    place(candidate, requirement)?;
    let accept = scene.role(role).and_then(|(role, _)| role.accept.as_deref());
    if let Some(wanted) = accept.filter(|wanted| candidate.accepts.is_none_or(|said| said.trim() != wanted.trim())) {
        return Err(Refusal::new(Ground::NotAccepted, format!("did not declare: {wanted}")));
    }
    if act.saw.requirements.get(requirement.role).is_some_and(|digest| *digest != requirement.digest) {
        return Err(Refusal::new(
            Ground::RequirementChanged,
            format!("what is asked of {} has changed since", requirement.role),
        ));
    }
    if !candidate.covered.meets(&requirement.scope) {
        return Err(elsewhere(units, act, &requirement.scope));
    }
    age(scene, act, requirement)
}

/// Whether an approval counts by where and when it was given.
pub(super) fn when_and_where(
    scene: &Scene<'_>,
    candidate: &Candidate<'_>,
    requirement: &Requirement<'_>,
) -> Result<(), Refusal> {
    place(candidate, requirement)?;
    age(scene, candidate.act, requirement)
}

/// Whether it was given in a place and at an hour that count.
fn place(candidate: &Candidate<'_>, requirement: &Requirement<'_>) -> Result<(), Refusal> {
    if !requirement.counts_from.contains(&candidate.act.via) {
        return Err(Refusal::new(
            Ground::OtherPlace,
            match candidate.act.via {
                Via::Review => "approved the change in a review, not the release".to_owned(),
                other => format!("approvals of the release do not count from `{}`", via(other)),
            },
        ));
    }
    if let Some(closed) = candidate.closed.filter(|_| !requirement.any_hours) {
        return Err(Refusal::new(
            Ground::ClosedHours,
            format!("approved during `{closed}`, when approvals do not count"),
        ));
    }
    Ok(())
}

/// Whether it has not expired.
fn age(scene: &Scene<'_>, act: &Act, requirement: &Requirement<'_>) -> Result<(), Refusal> {
    if let Some(length) = requirement.expire {
        let end = scene.due(act.at, length);
        if scene.clock.reached(end) {
            return Err(Refusal::new(
                Ground::Expired,
                format!("the approval expired {}", told(end, scene.rules.calendar.zone)),
            ));
        }
    }
    Ok(())
}

/// Why an act covers nothing of what is asked.
fn elsewhere(units: &Units<'_>, act: &Act, scope: &Bits) -> Refusal {
    let changes = || scope.iter().filter_map(|at| units.changes.get(at));
    let landed = changes().find(|change| {
        act.via == Via::Review && act.saw.changes.get(&change.id) == Some(&change.content) && !carries(change)
    });
    if let Some(change) = landed {
        return Refusal::new(Ground::TreeMismatch, mismatch(change));
    }
    let moved = changes().find(|change| act.saw.changes.contains_key(&change.id));
    let says = match moved {
        Some(change) => format!("approved {} before its content changed", change.id),
        None if act.saw.changes.is_empty() && act.saw.components.is_empty() => {
            "the approval does not say of which content".to_owned()
        }
        None => match changes().next() {
            Some(change) => format!("did not approve {}", change.id),
            None => "approved other content".to_owned(),
        },
    };
    Refusal::new(Ground::OtherContent, says)
}
