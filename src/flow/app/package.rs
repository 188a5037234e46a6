//! The package that a release is a part of, where other parts lie in other repositories, of whichever forge the app serves.
//!
//! How another part stands is read out of the app's own record: of what waits there now, by the last decision on it; of what
//! was let go, by the decision that let it in and by how that ended. It went as a part of this very package only if it went
//! beside what goes here now: what went with something else says nothing of it. What waits is known to this process alone
//! that saw it wait, and decided it since: a decision that nobody keeps up is no standing.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::history::once;
use super::{Desk, ledger};
use crate::decide::package;
use crate::forge::Hub;
use crate::model::facts::{Fact, Facts, Outcome, Package, Part, Release};
use crate::model::release_decision::ReleaseDecision;
use crate::policy::Policy;
use crate::policy::rules::{Component, PackageRule, Repository};
use crate::store::change::Stream;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::latest::Opening;
use crate::store::reader::Reader;

/// How many decisions that let something go are looked through for the last that let the part go.
const LOOKED_THROUGH: usize = 50;
/// How long something that was let go may take to begin, before it is taken for something that never will.
const BEGINS: TimeDelta = TimeDelta::hours(1);

/// A release that brings the part.
struct Brings {
    stream: Stream,
    submitted_at: DateTime<Utc>,
    content: Fact<String>,
    ready: Fact<bool>,
    outcome: Fact<Outcome>,
}

/// What goes here of a package: the content of each component.
type Ours = BTreeMap<String, Option<String>>;

/// A part that is looked for in another repository.
#[derive(Clone, Copy)]
struct Sought<'p> {
    /// The package that it is a part of.
    rule: &'p PackageRule,
    /// The component that it is.
    name: &'p str,
    /// Where the whole package goes.
    environment: &'p str,
}

impl<H: Hub> Desk<H> {
    /// Adds to the facts how the other parts of the release's package stand, where some lie in other repositories and the
    /// settings do not say it. Whatever goes with none of them is told to be released together by whoever decides.
    pub(super) async fn with_package(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        facts: &mut Facts,
    ) -> Result<(), DatabaseFault> {
        let known = self.settings.known.as_ref().and_then(|known| known.get("release"));
        let is_stated = known.is_some_and(|known| known.get("package").is_some());
        if is_stated || facts.release.package.unavailable().is_none() {
            return Ok(());
        }
        facts.release.package = match self.package(reader, policy, &facts.release).await? {
            Some(package) => Fact::Known(package),
            // What goes with all parts of its package is no part of another release.
            None => Fact::Absent,
        };
        Ok(())
    }

    async fn package(
        &self,
        reader: &mut Reader,
        policy: &Policy,
        release: &Release,
    ) -> Result<Option<Package>, DatabaseFault> {
        let component = |name: &String| policy.rules.components.iter().find(|component| component.name == *name);
        let elsewhere = |component: &Component| {
            let place = component.repository.clone();
            place.filter(|place| !place.is(&release.forge, &release.repository))
        };
        let goes = |name: &String| release.components.contains_key(name);
        let spans = |rule: &&PackageRule| {
            let apart = |name: &String| !goes(name) && component(name).and_then(elsewhere).is_some();
            rule.components.iter().any(goes) && rule.components.iter().any(apart)
        };
        let Some(rule) = policy.rules.packages.iter().find(spans) else { return Ok(None) };
        let content = |name: &String| release.components.get(name).map(|it| it.content.known().cloned());
        let ours: Ours = rule.components.iter().filter_map(|name| Some((name.clone(), content(name)?))).collect();
        let mut parts = BTreeMap::new();
        for name in rule.components.iter().filter(|name| !goes(name)) {
            let part = match component(name).and_then(elsewhere) {
                Some(place) => {
                    let here = (release.forge.as_str(), release.repository.as_str());
                    self.settings.desks.waits_for(here, (&place.forge, &place.name));
                    let sought = Sought { rule, name, environment: &release.environment };
                    self.part(reader, &place, sought, &ours).await?
                }
                // It is of this very repository, and does not go along.
                None => Fact::Absent,
            };
            parts.insert(name.clone(), part);
        }
        Ok(Some(Package { name: rule.name.clone(), parts }))
    }

