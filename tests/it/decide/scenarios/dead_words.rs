//! No dead words: whatever is taken out of the example policy, some scenario ends otherwise.

use std::collections::BTreeSet;

use countersign::decide::telling::{self, Telling};
use countersign::model::facts::Facts;
use countersign::model::ground::Ground;
use countersign::model::release_decision::ReleaseDecision;
use countersign::policy::Policy;

use chrono::{DateTime, Duration, Utc};

use super::{EXAMPLE, Scenario, policy, replaced, said, scenarios, situation, words};

/// Something that can be taken out: where it begins, what it is, and the text without it.
struct Without {
    line: usize,
    what: String,
    text: String,
}

/// What shows only in a case whose policy has more than the example's, by what its line begins with: another layer, or a
/// component under another regulation. Of these the word is taken out of the policy of that case.
const IN_CASE: &[(&str, &str, &str, &str)] = &[
    ("delegate:", "delegate: [gates.coverage]", "handed_down.toml", "the repository asks for less coverage"),
    ("delegate:", "gates.coverage", "handed_down.toml", "the repository asks for less coverage"),
    (
        "packs:",
        "hipaa",
        "packs.toml",
        "a component that comes under HIPAA gains its list without its repository naming it",
    ),
    ("retention:", "hipaa: 6y", "kept.toml", "a component that comes under HIPAA is kept for its time"),
    // Which components go is worked out from the files before the worlds are tried, and in these cases anew.
    ("runtime:", "\"config/flags/**\"", "flags_and_docs.toml", "and goes when they approve it"),
    ("wiki:", "\"docs/**\"", "flags_and_docs.toml", "docs in the peak go when two people approve who answer for them"),
    // What holds for a way back anyway, and for whose word is final, holds for others where it is written.
    (
        "recovery:",
        "hours: any",
        "stated.toml",
        "what is no way back to the last good content goes at any hour where it says so",
    ),
    ("normal:", "cto", "stated.toml", "an authority whose word is not the final one is asked where it is named"),
    // The app creates what is kept in issues.
    ("change:", "create: true", "stated.toml", "the app opens the record that is missing, where records are issues"),
];

/// What says the default as well, and shows only in a case whose policy has more than the example's: there another word is
/// put in its place.
const OTHERWISE_IN_CASE: &[(&str, &str, &str, &str)] =
    &[("people: 2", "people: 3", "stated.toml", "two signatures are enough where three people may sign")];

/// What the grammar has no other word for. Whatever else is written there is refused.
const ONLY_WORD: &[(&str, &str)] = &[("bots: never", "bots: sometimes")];

/// What changes no ruling, no code and nothing that is asked or owed, but the sentence by which a person knows where to go.
const TOLD: &[&str] = &["system: pagerduty"];

/// What says what would hold anyway, and so can be taken out without a trace. Each is replaced by another word instead;
/// none where no other word makes a policy.
const SAYS_THE_DEFAULT: &[(&str, Option<&str>)] = &[
    // These hours are the default's.
    ("business_hours: Mo-Fr 09:00-17:30", Some("business_hours: Mo-Fr 12:00-13:00")),
    // Closed hours that do not say what they stop stop both.
    ("stops: [approval, deployment]", Some("stops: [approval]")),
    // A peak that does not say how much adds one step.
    ("rigor: +1", Some("rigor: +2")),
    // A model that does not say after how many failures it is suspended is suspended by the first.
    ("suspend_after: 1 failure", Some("suspend_after: 3 failures")),
    ("identity: any", Some("identity: linked")),
    ("within: role", Some("within: none")),
    // All ways but those approved in advance, which are these two.
    ("routes: [standard, normal]", Some("routes: [emergency]")),
    ("blocks: affected_components", Some("blocks: everything")),
    // A severity that nobody maps is taken for the worst that blocks.
    ("P2: 2", Some("P2: 3")),
    // Its own fix always goes.
    ("unless: release.fixes(incident)", Some("unless: release.lines < 1000")),
    ("within: 5bd", Some("within: 9bd")),
    // Every word of the section is a default; its words are replaced one by one below.
    ("separation: {", None),
    ("exclude: [author, committer, co_author, pusher, trigger]", Some("exclude: [trigger]")),
    ("per: release", Some("per: change")),
    ("distinct_people: true", Some("distinct_people: false")),
    ("releases: 1", Some("releases: 2")),
    ("expires: 4h", Some("expires: 8h")),
    ("legal_hold: []", Some("legal_hold: [runtime]")),
    ("max: 14d", Some("max: 60d")),
    ("split: 50", Some("split: 0")),
    ("sample: 30", Some("sample: 10")),
];

