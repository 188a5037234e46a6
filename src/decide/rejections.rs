//! Rejections: who may, what a reason is, and what becomes of one without.
//!
//! A rejection holds the release until it is taken back, replaced or overruled; only the final authority's ends it. What
//! cannot be told of it keeps it standing: only what is known of it lets it go. Whoever may push can dismiss a review and
//! edit a comment on a forge, and an administrator can close an account: none of that lifts what was said.

use std::fmt::Write as _;

use super::latest;
use super::people::Person;
use super::roles::{self, Voice};
use super::scene::Scene;
use super::words;
use crate::model::facts::{Act, Deed, Fact, Standing};
use crate::model::ground::Ground;
use crate::model::release_decision::{Node, Status};
use crate::policy::calendar::told;

/// A rejection that stands.
#[derive(Debug)]
pub struct Rejection<'s> {
    /// The act.
    pub act: &'s Act,
    /// Who.
    pub person: Person,
    /// Whether it has its reason.
    pub reasoned: bool,
    /// What is not known of whether it counts.
    pub unknown: Option<String>,
}

/// Whose word a rejection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Of somebody whom an authority may overrule.
    Plain,
    /// Of somebody who may hold this role, whose word is final: nobody overrules it.
    PerhapsFinal(String),
    /// Of somebody whose word is final.
    Final,
}

/// The rejections that stand, and what is said of those that do not.
#[must_use]
pub fn of<'s>(scene: &Scene<'s>, asked: &[&str]) -> (Vec<Rejection<'s>>, Vec<Node>) {
    let (mut standing, mut notes) = (Vec::new(), Vec::new());
    for (act, person) in scene.against_by() {
        if act.does != (Deed::Reject {}) {
            continue;
        }
        let name = scene.people.name(person);
        let mut note = |ground, says: String| {
            notes.push(Node::new(ground, Status::Note, says).evidence([&act.id]));
        };
        if let Fact::Known(other) = &act.impersonated_by {
            note(Ground::Impersonated, format!("a rejection as {name} was by `{}`", other.as_str()));
            continue;
        }
        if scene.withdrawn(act, person) {
            note(Ground::Withdrawn, format!("{name} took the rejection back"));
            continue;
        }
        if !latest::here(scene, act) {
            let other = act.saw.environment.as_deref().unwrap_or_default();
            note(Ground::OtherEnvironment, format!("{name} rejected it for `{other}`"));
            continue;
        }
        if latest::of_another(scene, act) {
            let changes: Vec<&String> = act.saw.changes.keys().collect();
            note(Ground::OtherContent, format!("{name} rejected {}, of which none goes", words::all_of(&changes)));
            continue;
        }
        if latest::after_rejection(scene, act, person) {
            note(Ground::Replaced, format!("{name} rejected it, and approved it afterwards"));
            continue;
        }
        let unknown = match roles::voice(scene, act, person, asked) {
            Voice::Heard => None,
            Voice::Unknown(why) => Some(why),
            Voice::Not(refusal) => {
                note(refusal.ground, format!("{name} rejects it, and may not: {}", refusal.says));
                continue;
            }
        };
        let reason = act.reason.as_deref().unwrap_or_default();
        let reasoned = words::meaningful(reason, scene.rules.rejection.reason as usize);
        if !reasoned && latest::said_why(scene, act, person) {
            note(Ground::Replaced, format!("{name} rejected it without a reason, and said why afterwards"));
            continue;
        }
        // What it said before it was edited may have been a reason.
        if !reasoned && act.standing != Standing::Edited {
            let end = scene.rules.calendar.due(act.at, scene.rules.rejection.holds);
            if scene.clock.reached(end) {
                let (zone, holds) = (scene.rules.calendar.zone, scene.rules.rejection.holds);
                let (end, from) = (told(end, zone), told(act.at, zone));
                let says = format!("{name}'s rejection lapsed {end} for want of a reason, {holds} from {from}");
                note(Ground::RejectionLapsed, says);
                continue;
            }
        }
        standing.push(Rejection { act, person, reasoned, unknown });
    }
    (standing, notes)
}