    /// How a part stands that lies in another repository.
    async fn part(
        &self,
        reader: &mut Reader,
        place: &Repository,
        sought: Sought<'_>,
        ours: &Ours,
    ) -> Result<Fact<Part>, DatabaseFault> {
        let Some(desk) = self.settings.desks.of(&place.forge) else {
            return Ok(Fact::Unavailable(format!("this app does not serve {}", place.forge).into()));
        };
        let mut found: Vec<Brings> = Vec::new();
        let mut undecided = false;
        for waits in desk.waiting(&place.name, sought.environment) {
            let Some(stream) = waits.stream else {
                undecided = true;
                continue;
            };
            match waiting(reader, &stream, sought, ours).await? {
                Some(Some(brings)) if waits.is_undecided => {
                    let ready = Fact::Unavailable("it could not be decided when it was looked at last".into());
                    found.push(Brings { ready, ..brings });
                }
                Some(Some(brings)) => found.push(brings),
                Some(None) => {}
                None => undecided = true,
            }
        }
        if let Some(went) = self.went_along(reader, place, sought, ours).await? {
            match found.iter_mut().find(|it| it.stream == went.stream) {
                // It waits again: whether it is ready is said by what was decided since.
                Some(again) => again.outcome = went.outcome,
                None => found.push(went),
            }
        }
        let newest = found.into_iter().max_by(|one, other| {
            one.submitted_at.cmp(&other.submitted_at).then_with(|| one.stream.release.cmp(&other.stream.release))
        });
        Ok(match newest {
            // Which of them brings the part is not known before that is decided.
            _ if undecided => {
                Fact::Unavailable(format!("a release of {} waits, and was not decided yet", place.name).into())
            }
            Some(Brings { content: Fact::Known(content), ready, outcome, .. }) => {
                Fact::Known(Part { content, ready, outcome })
            }
            Some(Brings { content, .. }) => {
                let why = content.unavailable().unwrap_or("it has none");
                Fact::Unavailable(format!("what goes of it is not known: {why}").into())
            }
            None => Fact::Absent,
        })
    }

    /// The last release that let the part go, where it went beside what goes here.
    async fn went_along(
        &self,
        reader: &mut Reader,
        place: &Repository,
        Sought { rule, name, environment }: Sought<'_>,
        ours: &Ours,
    ) -> Result<Option<Brings>, DatabaseFault> {
        let mut last: Option<(Brings, DateTime<Utc>, Vec<u64>)> = None;
        let openings = reader.openings(&place.forge, &place.name, environment).await?;
        for Opening { entry, stream, facts } in openings.into_iter().take(LOOKED_THROUGH) {
            if last.as_ref().is_some_and(|(brings, ..)| brings.stream != stream) {
                break;
            }
            let facts = reader.blob(facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
            let Some(release) = facts.map(|facts| facts.release) else { continue };
            let Some(released) = release.components.get(name) else { continue };
            if !went_with(&release, rule, ours) {
                break;
            }
            if let Some((_, _, entries)) = &mut last {
                entries.push(entry);
                continue;
            }
            let at = reader.decided_in(entry).await?.and_then(|it| DateTime::from_timestamp_micros(it.at));
            let brings = Brings {
                stream,
                submitted_at: release.submitted_at,
                content: released.content.clone(),
                ready: Fact::Known(false),
                outcome: Fact::Absent,
            };
            last = at.map(|at| (brings, at, vec![entry]));
        }
        let Some((mut brings, opened, entries)) = last else { return Ok(None) };
        let rows = once(reader.deployed(&place.forge, &place.name.to_lowercase()).await?);
        let by_these = |decision: &u64| entries.contains(decision);
        let rows = rows.into_iter().filter(|row| row.environment == environment && row.decision.iter().any(by_these));
        let row = rows.max_by_key(|row| row.began);
        let ended = row.as_ref().and_then(|row| row.outcome.as_deref()).map(ledger::outcome);
        brings.outcome = match ended {
            Some(Some(outcome)) => Fact::Known(outcome),
            Some(None) => Fact::Unavailable("how it ended is written in words that are not known".into()),
            None => Fact::Absent,
        };
        // It goes: it is under way, or is about to begin.
        let goes = row.is_some() || self.now() < opened + BEGINS;
        brings.ready = Fact::Known(ended.is_none() && goes);
        Ok(Some(brings))
    }
}

/// What a release that waits brings of the part, by the last decision on it: the inner `None` where it does not bring it, the
/// outer where that is not known.
async fn waiting(
    reader: &mut Reader,
    stream: &Stream,
    Sought { rule, name, .. }: Sought<'_>,
    ours: &Ours,
) -> Result<Option<Option<Brings>>, DatabaseFault> {
    let Some(latest) = reader.latest(stream).await? else { return Ok(None) };
    let facts = reader.blob(latest.facts).await?.and_then(|bytes| Facts::read(&bytes).ok());
    let document = reader.blob(latest.document).await?.and_then(|bytes| ReleaseDecision::read(&bytes).ok());
    let (Some(facts), Some(document)) = (facts, document) else { return Ok(None) };
    let Some(released) = facts.release.components.get(name) else { return Ok(Some(None)) };
    // Of a release whose own policy does not have it in this package nothing is told here: whoever may read this repository may
    // not read that one.
    let is_with_us =
        |package: &Package| package.name == rule.name && ours.keys().all(|it| package.parts.contains_key(it));
    if !facts.release.package.known().is_some_and(is_with_us) {
        return Ok(Some(None));
    }
    Ok(Some(Some(Brings {
        stream: latest.stream,
        submitted_at: facts.release.submitted_at,
        content: released.content.clone(),
        ready: Fact::Known(package::is_ready_but_for_it(&document.tree)),
        outcome: Fact::Absent,
    })))
}

/// Whether a release went as a part of a package of which what goes here is the rest.
fn went_with(release: &Release, rule: &PackageRule, ours: &Ours) -> bool {
    let Fact::Known(package) = &release.package else { return false };
    let same = |(name, content): (&String, &Option<String>)| {
        let part = package.parts.get(name).and_then(Fact::known);
        content.is_some() && part.map(|part| &part.content) == content.as_ref()
    };
    package.name == rule.name && ours.iter().all(same)
}
