//! Exceptions: what went otherwise than by the plain rule, each with who, why and how it stands.

use std::collections::{BTreeMap, BTreeSet};

use super::kept::Documents;
use super::seen::{Act, Decision, Seen, Way};
use super::{Table, count, instant, micros, number};
use crate::log::entry::Kind;
use crate::model::audit::Cell;
use crate::model::facts::Deed;
use crate::model::ground::Ground;
use crate::model::period::Period;

const COLUMNS: &[&str] =
    &["exception", "at", "repository", "environment", "release", "who", "what", "due_at", "state", "entry"];

/// What of an explanation is an exception where it let a release go.
const WENT: [(Ground, &str); 5] = [
    (Ground::WaiverInForce, "waiver_used"),
    (Ground::GateSkipped, "gate_skipped"),
    (Ground::FreezeExcepted, "freeze_excepted"),
    (Ground::BreakGlass, "break_glass"),
    (Ground::Bypassed, "bypass"),
];

/// A row before its order.
struct Row {
    exception: &'static str,
    at: Cell,
    repository: Option<String>,
    environment: Option<String>,
    release: Option<String>,
    who: Cell,
    what: Cell,
    due: Cell,
    state: Cell,
    entry: u64,
}

impl Row {
    fn cells(self) -> Vec<Cell> {
        vec![
            Cell::Text(self.exception.to_owned()),
            self.at,
            Cell::text(self.repository.as_deref()),
            Cell::text(self.environment.as_deref()),
            Cell::text(self.release.as_deref()),
            self.who,
            self.what,
            self.due,
            self.state,
            number(self.entry),
        ]
    }
}

