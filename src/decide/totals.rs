//! What is counted once a decision, and only where something asks for it: how large the release is, and what the last
//! 90 days of its teams come to.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Duration, Utc};

use super::latest::Answers;
use super::people::Person;
use super::rounds::Rounds;
use super::scene::Scene;
use super::vendors::New;
use crate::model::facts::history::{LinkedIncident, TeamDeployment};
use crate::model::facts::{Act, Change, Fact, Incident, TeamHistory};
use crate::policy::evaluate::Truth;
use crate::policy::length::Length;

/// How long what a team did is counted.
const WINDOW: Duration = Duration::days(90);

/// When a length of time ends that begins at an instant.
type Ends = BTreeMap<(DateTime<Utc>, Length), DateTime<Utc>>;

/// What was worked out already.
#[derive(Debug, Default)]
pub(super) struct Totals<'s> {
    size: OnceCell<Size>,
    /// When lengths of time end.
    pub(super) due: RefCell<Ends>,
    components: OnceCell<Vec<String>>,
    teams: OnceCell<Vec<(&'s str, Result<Window, &'s str>)>>,
    pub(super) documented: OnceCell<Truth>,
    /// The incidents that are open by what counts of what people made of them, by name.
    pub(super) incidents: OnceCell<Vec<Incident>>,
    /// The same by the word of those alone whose word counts.
    pub(super) incidents_counted: OnceCell<Vec<Incident>>,
    /// The third parties that are new, or why that is not known.
    pub(super) vendors: OnceCell<Result<New, String>>,
    pub(super) rollback: OnceCell<Option<bool>>,
    pub(super) granted: OnceCell<bool>,
    /// Who started the deployment, where that is known.
    pub(super) starter: OnceCell<Option<Person>>,
    /// Why it is not known, where it is not.
    pub(super) starter_unknown: OnceCell<Option<String>>,
    /// In which round of delegations somebody is.
    pub(super) rounds: OnceCell<Rounds<'s>>,
    /// What each person did that can leave nothing of an earlier approval, the earliest first.
    pub(super) undoing: OnceCell<HashMap<Person, Vec<&'s Act>>>,
    /// What confirms that a release fixes an incident, by the incident.
    pub(super) confirming: OnceCell<HashMap<&'s str, Vec<&'s Act>>>,
    /// What meets an obligation, by the obligation.
    pub(super) completing: OnceCell<HashMap<&'s str, Vec<&'s Act>>>,
    /// What each change is now, by its name; `None` where that could not be read.
    pub(super) contents: OnceCell<Option<HashMap<&'s str, &'s str>>>,
    /// What each person did that can answer an earlier rejection of his.
    pub(super) answers: OnceCell<HashMap<Person, Answers<'s>>>,
    /// The acts that approve a change as it is now, by its name.
    pub(super) approving: OnceCell<HashMap<&'s str, Vec<&'s Act>>>,
}

/// How large a release is; each is `None` where it cannot be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Lines added and removed.
    pub lines: Option<u64>,
    /// Different files touched.
    pub files: Option<u64>,
    /// Changes.
    pub changes: Option<u64>,
    /// Different commits.
    pub commits: Option<u64>,
}

/// What a team did in 90 days.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Its deployments.
    pub deployments: u32,
    /// Of them, failed.
    pub failed: u32,
    /// Of those, the ones that failed by an incident alone.
    pub by_incident: u32,
    /// Of those, the ones of which it is not known whether an incident in time was theirs.
    pub perhaps: u32,
    /// Of them, emergencies.
    pub emergencies: u32,
    /// Mean seconds from detection to restoration, over the failures that were detected; 0 where none was, `None` while one
    /// of them lasts.
    pub mttr: Option<f64>,
    /// Mean seconds from deployment to detection, likewise.
    pub mttd: Option<f64>,
}

impl Window {
    /// Failed over all; unknown where there are none.
    #[must_use]
    pub fn failure_rate(&self) -> Option<f64> {
        (self.deployments > 0).then(|| f64::from(self.failed) / f64::from(self.deployments))
    }
}

