//! Which of a person's acts is the latest word.
//!
//! A rejection takes an earlier approval's place, and a later approval that was edited, dismissed or taken back leaves
//! nothing: what was there before never comes back. A later approval that stands adds to what was there. Reviews of a
//! change and approvals of the release are two conversations; only a rejection is heard in both.

use std::borrow::Cow;
use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::bound::{self, Extent};
use super::people::Person;
use super::released::{listed, plain};
use super::scene::{Scene, order};
use super::{place, rejections, released, roles};
use crate::model::facts::{Act, Deed, Fact, Standing, Via};

/// The later act that an approval gave way to, if there is one.
#[must_use]
pub fn after_approval<'s>(scene: &Scene<'s>, approval: &Act, person: Person) -> Option<&'s Act> {
    let undoing = scene.totals.undoing.get_or_init(|| undoing(scene)).get(&person)?;
    let from = undoing.partition_point(|known| order(known) <= order(approval));
    undoing.iter().skip(from).copied().find(|later| {
        let both_reviews = later.via == Via::Review && approval.via == Via::Review;
        match &later.does {
            Deed::Reject {} => {
                here(scene, later) && !of_another(scene, later) && (!both_reviews || same_changes(later, approval))
            }
            _ if both_reviews => same_changes(later, approval),
            _ => later.via != Via::Review && approval.via != Via::Review && here(scene, later),
        }
    })
}

/// What each person did under his own name, or may have, that can leave nothing of an earlier approval: rejections, and approvals that
/// were edited, dismissed or taken back. Few of many acts, so that many approvals of one person are not compared with
/// one another.
fn undoing<'s>(scene: &Scene<'s>) -> HashMap<Person, Vec<&'s Act>> {
    let mut found: HashMap<Person, Vec<&Act>> = HashMap::new();
    for (act, person) in scene.against_by().filter(|(act, _)| act.may_be_own()) {
        let undoes = match &act.does {
            Deed::Reject {} => true,
            Deed::Approve { .. } => act.standing != Standing::Stands || scene.withdrawn(act, person),
            _ => false,
        };
        if undoes {
            found.entry(person).or_default().push(act);
        }
    }
    found
}

/// Whether a later approval took a rejection's place. It has to be the person's own: an edited comment is anybody's.
#[must_use]
pub fn after_rejection(scene: &Scene<'_>, rejection: &Act, person: Person) -> bool {
    let Some(answers) = answers(scene, person) else { return false };
    let later = |act: &&Act| order(act) > order(rejection);
    let same = |id: &str, content: &str| answers.changes.get(&(id, content)).is_some_and(later);
    // As it was then or is now; what goes no longer nobody has to approve.
    let approved = |(id, rejected): (&String, &String)| {
        same(id, rejected)
            || scene.contents().is_some_and(|now| now.get(id.as_str()).is_none_or(|content| same(id, content)))
    };
    let changes = || {
        let rejected = &rejection.saw.changes;
        if rejected.is_empty() {
            // Who names none rejected whatever goes.
            return scene.changes().is_some_and(|now| now.iter().all(|change| same(&change.id, &change.content)));
        }
        rejected.iter().all(approved)
    };
    answers.approved.as_ref().is_some_and(later) && changes() && made(scene, rejection, answers, &later)
        || rejection.via == Via::Review
            && !rejection.saw.changes.is_empty()
            && answers
                .reviewed
                .iter()
                .filter(|act| later(act))
                .any(|act| rejection.saw.changes.keys().all(|change| act.saw.changes.contains_key(change)))
}

/// Whether what was made of the changes was approved later: the very components and artifacts that were rejected, or
/// those that go now. Who rejected without saying what rejected what goes, and so of its components or artifacts where he
/// said none; a review says none of either.
fn made(scene: &Scene<'_>, rejection: &Act, answers: &Answers<'_>, later: &dyn Fn(&&Act) -> bool) -> bool {
    let saw = &rejection.saw;
    let names = |name: &str, content: &str| answers.components.get(&(name, content)).is_some_and(later);
    let has = |digest: &String| answers.artifacts.get(plain(digest).as_ref()).is_some_and(later);
    let released = &scene.facts.release.components;
    let stated = scene.components.iter().all(|component| released.contains_key(&component.name));
    let goes = |name: &str| match released.get(name).map(|released| &released.content) {
        Some(Fact::Known(content)) => names(name, content),
        Some(Fact::Absent) | None => stated,
        Some(Fact::Unavailable(_)) => false,
    };
    let artifacts_go = || {
        stated && released.values().all(|it| listed(&it.artifacts).is_some_and(|artifacts| artifacts.iter().all(has)))
    };
    if !says_what(rejection) {
        return released.keys().all(|name| goes(name)) && artifacts_go();
    }
    let unsaid = |is_empty: bool| is_empty && rejection.via != Via::Review;
    let components = if unsaid(saw.components.is_empty()) {
        released.keys().all(|name| goes(name))
    } else {
        saw.components.iter().all(|(name, content)| names(name, content) || goes(name))
    };
    let artifacts = || !unsaid(saw.artifacts.is_empty()) && saw.artifacts.iter().all(has);
    components && (artifacts() || artifacts_go())
}

