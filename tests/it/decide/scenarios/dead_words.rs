//! No dead words: whatever is taken out of the example policy, some scenario ends otherwise.

use std::collections::BTreeSet;

use countersign::model::facts::Facts;
use countersign::model::release_decision::ReleaseDecision;

use chrono::{DateTime, Utc};

use super::{policy, scenarios, situation, words};

/// Something that can be taken out: where it begins, what it is, and the text without it.
struct Without {
    line: usize,
    what: String,
    text: String,
}

/// What no decision of a release can show, each with the reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("version: 1", "the version of the grammar: its reader judges it"),
    ("layer: organisation", "where a layer stands among others: layers.toml shows it with two"),
    ("delegate:", "what is handed down shows only with a layer that takes it: layers.toml"),
    ("notify:", "the app notifies; a decision says whom to ask and when"),
    ("slack:", "the app notifies"),
    ("email:", "the app notifies"),
    ("remind_after:", "the app reminds"),
    ("escalate_after:", "the app reminds"),
    ("monitor:", "the app flags emergencies in monitoring"),
    ("emergencies: [grafana", "the app flags emergencies in monitoring"),
    ("retention:", "the app keeps and deletes records"),
    ("default: 3y", "the app keeps and deletes records"),
    ("sox: 7y", "the app keeps and deletes records"),
    ("hipaa: 6y", "the app keeps and deletes records"),
    ("legal_hold:", "the app keeps and deletes records"),
    ("survey:", "the app asks once a quarter"),
    ("every: quarter", "the app asks and reports once a quarter"),
    ("ask: approvers", "the app asks once a quarter"),
    ("reports:", "the app reports once a quarter"),
    ("to: [auditor]", "the app reports once a quarter"),
    ("kinds: [population", "the app reports once a quarter"),
    ("create: true", "the app creates the change record"),
    ("keep: 7y", "the app keeps the evidence"),
    ("from: \"acme/perf", "the app fetches the evidence from there"),
    ("identity: \"https://github.com", "whoever reads the bundles verifies the signer; the facts name it"),
    ("issuer:", "whoever reads the bundles verifies the signer; the facts name it"),
    ("builder:", "whoever reads the bundles verifies the builder"),
    ("auditor:", "a role that may only read: the app shows it the record"),
    ("may: [read]", "a role that may only read: the app shows it the record"),
];

#[test]
fn every_word_of_the_example_policy_changes_some_scenario() {
    let all = scenarios().unwrap();
    let Some(text) = super::example() else {
        eprintln!("skipped: the example policy is not beside the checkout");
        return;
    };
    let whole = policy(std::slice::from_ref(&text)).unwrap();
    let worlds: Vec<(Facts, DateTime<Utc>, BTreeSet<String>)> = all
        .iter()
        .filter(|scenario| scenario.example)
        .flat_map(|scenario| scenario.cases.iter().map(move |case| (scenario, case)))
        .filter(|(_, case)| case.policy.is_empty() && case.policy_before.is_empty())
        .filter_map(|(scenario, case)| situation::facts(&whole, &situation::over(&scenario.given, &case.given)).ok())
        .map(|(facts, now)| {
            let said = said(&words::decide(&whole, &facts, now));
            (facts, now, said)
        })
        .collect();
    let (mut dead, mut alive, mut needed, mut elsewhere) = (Vec::new(), 0, 0, 0);
    for without in removals(&text) {
        if ELSEWHERE.iter().any(|(begins, _)| without.what.starts_with(begins)) {
            elsewhere += 1;
            continue;
        }
        let Ok(rest) = policy(std::slice::from_ref(&without.text)) else {
            needed += 1;
            continue;
        };
        let shows = |(facts, now, before): &(Facts, DateTime<Utc>, BTreeSet<String>)| {
            said(&words::decide(&rest, facts, *now)) != *before
        };
        if worlds.iter().any(shows) {
            alive += 1;
        } else {
            dead.push(format!("line {}: {}", without.line, without.what));
        }
    }
    eprintln!(
        "{alive} words change a scenario of {}, without {needed} it is no policy, {elsewhere} are judged elsewhere",
        worlds.len()
    );
    assert!(dead.is_empty(), "no scenario shows these words of the example policy:\n{}", dead.join("\n"));
}