/// How large the release is.
pub fn size(scene: &Scene<'_>) -> Size {
    *scene.totals.size.get_or_init(|| {
        let Some(changes) = scene.changes() else { return Size::default() };
        Size {
            lines: total(changes, |change| match &change.lines {
                Fact::Known(lines) => Some(*lines),
                // Every change has a number of lines; that there is none says nothing.
                Fact::Absent | Fact::Unavailable(_) => None,
            }),
            files: different(changes, |change| Some(change.known_files()?.iter().map(String::as_str).collect())),
            changes: u64::try_from(changes.len()).ok(),
            commits: different(changes, |change| match &change.commits {
                Fact::Known(commits) if !commits.is_empty() => {
                    Some(commits.iter().map(|commit| commit.sha.as_str()).collect())
                }
                Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => None,
            }),
        }
    })
}

fn total(changes: &[Change], of: impl Fn(&Change) -> Option<u64>) -> Option<u64> {
    changes.iter().try_fold(0_u64, |sum, change| Some(sum.saturating_add(of(change)?)))
}

fn different<'c>(changes: &'c [Change], of: impl Fn(&'c Change) -> Option<Vec<&'c str>>) -> Option<u64> {
    let mut all: Vec<&str> = Vec::new();
    for change in changes {
        all.extend(of(change)?);
    }
    all.sort_unstable();
    all.dedup();
    u64::try_from(all.len()).ok()
}

/// The names of the components that go.
pub(super) fn components<'a>(scene: &'a Scene<'_>) -> &'a [String] {
    scene.totals.components.get_or_init(|| scene.components.iter().map(|component| component.name.clone()).collect())
}

/// What the teams of the release did in 90 days, each once; why it is not known, where it is not.
pub(super) fn teams<'a, 's>(scene: &'a Scene<'s>) -> &'a [(&'s str, Result<Window, &'s str>)] {
    scene.totals.teams.get_or_init(|| {
        let mut found: Vec<(&str, Result<Window, &str>)> = Vec::new();
        for team in scene.components.iter().filter_map(|component| component.team.as_deref()) {
            if found.iter().any(|(known, _)| *known == team) {
                continue;
            }
            let window = history(scene, team).map(|history| {
                let inside = |at| scene.clock.within(at, leaves(at));
                window(history, scene.rules.rigor.incidents_within, inside, |at| scene.clock.reached(at))
            });
            found.push((team, window));
        }
        found
    })
}

/// What a team did in 90 days.
pub(super) fn team<'s>(scene: &Scene<'s>, team: &str) -> Result<Window, &'s str> {
    let found = teams(scene).iter().find(|(known, _)| *known == team);
    found.map_or(Err("it makes nothing of this release"), |(_, window)| *window)
}

/// Whether the release belongs to no component of a policy that has some, and so to no team.
pub(super) fn no_team(scene: &Scene<'_>) -> bool {
    scene.components.is_empty() && !scene.rules.components.is_empty()
}

static NOTHING: TeamHistory = TeamHistory { deployments: Vec::new() };

/// What a team ever did, as far as the facts go.
pub(super) fn history<'s>(scene: &Scene<'s>, team: &str) -> Result<&'s TeamHistory, &'s str> {
    match scene.facts.teams.get(team) {
        Some(Fact::Known(history)) => Ok(history),
        Some(Fact::Absent) => Ok(&NOTHING),
        Some(Fact::Unavailable(why)) => Err(why),
        None => Err("the facts do not state it"),
    }
}