#[test]
fn every_word_of_the_example_policy_changes_some_scenario() {
    let all = scenarios().unwrap();
    let text = super::EXAMPLE.to_owned();
    let whole = policy(std::slice::from_ref(&text)).unwrap();
    let worlds: Vec<(Facts, DateTime<Utc>, ReleaseDecision, BTreeSet<String>)> = all
        .iter()
        .filter(|scenario| scenario.example)
        .flat_map(|scenario| scenario.cases.iter().map(move |case| (scenario, case)))
        .filter(|(_, case)| case.policy.is_empty() && case.policy_before.is_empty())
        .filter_map(|(scenario, case)| situation::facts(&whole, &situation::over(&scenario.given, &case.given)).ok())
        .map(|(facts, now)| {
            let decision = words::decide(&whole, &facts, now);
            let outcome = outcome(&whole, &facts, &decision);
            (facts, now, decision, outcome)
        })
        .collect();
    let changes = |other: &Policy| {
        worlds
            .iter()
            .any(|(facts, now, _, before)| outcome(other, facts, &words::decide(other, facts, *now)) != *before)
    };
    let tells = |other: &Policy| {
        worlds.iter().any(|(facts, now, before, _)| said(&words::decide(other, facts, *now)) != said(before))
    };
    let (mut dead, mut stale, mut alive, mut needed, mut elsewhere) = (Vec::new(), Vec::new(), 0, 0, 0);
    for without in removals(&text) {
        let line = text.lines().nth(without.line - 1).unwrap_or_default().trim_start();
        let told = format!("line {}: {}", without.line, without.what);
        let in_case =
            IN_CASE.iter().find(|(begins, word, ..)| line.starts_with(begins) && without.what.starts_with(word));
        if let Some((_, _, file, name)) = in_case {
            if shows(&all, (*file, *name), &without.text) {
                alive += 1;
            } else {
                dead.push(told);
            }
            continue;
        }
        if TOLD.iter().any(|begins| without.what.starts_with(begins)) {
            match policy(&[without.text]) {
                Ok(rest) if changes(&rest) => stale.push(told),
                Ok(rest) if tells(&rest) => alive += 1,
                Ok(_) => dead.push(told),
                Err(_) => needed += 1,
            }
            continue;
        }
        let other = OTHERWISE_IN_CASE.iter().find(|(word, ..)| without.what.starts_with(word));
        if let Some((word, other, file, name)) = other {
            if shows(&all, (*file, *name), &replaced_in_line(&text, without.line, word, other)) {
                alive += 1;
            } else {
                dead.push(told);
            }
            continue;
        }
        if let Some((word, other)) = ONLY_WORD.iter().find(|(word, _)| without.what.starts_with(word)) {
            match policy(&[replaced_in_line(&text, without.line, word, other)]) {
                Ok(_) => dead.push(told),
                Err(_) => needed += 1,
            }
            continue;
        }
        let otherwise = SAYS_THE_DEFAULT.iter().find(|(begins, _)| without.what.starts_with(begins));
        let tried = match otherwise {
            Some((_, None)) => {
                elsewhere += 1;
                continue;
            }
            Some((word, Some(other))) => replaced_in_line(&text, without.line, word, other),
            None => without.text,
        };
        let Ok(rest) = policy(std::slice::from_ref(&tried)) else {
            needed += 1;
            assert!(otherwise.is_none(), "no policy with another word on {told}");
            continue;
        };
        if changes(&rest) {
            alive += 1;
        } else {
            dead.push(told);
        }
    }
    eprintln!(
        "{alive} words change a scenario of {}, without {needed} it is no policy, {elsewhere} are judged elsewhere",
        worlds.len()
    );
    assert!(dead.is_empty(), "no scenario shows these words of the example policy:\n{}", dead.join("\n"));
    assert!(stale.is_empty(), "a scenario shows these words, which are excepted:\n{}", stale.join("\n"));
}

/// The text with a word of one entry replaced by another.
fn replaced_in_line(text: &str, line: usize, word: &str, other: &str) -> String {
    let at: usize = text.split_inclusive('\n').take(line - 1).map(str::len).sum();
    let (before, after) = text.split_at(at);
    format!("{before}{}", after.replacen(word, other, 1))
}

