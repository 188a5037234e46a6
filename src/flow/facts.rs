//! The facts of a release, gathered: the policy says what is worth knowing, the forge says what it knows, and the two
//! become the document that is decided by.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::forge::{Folders, Gathered, Question, Ranged, Source};
use crate::model::facts::people::folded;
use crate::model::facts::{Account, Act, Change, Fact, Facts, Release, Released, VERSION};
use crate::policy::Policy;
use crate::policy::roster::Roster;
use crate::policy::rules::{Component, MemberRef};

/// Of what only whoever watches the deployment knows.
const UNASKED: &str = "the forge was not asked how the deployment goes; the record of who let it in knows";

/// A release that is asked for.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What people call it. Left out: the repository's name and the commit.
    pub name: Option<String>,
    /// The forge: `github` or `gitlab`.
    pub forge: &'static str,
    /// The repository: `acme/payments`.
    pub repository: String,
    /// The environment, exactly as the forge names it.
    pub environment: String,
    /// The commit.
    pub commit: String,
    /// The branch or tag, in full. Left out: what the run says.
    pub reference: Option<String>,
    /// The pipeline's run that deploys.
    pub run: Option<u64>,
    /// When the release was asked for, UTC, and since when people are asked. Left out: when the run was made, and when its
    /// present attempt was started.
    pub submitted_at: Option<DateTime<Utc>>,
    /// Components that go whatever the changes touch.
    pub components: Vec<String>,
    /// The commits that components last ran here, by name; the empty name stands for all that are not named.
    pub since: BTreeMap<String, String>,
    /// What ran here of all that `since` does not name, by a record that knows it: absent where nothing ever ran. Left
    /// out: nobody knows, because a forge's own list is no proof of it.
    pub running: Option<Fact<String>>,
    /// Who was in the groups when the release was asked for, as far as that is known.
    pub roster: Roster,
    /// The artifacts of components, by name: SHA-256 digests, none where a component has none.
    pub artifacts: BTreeMap<String, Vec<String>>,
    /// What people did elsewhere than at the forge, by a record that has it.
    pub acts: Vec<Act>,
    /// Accounts that signed a grant, of whom the same is asked as of those who acted.
    pub signers: Vec<Account>,
}

/// Why there are no facts.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The forge could not be asked.
    #[error("{0}")]
    Forge(String),
    /// What was asked for does not go with the policy.
    #[error("{0}")]
    Asked(String),
    /// The facts do not take what was to be filled in.
    #[error("what is to be filled in does not fit: {0}; see `countersign schema facts`")]
    Filled(String),
}

/// Gathers the facts of a release.
pub async fn gather<F: Source>(forge: &F, policy: &Policy, wanted: &Wanted) -> Result<Facts, Fault> {
    let rules = &policy.rules;
    let unknown = wanted.components.iter().chain(wanted.since.keys()).chain(wanted.artifacts.keys());
    for name in unknown.filter(|name| !name.is_empty()) {
        if !rules.components.iter().any(|component| component.name == *name) {
            return Err(Fault::Asked(format!("the policy has no component `{name}`")));
        }
    }
    let question = question(forge, policy, wanted).await;
    let gathered = forge.gather(&question).await.map_err(|fault| Fault::Forge(fault.to_string()))?;
    let instant = |known: &Fact<DateTime<Utc>>| match known {
        Fact::Known(at) => Ok(*at),
        Fact::Absent | Fact::Unavailable(_) => {
            let why = known.unavailable().unwrap_or("no run is named");
            Err(Fault::Asked(format!(
                "when the release was asked for is not known ({why}); name the run or the instant"
            )))
        }
    };
    let (submitted_at, asked_since) = match wanted.submitted_at {
        Some(at) => (at, None),
        None => (instant(&gathered.submitted_at)?, Some(instant(&gathered.asked_since)?)),
    };
    let asked_since = asked_since.filter(|since| *since > submitted_at);
    Ok(document(policy, wanted, &question, gathered, (submitted_at, asked_since)))
}

