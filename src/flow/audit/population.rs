//! The population: every deployment that began in the period, with the decision behind it; and what was let go in it and
//! never deployed. Nothing is left out because it has no decision: that is a row that says so.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::kept::Documents;
use super::seen::{Decision, Deployment, Seen, Way};
use super::{Table, count, instant, maybe, micros, number};
use crate::model::audit::Cell;
use crate::model::facts::{Fact, Facts};
use crate::model::period::Period;
use crate::model::release_decision::{Class, ReleaseDecision};

const COLUMNS: &[&str] = &[
    "reconciled",
    "repository",
    "environment",
    "release",
    "commit",
    "deployment",
    "began_at",
    "ended_at",
    "outcome",
    "deployed_by",
    "class",
    "components",
    "teams",
    "requested_at",
    "trigger",
    "change_record",
    "change_record_state",
    "approvals",
    "decision",
    "decided_at",
    "decision_entry",
    "decided_seconds_before",
    "finding",
    "decision_sha256",
    "facts_sha256",
    "policy",
    "deployment_entry",
];

/// How a row stands to the forge's own list.
fn reconciled(deployment: &Deployment) -> &'static str {
    match (deployment.decision, deployment.taken_up) {
        (Some(_), _) => "decided",
        (None, Some(_)) => "without_decision, taken up afterwards",
        (None, None) if deployment.finding.is_some() => "without_decision",
        (None, None) => "not_asked",
    }
}

/// A class's word.
pub(super) fn class(class: Class) -> &'static str {
    match class {
        Class::Standard => "standard",
        Class::Normal => "normal",
        Class::Emergency => "emergency",
    }
}

/// Who approved, in which role and when, as the decision counted it.
pub(super) fn approvals(seen: &Seen, of: &Decision, document: &ReleaseDecision) -> Cell {
    let mut found: Vec<Map<String, Value>> = Vec::new();
    for filled in &document.approvals {
        for by in &filled.by {
            let mut at: Vec<String> = Vec::new();
            for act in &by.acts {
                let done = seen.done(&of.repository, act).and_then(chrono::DateTime::from_timestamp_micros);
                at.push(done.map_or_else(|| "at an instant that the log does not say".to_owned(), instant));
            }
            let one = json!({
                "who": by.person, "role": by.role, "asked": filled.role, "accounts": by.accounts.join(" "),
                "at": at.join(" "), "acts": by.acts.join(" "),
            });
            if let Value::Object(one) = one
                && !found.contains(&one)
            {
                found.push(one);
            }
        }
    }
    if found.is_empty() { Cell::None } else { Cell::List(found) }
}

/// What is known of a value, as a cell.
fn fact<T>(fact: &Fact<T>, tell: impl Fn(&T) -> String) -> Cell {
    match fact {
        Fact::Known(value) => Cell::Text(tell(value)),
        Fact::Absent => Cell::None,
        Fact::Unavailable(why) => Cell::Unknown(why.to_string()),
    }
}

/// The teams of components, by the policy.
pub(super) fn teams(
    documents: &mut Documents<'_>,
    of: &Decision,
    document: &ReleaseDecision,
) -> Result<Vec<String>, String> {
    let policy = documents.policy(of)?;
    let components = policy.rules.components.iter().filter(|it| document.components.contains(&it.name));
    let teams: BTreeSet<String> = components.filter_map(|it| it.team.clone()).collect();
    Ok(teams.into_iter().collect())
}

/// The policy's layers, each with its digest.
fn layers(of: &Decision) -> Cell {
    let of_layer = |it: &Value| {
        let say = |key: &str| it.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{} sha256:{}", say("path"), say("sha256"))
    };
    let layers: Vec<String> = of.policy.as_array().into_iter().flatten().map(of_layer).collect();
    Cell::names(&layers)
}

/// What is told of the decision behind a row.
struct Told {
    class: Cell,
    components: Cell,
    teams: Cell,
    requested: Cell,
    trigger: Cell,
    record: Cell,
    state: Cell,
    approvals: Cell,
}

impl Told {
    fn of(seen: &Seen, documents: &mut Documents<'_>, decision: Option<&Decision>) -> Self {
        let Some(decision) = decision else {
            return Self::all(&Cell::None);
        };
        let mut told = Self::all(&Cell::None);
        match documents.decision(decision) {
            Ok(document) => {
                told.class = Cell::Text(class(document.class).to_owned());
                told.components = Cell::names(&document.components);
                told.approvals = approvals(seen, decision, &document);
                told.teams = match teams(documents, decision, &document) {
                    Ok(teams) => Cell::names(&teams),
                    Err(why) => Cell::Unknown(why),
                };
            }
            Err(why) => {
                let unknown = Cell::Unknown(why);
                for cell in [&mut told.class, &mut told.components, &mut told.approvals, &mut told.teams] {
                    *cell = unknown.clone();
                }
            }
        }
        match documents.facts(decision) {
            Ok(facts) => told.facts(&facts),
            Err(why) => {
                let unknown = Cell::Unknown(why);
                for cell in [&mut told.requested, &mut told.trigger, &mut told.record, &mut told.state] {
                    *cell = unknown.clone();
                }
            }
        }
        told
    }