/// What a decision comes to, and every sentence of it.
fn said(decision: &ReleaseDecision) -> BTreeSet<String> {
    let mut said = BTreeSet::from([format!("{:?} {}", decision.decision, decision.summary)]);
    decision.tree.walk(&mut |node| drop(said.insert(format!("{} {:?} {}", node.code.code(), node.status, node.says))));
    said.extend(decision.risk.items.iter().map(|item| format!("{} {:?} {}", item.name, item.points, item.because)));
    said.extend(
        decision.obligations.iter().map(|owed| format!("{} {:?} {:?} {:?}", owed.kind, owed.by, owed.due, owed.to)),
    );
    said.extend(decision.asks.iter().map(|ask| format!("{} {} {:?}", ask.to, ask.role, ask.people)));
    said
}

/// The text without each entry of a block, and without each word in braces.
fn removals(text: &str) -> Vec<Without> {
    let lines: Vec<&str> = text.lines().collect();
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut removals = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let bare = line.trim_start();
        let begins = bare.starts_with("- ") || bare.split_once(':').is_some_and(|(key, _)| is_key(key));
        if bare.is_empty() || bare.starts_with('#') || !begins || within_braces(&lines[..index]) {
            continue;
        }
        let end = lines[index + 1..]
            .iter()
            .position(|later| !later.trim().is_empty() && depth(later) <= depth(line))
            .map_or(lines.len(), |more| index + 1 + more);
        let rest: Vec<&str> = lines[..index].iter().chain(&lines[end..]).copied().collect();
        removals.push(Without { line: index + 1, what: bare.to_owned(), text: rest.join("\n") });
        let entry = lines[index..end].join("\n");
        let one = lines[index + 1..end].iter().all(|more| within_braces(&[line]) || more.trim().is_empty());
        if one {
            for (from, to) in pairs(&entry) {
                let what = entry[from..to].trim().trim_start_matches(',').trim_end_matches(',').trim().to_owned();
                let mut shorter = String::from(&entry[..from]);
                shorter.push_str(&entry[to..]);
                let rest: Vec<&str> = lines[..index]
                    .iter()
                    .copied()
                    .chain([shorter.as_str()])
                    .chain(lines[end..].iter().copied())
                    .collect();
                removals.push(Without { line: index + 1, what, text: rest.join("\n") });
            }
        }
    }
    removals
}

fn is_key(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Whether a flow map that these lines begin is still open after them.
fn within_braces(lines: &[&str]) -> bool {
    let mut depth = 0_i32;
    for line in lines {
        scan(line, |_, c, _| match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            _ => {}
        });
    }
    depth > 0
}

/// The pairs of every map in braces: each from its first letter to the comma after it, or from the comma before it.
fn pairs(entry: &str) -> Vec<(usize, usize)> {
    // Of every open bracket: whether it is a brace, where its current pair begins, and where the comma before that is.
    let mut open: Vec<(bool, usize, Option<usize>)> = Vec::new();
    let mut found = Vec::new();
    scan(entry, |at, c, comment| {
        if comment {
            return;
        }
        match c {
            '{' | '[' => open.push((c == '{', at + 1, None)),
            ',' => {
                if let Some((brace, from, comma)) = open.last_mut() {
                    if *brace {
                        found.push((*from, at + 1));
                    }
                    (*from, *comma) = (at + 1, Some(at));
                }
            }
            '}' | ']' => {
                if let Some((true, from, comma)) = open.pop() {
                    found.push((comma.unwrap_or(from), at));
                }
            }
            _ => {}
        }
    });
    found.retain(|(from, to)| entry[*from..*to].contains(':'));
    found
}

/// Every character outside of quotes and comments.
fn scan(text: &str, mut see: impl FnMut(usize, char, bool)) {
    let (mut quote, mut comment, mut before) = (None, false, ' ');
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (_, '\n') => comment = false,
            _ if comment => {}
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '#') if before.is_whitespace() => comment = true,
            (None, c) => see(at, c, false),
        }
        before = c;
    }
}