/// What the policy makes worth asking.
async fn question<F: Source>(forge: &F, policy: &Policy, wanted: &Wanted) -> Question {
    let rules = &policy.rules;
    let running = |name: &str| wanted.since.get(name).map(|commit| Fact::Known(commit.clone()));
    let ours = here(&rules.components, wanted.forge, &wanted.repository);
    let all = ours.iter().all(|component| wanted.since.contains_key(&component.name));
    let otherwise = match running("").or_else(|| wanted.running.clone()) {
        Some(commit) => commit,
        None if all && !ours.is_empty() => Fact::default(),
        None => unproven(forge.running(&wanted.repository, &wanted.environment).await),
    };
    let running = |name: &str| running(name).unwrap_or_else(|| otherwise.clone());
    let mut names: BTreeSet<&str> = ours.iter().map(|component| component.name.as_str()).collect();
    if names.is_empty() {
        // Without components everything that changed goes.
        names.insert("");
    }
    let promoted = rules.environments.iter().find(|rule| rule.name == wanted.environment);
    let members = rules.roles.iter().flat_map(|role| &role.members);
    let mut groups = BTreeSet::new();
    let mut logins = BTreeSet::new();
    let prefix = format!("{}:", wanted.forge);
    let login = |account: &str| folded(account).strip_prefix(&prefix).map(str::to_owned);
    for member in members {
        match member {
            MemberRef::Group(group) if folded(group).starts_with(&prefix) => {
                groups.insert(group.clone());
            }
            MemberRef::Account(account) => logins.extend(login(account)),
            MemberRef::User(name) if !rules.people.iter().any(|person| person.name == *name) => {
                logins.insert(name.to_ascii_lowercase());
            }
            MemberRef::Group(_) | MemberRef::User(_) => {}
        }
    }
    logins.extend(rules.people.iter().flat_map(|person| &person.accounts).filter_map(|account| login(account)));
    Question {
        repository: wanted.repository.clone(),
        environment: wanted.environment.clone(),
        promoted_from: promoted.and_then(|rule| rule.from.clone()).into_iter().collect(),
        commit: wanted.commit.clone(),
        reference: wanted.reference.clone(),
        run: wanted.run,
        components: ours.iter().map(|it| (it.name.clone(), folders(&it.paths.written))).collect(),
        running: names.into_iter().map(|name| (name.to_owned(), running(name))).collect(),
        history: true,
        logins: logins.into_iter().collect(),
        groups: groups.into_iter().collect(),
        acts: wanted.acts.clone(),
        signers: wanted.signers.clone(),
        roster: wanted.roster.groups.iter().map(|(group, members)| (group.clone(), accounts(members))).collect(),
    }
}

/// What runs by a forge's own list of deployments is no fact: whoever may push can write into it, it does not say which
/// component ran, and a range that begins too late leaves out whoever wrote what came before.
fn unproven(shown: Fact<String>) -> Fact<String> {
    let shown = match shown {
        Fact::Known(commit) => format!("the last that it shows is {commit}"),
        Fact::Absent => "it shows none that ran".to_owned(),
        Fact::Unavailable(why) => format!("it could not be read: {why}"),
    };
    let says =
        "whoever may push can write into the forge's list of deployments, which does not say which component ran";
    Fact::Unavailable(format!("{says} ({shown}); name with `--since` what runs").into())
}

fn accounts(members: &[String]) -> Vec<Account> {
    members.iter().map(|member| Account::from(member.as_str())).collect()
}

/// The folders and files that globs begin with: everything that they can match lies there.
#[must_use]
pub fn folders(globs: &[String]) -> Folders {
    let plain = |glob: &String| {
        let parts = glob.split('/').take_while(|part| !part.contains(['*', '?', '{', '}', '[', ']', '!', '\\']));
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/")
    };
    let mut folders: Folders = globs.iter().map(plain).collect();
    folders.sort();
    folders.dedup();
    folders
}

/// The components that a repository may have.
fn here<'p>(components: &'p [Component], forge: &str, repository: &str) -> Vec<&'p Component> {
    components.iter().filter(|component| component.may_be_in(forge, repository)).collect()
}

/// The components that a change touches; `None` where its files are not known.
fn touched<'p>(components: &[&'p Component], change: &Change) -> Option<Vec<&'p Component>> {
    let files = change.known_files()?;
    let touches = |component: &&Component| files.iter().any(|file| component.paths.matches(file));
    Some(components.iter().copied().filter(touches).collect())
}

/// Whether a change goes: it came since a component that it touches last ran here. What touches none, or what nobody
/// knows, goes wherever it came.
fn goes(components: &[&Component], question: &Question, ranged: &Ranged) -> bool {
    let since = |component: &&Component| {
        let base = question.running.get(&component.name).and_then(Fact::known);
        base.is_some_and(|base| ranged.since.contains(base))
    };
    match touched(components, &ranged.change) {
        Some(touched) if !touched.is_empty() => touched.iter().any(since),
        Some(_) | None => true,
    }
}

/// What deploys: the forge, where one of its runs does.
fn deployed_by(wanted: &Wanted, began: &Fact<DateTime<Utc>>) -> Fact<String> {
    match (wanted.run, began) {
        (Some(_), Fact::Known(_)) => Fact::Known(wanted.forge.to_owned()),
        (Some(_), began) => Fact::Unavailable(began.unavailable().unwrap_or("the run is not known").to_owned().into()),
        (None, _) => Fact::Unavailable("no run of the forge is named that deploys".into()),
    }
}