/// Whether somebody said later why he rejects it.
#[must_use]
pub fn said_why(scene: &Scene<'_>, rejection: &Act, person: Person) -> bool {
    // Where everything goes by itself, nobody hears a reason that names no environment.
    let named = rejection.saw.environment.is_some() && place::automatic(scene);
    let why = answers(scene, person).and_then(|answers| if named { answers.why_here } else { answers.why });
    why.is_some_and(|why| order(why) > order(rejection))
}

/// What a person did under his own name that can answer an earlier rejection of his. All acts are looked at once.
#[derive(Debug, Default)]
pub(super) struct Answers<'s> {
    /// The last approval of a release here that says of what.
    approved: Option<&'s Act>,
    /// The last one of each change, with the content that it had.
    changes: HashMap<(&'s str, &'s str), &'s Act>,
    /// The last one of each component, with the content that it had.
    components: HashMap<(&'s str, &'s str), &'s Act>,
    /// The last one of each artifact.
    artifacts: HashMap<Cow<'s, str>, &'s Act>,
    /// The reviews that approve changes.
    reviewed: Vec<&'s Act>,
    /// The last rejection with its reason.
    why: Option<&'s Act>,
    /// The last of those that name the environment.
    why_here: Option<&'s Act>,
}

fn answers<'a, 's>(scene: &'a Scene<'s>, person: Person) -> Option<&'a Answers<'s>> {
    let found = scene.totals.answers.get_or_init(|| {
        let mut found: HashMap<Person, Answers<'s>> = HashMap::new();
        for (act, person) in scene.acts_by().filter(|(act, _)| act.is_own()) {
            match act.does {
                Deed::Approve { .. } => {
                    let own = matches!(act.standing, Standing::Stands | Standing::Dismissed);
                    if !own || !roles::was_human(scene, act) {
                        continue;
                    }
                    let answers = found.entry(person).or_default();
                    if act.via == Via::Review {
                        answers.reviewed.push(act);
                    } else if says_what(act)
                        && bound::to_release(scene, act, Extent::Place).is_ok()
                        && bound::names_outcome(scene, act)
                    {
                        answers.approved = Some(act);
                        let changes = act.saw.changes.iter().map(|(id, content)| (id.as_str(), content.as_str()));
                        answers.changes.extend(changes.map(|change| (change, act)));
                        let components = act.saw.components.iter();
                        let components = components.map(|(name, content)| (name.as_str(), content.as_str()));
                        answers.components.extend(components.map(|component| (component, act)));
                        answers.artifacts.extend(act.saw.artifacts.iter().map(|digest| (plain(digest), act)));
                    }
                }
                Deed::Reject {} if rejections::says_why(scene, act) => {
                    let answers = found.entry(person).or_default();
                    answers.why = Some(act);
                    if act.saw.environment.is_some() {
                        answers.why_here = Some(act);
                    }
                }
                _ => {}
            }
        }
        found
    });
    found.get(&person)
}

/// When somebody first approved a change with that content, by whatever became of it: it was there by then.
#[must_use]
pub fn first_approved(scene: &Scene<'_>, change: &str, content: &str) -> Option<DateTime<Utc>> {
    let approves = |act: &&Act| matches!(act.does, Deed::Approve { .. });
    let saw = |act: &&Act| act.saw.changes.get(change).is_some_and(|seen| seen == content);
    scene.acts().filter(approves).find(saw).map(|act| act.at)
}

fn says_what(act: &Act) -> bool {
    !(act.saw.changes.is_empty() && act.saw.components.is_empty() && act.saw.artifacts.is_empty())
}

/// Whether an act is about this environment and repository; one that names none is about every one. Forges know a
/// repository by its name in whatever capitals: renaming it so sheds no rejection.
#[must_use]
pub fn here(scene: &Scene<'_>, act: &Act) -> bool {
    let release = &scene.facts.release;
    act.saw.environment.as_ref().is_none_or(|name| *name == release.environment)
        && act.saw.repository.as_ref().is_none_or(|name| name.eq_ignore_ascii_case(&release.repository))
}

/// Whether a rejection names changes of which none goes, and nothing else that goes or may go: it is of another release,
/// or a review of another change. A push leaves a change its name.
#[must_use]
pub fn of_another(scene: &Scene<'_>, rejection: &Act) -> bool {
    let saw = &rejection.saw;
    let Some(now) = scene.contents() else { return false };
    if saw.changes.is_empty() || now.is_empty() {
        return false;
    }
    let goes = |(id, content): (&String, &String)| {
        now.contains_key(id.as_str()) || now.values().any(|known| *known == content.as_str())
    };
    let components = &scene.facts.release.components;
    let perhaps = |(name, content): (&String, &String)| match components.get(name).map(|released| &released.content) {
        Some(Fact::Known(now)) => now == content,
        Some(Fact::Absent) => false,
        Some(Fact::Unavailable(_)) => true,
        None => scene.components.iter().any(|component| component.name == *name),
    };
    let built = || released::set(components.values().flat_map(|released| released.artifacts.entries()));
    let same_build = || !saw.artifacts.is_empty() && !built().is_disjoint(&released::set(&saw.artifacts));
    !saw.changes.iter().any(goes) && !saw.components.iter().any(perhaps) && !same_build()
}

/// Whether two reviews are about a change in common; one that names none is about all.
fn same_changes(one: &Act, other: &Act) -> bool {
    one.saw.changes.is_empty()
        || other.saw.changes.is_empty()
        || one.saw.changes.keys().any(|change| other.saw.changes.contains_key(change))
}