    fn all(cell: &Cell) -> Self {
        let cell = || cell.clone();
        Self {
            class: cell(),
            components: cell(),
            teams: cell(),
            requested: cell(),
            trigger: cell(),
            record: cell(),
            state: cell(),
            approvals: cell(),
        }
    }

    fn facts(&mut self, facts: &Facts) {
        self.requested = Cell::Text(instant(facts.release.submitted_at));
        self.trigger = fact(&facts.release.trigger, |account| account.as_str().to_owned());
        self.record = fact(&facts.change_record, |record| record.id.clone());
        self.state = match &facts.change_record {
            Fact::Known(record) => fact(&record.state, Clone::clone),
            other => fact(other, |_| String::new()),
        };
    }
}

/// Who deployed.
fn deployed_by(deployment: &Deployment) -> Cell {
    match (&deployment.told_by, deployment.run) {
        (Some(by), _) => Cell::Text(by.clone()),
        (None, Some(run)) => Cell::Text(format!("{} run {run}", deployment.forge)),
        (None, None) => Cell::Unknown("no job of the forge is known to be it".to_owned()),
    }
}

pub(super) fn table(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> Table {
    let deployments = seen.began_in(period);
    let mut rows = Vec::new();
    let (mut decided, mut taken_up, mut without, mut not_asked) = (0, 0, 0, 0);
    for it in &deployments {
        match (it.decision, it.taken_up) {
            (Some(_), _) => decided += 1,
            (None, Some(_)) => taken_up += 1,
            (None, None) if it.finding.is_some() => without += 1,
            (None, None) => not_asked += 1,
        }
        rows.push(row(seen, documents, Some(it), seen.behind(it)));
    }
    let left = never_deployed(seen, period);
    for decision in &left {
        rows.push(row(seen, documents, None, Some(decision)));
    }
    let sums = vec![
        ("deployments that began in the period".to_owned(), count(deployments.len())),
        ("let in by a decision".to_owned(), decided),
        ("without a decision, taken up afterwards".to_owned(), taken_up),
        ("without a decision".to_owned(), without),
        ("not asked, where nobody has to approve or a job may still ask".to_owned(), not_asked),
        ("releases that were let go and not deployed by the end of the record".to_owned(), count(left.len())),
    ];
    let notes = vec![
        "deployments are those that the forge listed, or others told of, in environments of the policy while the app ran; \
         what began while it was down is taken up when it is back"
            .to_owned(),
    ];
    Table { columns: COLUMNS, rows, sums, notes }
}

/// The last decisions of the period that let a release go of which nothing was deployed there.
fn never_deployed<'s>(seen: &'s Seen, period: &Period) -> Vec<&'s Decision> {
    let went: BTreeSet<Way> = seen.deployments.values().filter_map(|it| seen.behind(it)).map(Decision::way).collect();
    let mut last: std::collections::BTreeMap<Way, &Decision> = std::collections::BTreeMap::new();
    for decision in seen.decisions.values().filter(|it| period.holds(it.at)) {
        last.insert(decision.way(), decision);
    }
    let mut left: Vec<&Decision> =
        last.into_iter().filter(|(way, it)| it.ruling == "proceed" && !went.contains(way)).map(|(_, it)| it).collect();
    left.sort_by_key(|it| it.entry);
    left
}

fn row(
    seen: &Seen,
    documents: &mut Documents<'_>,
    deployment: Option<&Deployment>,
    decision: Option<&Decision>,
) -> Vec<Cell> {
    let told = Told::of(seen, documents, decision);
    let of = |own: fn(&Deployment) -> Cell| deployment.map_or(Cell::None, own);
    let by = |own: fn(&Decision) -> Cell| decision.map_or(Cell::None, own);
    let either = |own: fn(&Deployment) -> &str, other: fn(&Decision) -> &str| {
        Cell::text(deployment.map(own).filter(|text| !text.is_empty()).or(decision.map(other)))
    };
    let before = match (deployment.and_then(|it| it.began), decision) {
        (Some(began), Some(decision)) => Cell::Number((began - decision.at.timestamp_micros()).div_euclid(1_000_000)),
        _ => Cell::None,
    };
    vec![
        Cell::Text(deployment.map_or("let go, not deployed", reconciled).to_owned()),
        // The decision has it as the forge writes it.
        Cell::text(decision.map(|it| it.repository.as_str()).or(deployment.map(|it| it.repository.as_str()))),
        either(|it| &it.environment, |it| &it.environment),
        by(|it| Cell::text(Some(&it.release))),
        either(|it| &it.commit, |it| &it.commit),
        of(|it| Cell::text(Some(&it.id))),
        of(|it| it.began.map_or_else(|| Cell::Unknown("it is not said".to_owned()), micros)),
        of(|it| maybe(it.ended)),
        of(|it| Cell::text(it.outcome.as_deref())),
        of(deployed_by),
        told.class,
        told.components,
        told.teams,
        told.requested,
        told.trigger,
        told.record,
        told.state,
        told.approvals,
        by(|it| Cell::text(Some(&it.ruling))),
        by(|it| Cell::Text(instant(it.at))),
        by(|it| number(it.entry)),
        before,
        of(|it| Cell::text(it.finding.as_deref())),
        by(|it| Cell::text(Some(&it.document))),
        by(|it| Cell::text(Some(&it.facts))),
        decision.map_or(Cell::None, layers),
        of(|it| number(it.entry)),
    ]
}