/// Whether an act is a rejection with its reason.
pub(super) fn says_why(scene: &Scene<'_>, act: &Act) -> bool {
    let reason = act.reason.as_deref().unwrap_or_default();
    act.does == (Deed::Reject {})
        && latest::here(scene, act)
        && act.is_own()
        && words::meaningful(reason, scene.rules.rejection.reason as usize)
}

/// What became of a rejection that lifts it not.
fn fate(scene: &Scene<'_>, act: &Act) -> String {
    let reason = act.reason.as_deref().unwrap_or_default();
    let reasoned = words::meaningful(reason, scene.rules.rejection.reason as usize);
    let mut fate = String::from(match act.standing {
        Standing::Stands => "",
        Standing::Dismissed => "; dismissed on the forge, which does not lift it",
        Standing::Edited if reasoned => "; edited since, which does not lift it",
        Standing::Edited => "; edited since, and what it said before is not known",
    });
    if !scene.clock.reached(act.at) {
        let at = told(act.at, scene.rules.calendar.zone);
        let _ = write!(fate, "; it is dated {at}, which is yet to come, and counts all the same");
    }
    if roles::gone(scene, &act.by) {
        fate.push_str("; the account is deactivated since, which does not lift it");
    }
    fate
}

/// What is said of a rejection that nobody overruled, and who could.
#[must_use]
pub fn told_of(scene: &Scene<'_>, rejection: &Rejection<'_>, word: &Word, above: Vec<String>) -> Node {
    let name = scene.people.name(rejection.person);
    let rule = &scene.rules.rejection;
    let fate = fate(scene, rejection.act);
    if !rejection.reasoned && rejection.act.standing != Standing::Edited {
        let end = scene.rules.calendar.due(rejection.act.at, rule.holds);
        return Node::new(
            Ground::RejectionWithoutReason,
            Status::Unmet,
            format!(
                "{name} rejects it without a reason of {}; ask for it, else it lapses {}, {} from {}{fate}",
                words::count(rule.reason as usize, "character", "characters"),
                told(end, scene.rules.calendar.zone),
                rule.holds,
                told(rejection.act.at, scene.rules.calendar.zone)
            ),
        )
        .stated(&rule.stated)
        .evidence([&rejection.act.id])
        .who(vec![name.to_owned()])
        .next(Some(end));
    }
    let reason = words::normal(rejection.act.reason.as_deref().unwrap_or_default());
    let (status, mut says) = match (&rejection.unknown, word) {
        (None, Word::Final) => (Status::Rejected, format!("{name} rejects it, and that is final: {reason}")),
        (None, Word::PerhapsFinal(last)) => (
            Status::Unmet,
            format!("{name} rejects it, and whether that is final is not known, as who is in {last} is not: {reason}"),
        ),
        (None, Word::Plain) if !rejection.reasoned => (Status::Unmet, format!("{name} rejects it")),
        (None, Word::Plain) => (Status::Unmet, format!("{name} rejects it: {reason}")),
        (Some(why), _) => (Status::Unknown, format!("{name} rejects it, and whether he may is not known: {why}")),
    };
    says.push_str(&fate);
    // Whose account is gone takes nothing back.
    let able = !roles::gone(scene, &rejection.act.by);
    let mut who: Vec<String> = able.then(|| name.to_owned()).into_iter().collect();
    if !above.is_empty() {
        let back = if able { format!("{name} to take that back, or ") } else { String::new() };
        let _ = write!(says, "; ask {back}{} to approve it all the same", words::any_of(&above));
        who.extend(above);
    } else if !able {
        says.push_str("; nobody is asked by now who could approve it all the same");
    }
    Node::new(Ground::Rejected, status, says).stated(&rule.stated).evidence([&rejection.act.id]).who(who)
}
