//! Emergencies by team: which went, how often, which share of all that the team deployed that is, and how the two clocks
//! ended that an emergency starts: its validation, and the board's review.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::kept::Documents;
use super::population::{approvals, teams};
use super::seen::{Decision, Obligation, Seen};
use super::{Table, count, instant, micros, number};
use crate::model::audit::Cell;
use crate::model::period::Period;
use crate::model::release_decision::Class;

const COLUMNS: &[&str] = &[
    "team",
    "team_emergencies",
    "team_deployments",
    "team_share_percent",
    "repository",
    "environment",
    "release",
    "went_at",
    "outcome",
    "approvals",
    "why",
    "validation_due",
    "validation",
    "board_review_due",
    "board_review",
    "other_obligations",
    "decision_entry",
];

/// The team of what no component is known to be.
const NO_TEAM: &str = "no team";

/// How something that was to be done stands, at the last instant that the record has.
fn stands(it: &Obligation, end: Option<DateTime<Utc>>) -> String {
    match (it.met, it.due) {
        (None, Some(due)) if end.is_none_or(|end| end < due) => "open at the end of the record".to_owned(),
        (Some(met), Some(due)) if met >= due => format!("met late, {}", instant(met)),
        (Some(met), _) => format!("met in time, {}", instant(met)),
        (None, _) => "not met by the end of the record".to_owned(),
    }
}

/// When what a release owes of a kind is due, and how that stands.
fn clock(owed: &[&Obligation], kind: &str, end: Option<DateTime<Utc>>) -> [Cell; 2] {
    match owed.iter().find(|it| it.kind == kind) {
        Some(it) => [it.due.map_or(Cell::None, |due| Cell::Text(instant(due))), Cell::Text(stands(it, end))],
        None => [Cell::None, Cell::None],
    }
}

pub(super) fn table(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> Table {
    // By team: how many went, and the emergencies among them.
    let mut by_team: BTreeMap<String, (usize, Vec<Vec<Cell>>)> = BTreeMap::new();
    let (mut unread, mut emergencies, mut undecided) = (0, 0, 0);
    for deployment in seen.began_in(period) {
        let Some(decision) = seen.behind(deployment) else {
            undecided += 1;
            continue;
        };
        let Ok(document) = documents.decision(decision) else {
            unread += 1;
            continue;
        };
        let mut of = teams(documents, decision, &document).unwrap_or_default();
        if of.is_empty() {
            of.push(NO_TEAM.to_owned());
        }
        let is_emergency = document.class == Class::Emergency || deployment.taken_up.is_some();
        emergencies += usize::from(is_emergency);
        let row = is_emergency.then(|| {
            let cells = (approvals(seen, decision, &document), Cell::text(Some(&document.summary)));
            row(seen, decision, (deployment.began, deployment.outcome.as_deref()), cells)
        });
        for team in of {
            let (deployments, rows) = by_team.entry(team).or_default();
            *deployments += 1;
            rows.extend(row.clone());
        }
    }
    let mut rows = Vec::new();
    let mut sums = vec![("emergencies".to_owned(), count(emergencies))];
    for (team, (deployments, own)) in by_team {
        sums.push((format!("emergencies of {team}, of {deployments} deployments"), count(own.len())));
        let share = count(own.len() * 100 / deployments.max(1));
        let head =
            [Cell::Text(team), Cell::Number(count(own.len())), Cell::Number(count(deployments)), Cell::Number(share)];
        rows.extend(own.into_iter().map(|row| head.iter().cloned().chain(row).collect::<Vec<_>>()));
    }
    let mut notes = Vec::new();
    if unread > 0 {
        notes.push(format!(
            "the decisions of {unread} deployments could not be read: which of them were emergencies is not known"
        ));
    }
    if undecided > 0 {
        notes.push(format!("{undecided} deployments have no decision: the report of exceptions lists them"));
    }
    Table { columns: COLUMNS, rows, sums, notes }
}

fn row(
    seen: &Seen,
    decision: &Decision,
    (began, outcome): (Option<i64>, Option<&str>),
    (approvals, why): (Cell, Cell),
) -> Vec<Cell> {
    let of_it = |it: &&Obligation| {
        it.repository.eq_ignore_ascii_case(&decision.repository)
            && it.release == decision.release
            && it.environment == decision.environment
    };
    let owed: Vec<&Obligation> = seen.obligations.values().filter(of_it).collect();
    let others: Vec<String> = owed
        .iter()
        .filter(|it| it.kind != "validate" && it.kind != "cab_review" && it.by.is_some())
        .map(|it| format!("{}: {}", it.kind, stands(it, seen.last)))
        .collect();
    let [validation_due, validation] = clock(&owed, "validate", seen.last);
    let [review_due, review] = clock(&owed, "cab_review", seen.last);
    vec![
        Cell::text(Some(&decision.repository)),
        Cell::text(Some(&decision.environment)),
        Cell::text(Some(&decision.release)),
        began.map_or(Cell::None, micros),
        Cell::text(outcome),
        approvals,
        why,
        validation_due,
        validation,
        review_due,
        review,
        Cell::names(&others),
        number(decision.entry),
    ]
}