/// Whether a case of a file ends otherwise where its policy is made of another example.
fn shows(all: &[Scenario], (file, name): (&str, &str), example: &str) -> bool {
    let scenario = all.iter().find(|scenario| scenario.file == file).unwrap_or_else(|| panic!("no file {file}"));
    let case = scenario.cases.iter().find(|case| case.name == name).unwrap_or_else(|| panic!("{file}: no case {name}"));
    let with = |example: &str| {
        let layers: Vec<String> = scenario
            .layers
            .iter()
            .map(|layer| if layer == EXAMPLE { example.to_owned() } else { layer.clone() })
            .collect();
        assert!(scenario.layers.iter().any(|layer| layer == EXAMPLE), "{file} has the example among its layers");
        let read = policy(&replaced(&layers, &case.policy).unwrap()).ok()?;
        let (facts, now) = situation::facts(&read, &situation::over(&scenario.given, &case.given)).unwrap();
        Some(outcome(&read, &facts, &words::decide(&read, &facts, now)))
    };
    with(EXAMPLE).is_some() && with(EXAMPLE) != with(example)
}

/// How long ago somebody was asked of whom it is compared whether he is told again.
const SINCE: Duration = Duration::days(3);

/// What a decision comes to, without its words: the ruling, the reason codes, what is owed and kept, who can act, who is told
/// where and from when on, when it is looked at again, and which reports and survey fall due at its instant.
fn outcome(policy: &Policy, facts: &Facts, decision: &ReleaseDecision) -> BTreeSet<String> {
    let mut outcome =
        BTreeSet::from([format!("{:?}", decision.decision), format!("revisit {:?}", decision.revisit.at)]);
    decision.tree.walk(&mut |node| {
        let gate = matches!(node.code, Ground::Gate | Ground::PackGate | Ground::WaiverInForce | Ground::GateSkipped);
        // A gate's own reason is the first of its evidence.
        let reason = node.evidence.first().filter(|_| gate);
        outcome.insert(format!("{} {:?} {reason:?} {:?}", node.code.code(), node.status, node.who));
    });
    outcome.extend(
        decision
            .obligations
            .iter()
            .map(|owed| format!("{} {:?} {:?} {:?} {}", owed.kind, owed.by, owed.due, owed.to, owed.needs_evidence)),
    );
    outcome.extend(decision.keep.iter().map(|kept| format!("{} {:?}", kept.what, kept.length)));
    outcome.extend(decision.asks.iter().map(|ask| format!("{} {} {:?}", ask.to, ask.role, ask.people)));
    outcome.extend(super::expect::fallen_due(policy, decision));
    let asked = telling::of(policy, facts, decision);
    let again = asked.iter().flat_map(|telling| telling::again(policy, decision, telling, decision.now - SINCE));
    let told = |it: &Telling| format!("{:?} {:?} {:?} {}", it.message.what, it.message.role, it.to, it.not_before);
    outcome.extend(asked.iter().map(told).chain(again.map(|telling| told(&telling))).collect::<Vec<_>>());
    outcome
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
            for (from, to) in pairs(&entry).into_iter().chain(operands(&entry)) {
                let what = entry[from..to].trim().trim_start_matches(',').trim_end_matches(',').trim().to_owned();
                // An empty list has no word.
                if what.is_empty() {
                    continue;
                }
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

/// What stands on either side of `&&` and `||`, each with its operator.
fn operands(entry: &str) -> Vec<(usize, usize)> {
    let operators = entry.match_indices(" && ").chain(entry.match_indices(" || "));
    operators
        .flat_map(|(at, operator)| {
            let mut depth = 0_i32;
            let mut edge = |c: char, opens: char, closes: char| {
                depth += i32::from(c == opens) - i32::from(c == closes);
                depth < 0 || c == '"' || c == '\n' || (depth == 0 && matches!(c, '&' | '|' | '{' | '}' | ','))
            };
            let after = &entry[at + operator.len()..];
            let right = after.find(|c| edge(c, '(', ')')).unwrap_or(after.len());
            let mut depth = 0_i32;
            let edge = |c: char| {
                depth += i32::from(c == ')') - i32::from(c == '(');
                depth < 0 || matches!(c, '"' | '&' | '|' | '{' | ',')
            };
            let before = &entry[..at];
            let left = before.rfind(edge).map_or(0, |edge| edge + 1);
            let left = left + before[left..].find(": ").map_or(0, |key| key + 2);
            [(at, at + operator.len() + after[..right].trim_end().len()), (left, at + operator.len())]
        })
        .collect()
}

/// The pairs of every map in braces and the entries of every list: each from its first letter to the comma after it, or
/// from the comma before it.
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
                    found.push((*brace, *from, at + 1));
                    (*from, *comma) = (at + 1, Some(at));
                }
            }
            '}' | ']' => {
                if let Some((brace, from, comma)) = open.pop() {
                    found.push((brace, comma.unwrap_or(from), at));
                }
            }
            _ => {}
        }
    });
    let pair = |(brace, from, to): &(bool, usize, usize)| !brace || entry[*from..*to].contains(':');
    found.into_iter().filter(pair).map(|(_, from, to)| (from, to)).collect()
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