pub(super) fn table(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> Table {
    let mut rows = Vec::new();
    rows.extend(waivers(seen, documents, period));
    rows.extend(refusals(seen, period));
    rows.extend(past(seen, period));
    rows.extend(grants(seen, period));
    rows.extend(overdue(seen, period));
    let (told, unread) = told(seen, documents, period);
    rows.extend(told);
    rows.sort_by_key(|it| (it.entry, it.exception));
    let mut sums: BTreeMap<&str, usize> = BTreeMap::new();
    for row in &rows {
        *sums.entry(row.exception).or_default() += 1;
    }
    let sums = sums.into_iter().map(|(what, number)| (what.to_owned(), count(number))).collect();
    let notes = if unread == 0 {
        Vec::new()
    } else {
        vec![format!(
            "{unread} decisions of the period could not be read beyond their entries: what they waived, skipped or refused is \
             not listed"
        )]
    };
    Table { columns: COLUMNS, rows: rows.into_iter().map(Row::cells).collect(), sums, notes }
}

fn did(act: &Act, exception: &'static str, what: Cell, state: Cell) -> Row {
    Row {
        exception,
        at: micros(act.done),
        repository: act.repository.clone(),
        environment: act.environment.clone(),
        release: act.release.clone(),
        who: Cell::text(Some(&act.by)),
        what,
        due: Cell::None,
        state,
        entry: act.entry,
    }
}

fn in_period(act: &Act, period: &Period) -> bool {
    chrono::DateTime::from_timestamp_micros(act.done).is_some_and(|at| period.holds(at))
}

/// Waivers that were granted.
fn waivers(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> Vec<Row> {
    let granted = seen.acts.iter().filter(|it| it.kind == Kind::Waiver && in_period(it, period));
    // One act is in the log for each release that it is seen in.
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for act in granted.filter(|it| known.insert((it.id.clone(), it.document.clone()))) {
        let read = documents.act(act.document.as_deref());
        let (what, due) = match &read {
            Ok(read) => {
                let why = read.reason.as_deref().unwrap_or("no reason given");
                match &read.does {
                    Deed::Waive { gate, until, .. } => {
                        (Cell::Text(format!("{gate}: {why}")), Cell::Text(instant(*until)))
                    }
                    _ => (Cell::Text(why.to_owned()), Cell::None),
                }
            }
            Err(why) => (Cell::Unknown(why.clone()), Cell::Unknown(why.clone())),
        };
        found.push(Row { due, ..did(act, "waiver_granted", what, Cell::None) });
    }
    found
}

/// What people tried on pages and were refused.
fn refusals(seen: &Seen, period: &Period) -> Vec<Row> {
    let refused = seen.acts.iter().filter(|it| it.kind == Kind::Refusal && in_period(it, period));
    let one = |act: &Act| {
        let (why, code) = act.refused.clone().unwrap_or_default();
        let exception = if code == Ground::SodSelf.code() { "self_approval_refused" } else { "act_refused" };
        did(act, exception, Cell::text(Some(&why)), Cell::text(Some(&code)))
    };
    refused.map(one).collect()
}

/// What was deployed without a decision, or otherwise than it said.
fn past(seen: &Seen, period: &Period) -> Vec<Row> {
    let without = seen.began_in(period).into_iter().filter(|it| it.taken_up.is_some() || it.finding.is_some());
    let one = |it: &super::seen::Deployment| {
        let decision = seen.behind(it);
        let state = match it.taken_up {
            Some(entry) => format!("taken up afterwards by the decision of entry {entry}"),
            None => "no decision".to_owned(),
        };
        Row {
            exception: "deployed_without_decision",
            at: it.began.map_or(Cell::None, micros),
            repository: Some(decision.map_or_else(|| it.repository.clone(), |it| it.repository.clone())),
            environment: Some(it.environment.clone()),
            release: decision.map(|it| it.release.clone()),
            who: Cell::text(it.told_by.as_deref()),
            what: Cell::Text(format!(
                "commit {}, {}",
                if it.commit.is_empty() { "not told" } else { &it.commit },
                it.finding.as_deref().unwrap_or("taken up afterwards")
            )),
            due: Cell::None,
            state: Cell::Text(state),
            entry: it.entry,
        }
    };
    without.map(one).collect()
}

/// Grants that were used while the app could not be reached.
fn grants(seen: &Seen, period: &Period) -> Vec<Row> {
    let used = seen.grants.iter().filter(|it| period.holds(it.at));
    let one = |it: &super::seen::Grant| Row {
        exception: "grant_used",
        at: Cell::Text(instant(it.at)),
        repository: Some(it.repository.clone()),
        environment: Some(it.environment.clone()),
        release: None,
        who: Cell::text(it.told_by.as_deref()),
        what: Cell::Text(format!("{}: {}", it.name, it.why)),
        due: Cell::None,
        state: Cell::text(Some(&it.state)),
        entry: it.entry,
    };
    used.map(one).collect()
}

/// What was to be done by an instant of the period or before it, and was not by then.
fn overdue(seen: &Seen, period: &Period) -> Vec<Row> {
    let mut found = Vec::new();
    // What the record does not reach yet is not over.
    let end = seen.last.map_or(period.until, |last| last.min(period.until));
    for it in seen.obligations.values() {
        let Some(due) = it.due.filter(|due| *due < end) else { continue };
        // What was met before the period, or in time, is nothing of this period's.
        if it.met.is_some_and(|met| met < due || met < period.from) {
            continue;
        }
        let state = match it.met {
            Some(met) => format!("met late, {}", instant(met)),
            None => "not met by the end of the record".to_owned(),
        };
        found.push(Row {
            exception: "overdue",
            at: Cell::Text(instant(it.opened)),
            repository: Some(it.repository.clone()),
            environment: Some(it.environment.clone()),
            release: Some(it.release.clone()),
            who: Cell::text(it.by.as_deref()),
            what: Cell::text(Some(&it.kind)),
            due: Cell::Text(instant(due)),
            state: Cell::Text(state),
            entry: it.entry,
        });
    }
    found
}

/// What decisions say: of those behind deployments what let them go, and of the last of each release in the period whose own
/// approvals were refused. With how many could not be read.
fn told(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> (Vec<Row>, usize) {
    let mut went: BTreeMap<u64, &Decision> = BTreeMap::new();
    for deployment in seen.began_in(period) {
        if let Some(decision) = seen.behind(deployment) {
            went.insert(decision.entry, decision);
        }
    }
    let mut last: BTreeMap<Way, &Decision> = BTreeMap::new();
    for decision in seen.decisions.values().filter(|it| period.holds(it.at)) {
        last.insert(decision.way(), decision);
    }
    let mut all = went.clone();
    all.extend(last.into_values().map(|it| (it.entry, it)));
    let (mut found, mut unread) = (Vec::new(), 0);
    let mut refused: BTreeSet<(Way, String)> = BTreeSet::new();
    for decision in all.into_values() {
        let Ok(document) = documents.decision(decision) else {
            unread += 1;
            continue;
        };
        document.tree.walk(&mut |node| {
            let exception = WENT.iter().find(|(ground, _)| *ground == node.code).map(|(_, word)| *word);
            let exception = match exception.filter(|_| went.contains_key(&decision.entry)) {
                Some(word) => word,
                None if node.code == Ground::SodSelf && refused.insert((decision.way(), node.says.clone())) => {
                    "self_approval_refused"
                }
                None => return,
            };
            found.push(Row {
                exception,
                at: Cell::Text(instant(decision.at)),
                repository: Some(decision.repository.clone()),
                environment: Some(decision.environment.clone()),
                release: Some(decision.release.clone()),
                who: Cell::names(&node.who),
                what: Cell::text(Some(&node.says)),
                due: node.next.map_or(Cell::None, |next| Cell::Text(instant(next))),
                state: Cell::text(Some(&decision.ruling)),
                entry: decision.entry,
            });
        });
    }
    (found, unread)
}