/// When a deployment is no longer counted.
pub(super) fn leaves(at: DateTime<Utc>) -> DateTime<Utc> {
    at.checked_add_signed(WINDOW).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How a deployment counts: as failed by its own status, or by an incident that is linked to it, had begun, and began
/// before so many seconds after it were over, or whenever it began where nothing bounds that.
fn fails(deployment: &TeamDeployment, within: Option<i64>, mut by_then: impl FnMut(DateTime<Utc>) -> bool) -> Failed {
    let mut caused = |incident: &LinkedIncident| match &incident.began_at {
        Fact::Known(began) if by_then(*began) && within.is_none_or(|within| ended(deployment.at, within) > *began) => {
            Failed::ByIncident
        }
        Fact::Known(_) => Failed::Not,
        Fact::Absent | Fact::Unavailable(_) => Failed::Perhaps,
    };
    // Every instant is asked for, so that the clock knows of all.
    let by_incident = match &deployment.incidents {
        Fact::Known(incidents) => incidents.iter().map(&mut caused).max().unwrap_or(Failed::Not),
        Fact::Absent => Failed::Not,
        Fact::Unavailable(_) => Failed::Perhaps,
    };
    if deployment.failed.perhaps() { Failed::ByStatus } else { by_incident }
}

fn ended(at: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    let length = Duration::try_seconds(seconds).unwrap_or(Duration::MAX);
    at.checked_add_signed(length).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// How a deployment counts; the later, the surer it failed. Whatever is not `Not` is a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Failed {
    Not,
    /// Which incidents are linked to it, or when one began, is not known.
    Perhaps,
    ByIncident,
    ByStatus,
}

/// Counts what lies inside of a window; `within` are the seconds in which an incident has to begin to count, `by_then` says
/// what had happened by the window's end.
pub(super) fn window(
    history: &TeamHistory,
    within: Option<i64>,
    mut inside: impl FnMut(DateTime<Utc>) -> bool,
    mut by_then: impl FnMut(DateTime<Utc>) -> bool,
) -> Window {
    let mut window = Window::default();
    let (mut restored, mut detected) = (Mean::default(), Mean::default());
    for deployment in &history.deployments {
        if !inside(deployment.at) {
            continue;
        }
        window.deployments += 1;
        window.emergencies += u32::from(deployment.emergency.perhaps());
        let failed = fails(deployment, within, &mut by_then);
        if failed == Failed::Not {
            continue;
        }
        window.failed += 1;
        window.by_incident += u32::from(failed == Failed::ByIncident);
        window.perhaps += u32::from(failed == Failed::Perhaps);
        let seen = match &deployment.detected_at {
            Fact::Known(at) if by_then(*at) => *at,
            // What nobody detected yet has no length.
            Fact::Known(_) | Fact::Absent => continue,
            Fact::Unavailable(_) => {
                restored.unknown = true;
                detected.unknown = true;
                continue;
            }
        };
        detected.between(deployment.at, seen);
        match &deployment.restored_at {
            Fact::Known(at) if by_then(*at) => restored.between(seen, *at),
            // How long it takes is not known while it lasts, and it is nothing that was repaired in no time.
            Fact::Known(_) | Fact::Absent | Fact::Unavailable(_) => restored.unknown = true,
        }
    }
    // Where nothing was ever deployed there is no time to speak of.
    if window.deployments > 0 {
        window.mttr = restored.value();
        window.mttd = detected.value();
    }
    window
}

#[derive(Default)]
struct Mean {
    sum: f64,
    number: u32,
    unknown: bool,
}

impl Mean {
    /// What ends before it begins is a mistake in what was read, and has no length.
    fn between(&mut self, from: DateTime<Utc>, until: DateTime<Utc>) {
        if until < from {
            self.unknown = true;
        } else {
            self.add(until - from);
        }
    }

    fn add(&mut self, length: Duration) {
        #[expect(clippy::cast_precision_loss, reason = "a hundred thousand years of milliseconds stay below 2^53")]
        let seconds = length.num_milliseconds() as f64 / 1000.0;
        self.sum += seconds;
        self.number += 1;
    }

    fn value(&self) -> Option<f64> {
        match (self.unknown, self.number) {
            (true, _) => None,
            (false, 0) => Some(0.0),
            (false, number) => Some(self.sum / f64::from(number)),
        }
    }
}