/// What a release is called that nobody named: by its repository and its commit.
#[must_use]
pub fn named(repository: &str, commit: &str) -> String {
    let short = commit.get(..12).unwrap_or(commit);
    format!("{} {short}", repository.rsplit('/').next().unwrap_or_default())
}

fn document(
    policy: &Policy,
    wanted: &Wanted,
    question: &Question,
    gathered: Gathered,
    (submitted_at, asked_since): (DateTime<Utc>, Option<DateTime<Utc>>),
) -> Facts {
    let components = &here(&policy.rules.components, wanted.forge, &wanted.repository);
    let changes: Fact<Vec<Change>> = match gathered.changes {
        Fact::Known(ranged) => {
            let going: Vec<Change> =
                ranged.into_iter().filter(|it| goes(components, question, it)).map(|it| it.change).collect();
            if going.is_empty() { Fact::Absent } else { Fact::Known(going) }
        }
        Fact::Absent => Fact::Absent,
        Fact::Unavailable(why) => Fact::Unavailable(why),
    };
    let is_touched = |component: &&Component| match &changes {
        Fact::Known(changes) => changes
            .iter()
            .any(|change| change.known_files().is_none_or(|files| files.iter().any(|it| component.paths.matches(it)))),
        // Going back takes every component back.
        Fact::Absent | Fact::Unavailable(_) => true,
    };
    let released = |component: &&Component| {
        let artifacts = match wanted.artifacts.get(&component.name) {
            Some(none) if none.is_empty() => Fact::Absent,
            Some(artifacts) => Fact::Known(artifacts.clone()),
            None => {
                let says = "the forge does not say which artifacts go; name them with `--artifact`, or for the app with `--with`, and \
                            with `--without-artifacts` what has none";
                Fact::Unavailable(says.into())
            }
        };
        let content = gathered.contents.get(&component.name).cloned().unwrap_or_default();
        (component.name.clone(), Released { content, artifacts })
    };
    let goes = |component: &&&Component| wanted.components.contains(&component.name) || is_touched(component);
    Facts {
        version: VERSION,
        release: Release {
            name: wanted.name.clone().unwrap_or_else(|| named(&gathered.repository, &wanted.commit)),
            forge: wanted.forge.to_owned(),
            repository: gathered.repository.clone(),
            environment: wanted.environment.clone(),
            reference: gathered.reference,
            commit: wanted.commit.clone(),
            submitted_at,
            asked_since,
            trigger: gathered.trigger,
            deployed_by: deployed_by(wanted, &gathered.submitted_at),
            components: components.iter().filter(goes).map(released).collect(),
            changes,
            new_vendors: Fact::default(),
            vendors_before: Fact::default(),
            running: Fact::default(),
            released: Fact::default(),
            irreversible: Fact::default(),
            documented: Fact::default(),
            outcome: Fact::Unavailable(UNASKED.into()),
            package: if policy.rules.packages.is_empty() { Fact::Absent } else { Fact::default() },
            break_glass: Fact::Unavailable(UNASKED.into()),
            bypassed_by: Fact::Unavailable(UNASKED.into()),
        },
        accounts: gathered.accounts,
        groups: gathered.groups,
        acts: gathered.acts,
        evidence: BTreeMap::new(),
        change_record: Fact::default(),
        incidents: Fact::default(),
        teams: BTreeMap::new(),
        obligations: Fact::default(),
        deployments: gathered.deployments,
        standard_changes: BTreeMap::new(),
        cab: Fact::default(),
        meetings: Fact::default(),
        experiments: BTreeMap::new(),
    }
}

/// Fills in what the forge does not know from a document of the same form. What the forge said stays.
pub fn fill(facts: &Facts, with: &Value) -> Result<Facts, Fault> {
    let mut whole = serde_json::to_value(facts).map_err(|error| Fault::Filled(error.to_string()))?;
    merge(&mut whole, with);
    serde_json::from_value(whole).map_err(|error| Fault::Filled(error.to_string()))
}

fn merge(into: &mut Value, from: &Value) {
    let unknown =
        |value: &Value| value.as_object().is_some_and(|map| map.len() == 1 && map.contains_key("unavailable"));
    if unknown(into) {
        into.clone_from(from);
        return;
    }
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        for (key, value) in from {
            match into.get_mut(key) {
                Some(there) => merge(there, value),
                None => {
                    into.insert(key.clone(), value.clone());
                }
            }
        }
    }
}
