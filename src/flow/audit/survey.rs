//! The survey: which gates and which items of checklists held a release how often in a period, and what approvers answered
//! about them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::kept::Documents;
use super::seen::{Answer, Seen, Way};
use super::{Table, count, instant};
use crate::model::audit::Cell;
use crate::model::ground::Ground;
use crate::model::period::Period;
use crate::policy::Policy;

const COLUMNS: &[&str] = &["item", "releases_held", "releases_decided", "useful", "redundant", "outdated", "words"];

/// What somebody can answer about an item.
pub const ANSWERS: [&str; 3] = ["useful", "redundant", "outdated"];

/// An item of a survey: a gate, or an item of a checklist.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// What it is called: the gate's name, with ` / ` and the item's words where it is one of a checklist.
    pub item: String,
    /// How many releases it held at some time of the period.
    pub held: u64,
    /// How many releases were decided in the period.
    pub of: u64,
}

/// What a gate is called in an explanation.
fn of_gate(says: &str) -> &str {
    says.split_once(": ").map_or(says, |(name, _)| name)
}

/// The items of a policy.
fn items(policy: &Policy) -> Vec<(String, Option<String>)> {
    let mut found: Vec<(String, Option<String>)> = Vec::new();
    for gate in &policy.gates {
        if gate.items.is_empty() {
            found.push((gate.name.clone(), None));
        }
        found.extend(gate.items.iter().map(|item| (gate.name.clone(), Some(item.clone()))));
    }
    found
}

/// What an item is called.
fn name((gate, item): &(String, Option<String>)) -> String {
    item.as_ref().map_or_else(|| gate.clone(), |item| format!("{gate} / {item}"))
}

/// How often each item held, with how many decisions could not be read.
fn counted(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> (Vec<Asked>, usize) {
    let mut ways: BTreeSet<Way> = BTreeSet::new();
    let mut held: BTreeMap<String, BTreeSet<Way>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    let mut unread = 0;
    for decision in seen.decisions.values().filter(|it| period.holds(it.at)) {
        let read = documents.policy(decision).and_then(|policy| Ok((policy, documents.decision(decision)?)));
        let Ok((policy, document)) = read else {
            unread += 1;
            continue;
        };
        ways.insert(decision.way());
        let items = items(&policy);
        for item in &items {
            let name = name(item);
            if !order.contains(&name) {
                order.push(name);
            }
        }
        document.tree.walk(&mut |node| {
            if !matches!(node.code, Ground::Gate | Ground::PackGate) || node.status.opens() {
                return;
            }
            let gate = of_gate(&node.says);
            for item in items.iter().filter(|(own, item)| {
                own == gate && item.as_ref().is_none_or(|words| node.says.contains(words.as_str()))
            }) {
                held.entry(name(item)).or_default().insert(decision.way());
            }
        });
    }
    let of = ways.len() as u64;
    let asked = order.into_iter().map(|item| {
        let held = held.get(&item).map_or(0, BTreeSet::len) as u64;
        Asked { item, held, of }
    });
    (asked.collect(), unread)
}

/// What a survey of a period asks about.
pub fn asked(reading: &mut super::Reading<'_>) -> Vec<Asked> {
    let period = reading.subject.period.clone();
    counted(&reading.seen, &mut reading.documents, &period).0
}

pub(super) fn table(seen: &Seen, documents: &mut Documents<'_>, period: &Period) -> Table {
    let (mut items, unread) = counted(seen, documents, period);
    let answers: Vec<&Answer> = seen.answers.iter().filter(|it| it.period == period.label).collect();
    // What was asked about and is in no policy that could be read is listed all the same.
    for answer in &answers {
        if !items.iter().any(|it| it.item == answer.item) {
            items.push(Asked { item: answer.item.clone(), held: 0, of: 0 });
        }
    }
    let people: BTreeSet<&str> = answers.iter().map(|it| it.by.as_str()).collect();
    let rows = items.iter().map(|item| row(item, &answers)).collect();
    let sums =
        vec![("people who answered".to_owned(), count(people.len())), ("answers".to_owned(), count(answers.len()))];
    let mut notes = Vec::new();
    if unread > 0 {
        notes.push(format!("{unread} decisions of the period could not be read: what held them is not counted"));
    }
    Table { columns: COLUMNS, rows, sums, notes }
}

fn row(item: &Asked, answers: &[&Answer]) -> Vec<Cell> {
    let own: Vec<&&Answer> = answers.iter().filter(|it| it.item == item.item).collect();
    let number = |word: &str| Cell::Number(count(own.iter().filter(|it| it.word == word).count()));
    let [useful, redundant, outdated] = ANSWERS;
    let words = own.iter().filter_map(|it| {
        let says = it.says.as_ref()?;
        let one = json!({ "who": it.by, "repository": it.repository, "answer": it.word, "says": says,
            "at": instant(it.at), "entry": it.entry });
        one.as_object().cloned()
    });
    let words: Vec<_> = words.collect();
    let number_of = |of: u64| Cell::Number(i64::try_from(of).unwrap_or(i64::MAX));
    vec![
        Cell::text(Some(&item.item)),
        number_of(item.held),
        number_of(item.of),
        number(useful),
        number(redundant),
        number(outdated),
        if words.is_empty() { Cell::None } else { Cell::List(words) },
    ]
}
