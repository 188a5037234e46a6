//! Which releases caused which incidents, by what stands under a heading of theirs. Whoever writes it there makes a team's
//! record worse and nothing better, and so anybody may who can; what was written once stays said.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::incident;
use super::text::{self, Section};
use crate::flow::app::Desk;
use crate::flow::app::past::Went;
use crate::forge::Hub;
use crate::forge::records::{Issue, Records as _};
use crate::model::facts::Fact;
use crate::model::facts::history::LinkedIncident;
use crate::policy::rules::{IncidentRule, Rules, is_issues};
use crate::store::deployed::Deployed;
use crate::store::fault::Fault as DatabaseFault;
use crate::store::reader::Reader;

/// The heading under which an incident names the release that caused it: by a change, `#12`, or its commit.
const CAUSED_BY: &str = "caused by";
/// For how long what incidents name is believed, and how soon it is asked again where it could not be read.
const AGE: Duration = Duration::from_mins(10);
const AGAIN: Duration = Duration::from_secs(30);
/// How many incidents are read, the newest.
const MOST: usize = 500;
/// How many digits of a commit name one, at least.
const DIGITS: usize = 7;

/// What an incident says that caused it.
#[derive(Clone, Debug)]
struct Cause {
    incident: LinkedIncident,
    /// The names of changes, and the beginnings of commits.
    changes: Vec<String>,
    commits: Vec<String>,
}

/// What incidents said, of which issues, and when.
#[derive(Clone, Debug)]
struct Known {
    at: Instant,
    of: Vec<u64>,
    read: Result<Arc<Vec<Cause>>, String>,
}

/// What the incidents of repositories said last, by repository and label.
#[derive(Debug, Default)]
pub(in crate::flow::app) struct Causes(Mutex<BTreeMap<String, Known>>);

impl Causes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The incidents that releases caused, as far as that is known.
#[derive(Clone, Debug)]
pub(in crate::flow::app) enum Caused {
    /// The policy has no incidents.
    None,
    /// These were read.
    Read(CausedBy),
    /// They could not be.
    Unread(String),
}

/// What was read of incidents.
#[derive(Clone, Debug, Default)]
pub(in crate::flow::app) struct CausedBy(Arc<Vec<Cause>>);

impl Caused {
    /// The incidents that a deployment caused.
    pub(in crate::flow::app) fn by(&self, row: &Deployed, went: Option<&Went>) -> Fact<Vec<LinkedIncident>> {
        match self {
            Self::None => Fact::Absent,
            Self::Unread(why) => Fact::Unavailable(why.clone().into()),
            Self::Read(CausedBy(causes)) => {
                let is_it = |cause: &&Cause| {
                    let changes = went.map(|went| went.changes.as_slice()).unwrap_or_default();
                    cause.commits.iter().any(|it| row.commit.to_ascii_lowercase().starts_with(it.as_str()))
                        || cause.changes.iter().any(|it| changes.iter().any(|id| id.eq_ignore_ascii_case(it)))
                };
                let found: Vec<LinkedIncident> = causes.iter().filter(is_it).map(|it| it.incident.clone()).collect();
                if found.is_empty() { Fact::Absent } else { Fact::Known(found) }
            }
        }
    }
}

fn cause(issue: &Issue, place: &str, label: &str, rule: &IncidentRule) -> Option<Cause> {
    let found = incident::fact(issue, place, label, &rule.severity)?;
    let (mut changes, mut commits) = (Vec::new(), Vec::new());
    let all = issue.versions.iter().filter_map(|version| version.text.as_deref());
    for said in all.filter_map(|text| match text::section(text, CAUSED_BY) {
        Section::Said(said) => Some(said),
        Section::Missing | Section::Twice => None,
    }) {
        changes.extend(text::named(&said, place));
        let words = said.split(|it: char| !it.is_ascii_hexdigit()).filter(|word| word.len() >= DIGITS);
        commits.extend(words.map(str::to_ascii_lowercase));
    }
    let began_at = found.opened_at.map_or(Fact::Absent, Fact::Known);
    let incident = LinkedIncident { id: found.id, began_at };
    (!changes.is_empty() || !commits.is_empty()).then_some(Cause { incident, changes, commits })
}

impl<H: Hub> Desk<H> {
    /// Which releases caused the incidents of a repository.
    pub(in crate::flow::app) async fn caused(
        &self,
        reader: &mut Reader,
        rules: &Rules,
        repository: &str,
    ) -> Result<Caused, DatabaseFault> {
        let Some(rule) = &rules.incidents else { return Ok(Caused::None) };
        if !is_issues(&rule.system) {
            let why =
                format!("the app reads incidents from issues alone, and the policy has them in `{}`", rule.system);
            return Ok(Caused::Unread(why));
        }
        let (place, label) = (incident::place(rule, repository).to_ascii_lowercase(), incident::label(rule));
        let key = format!("{place} {label}");
        let all = reader.incidents(H::NAME, &place, label).await?;
        let mut numbers: Vec<u64> = all.iter().map(|it| it.number).collect();
        numbers.sort_unstable();
        let of = numbers.split_off(numbers.len().saturating_sub(MOST));
        let known = self.causes.lock().get(&key).filter(|known| known.of == of).cloned();
        let believed = known.filter(|it| it.at.elapsed() < if it.read.is_ok() { AGE } else { AGAIN });
        let read = if let Some(known) = believed {
            known.read
        } else {
            let at = Instant::now();
            let read = self.causes_of(&place, (label, rule), &of).await.map(Arc::new);
            self.causes.lock().insert(key, Known { at, of, read: read.clone() });
            read
        };
        Ok(match read {
            Ok(causes) => Caused::Read(CausedBy(causes)),
            Err(why) => Caused::Unread(why),
        })
    }

    async fn causes_of(
        &self,
        place: &str,
        (label, rule): (&str, &IncidentRule),
        numbers: &[u64],
    ) -> Result<Vec<Cause>, String> {
        if numbers.is_empty() {
            return Ok(Vec::new());
        }
        let forge = self.hub.of(place).await.map_err(|fault| fault.to_string())?;
        let read = forge.issues(place, numbers).await.map_err(|fault| fault.to_string())?;
        if let Some(gone) = numbers.iter().find(|number| !read.issues.contains_key(number)) {
            return Err(format!("issue {gone} of {place}, which is an incident, cannot be read any longer"));
        }
        Ok(read.issues.values().filter_map(|issue| cause(issue, place, label, rule)).collect())
    }
}
