//! Scenarios: a policy, a base situation told once, and cases that change one thing
//! each. The files and their words are in `tests/scenarios/`; README.md there is
//! for people who know no Rust.

mod acts;
mod dead_words;
mod expect;
mod left_out;
mod phrases;
mod record;
mod release;
mod situation;
mod words;

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Duration, Utc};
use countersign::model::release_decision::ReleaseDecision;
use countersign::policy::{Policy, Source};
use serde::Deserialize;
use toml::Table;

use phrases::Read;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Another file, whose policy and situation this one begins with.
    base: Option<String>,
    policy: Option<Text>,
    #[serde(rename = "policy_file")]
    example: Option<String>,
    #[serde(default)]
    given: Table,
    #[serde(default, rename = "case")]
    cases: Vec<Table>,
}

#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Text {
    One(String),
    /// Layers, outermost first.
    Layers(Vec<String>),
}

#[derive(Deserialize)]
struct Case {
    name: String,
    /// Rows of the product, or threats: `A6 T03`.
    id: String,
    #[serde(default)]
    given: Table,
    /// Words of the policy that are others in this case.
    #[serde(default)]
    policy: Vec<(String, String)>,
    /// Words of the policy that were others before, where a policy changes with releases in flight.
    #[serde(default)]
    policy_before: Vec<(String, String)>,
    #[serde(skip)]
    wanted: Option<expect::Wanted>,
}

/// What of a case is its situation; the rest is what it wants.
const SITUATION: &[&str] = &["name", "id", "given", "policy", "policy_before"];

fn case(table: Table) -> Read<Case> {
    let name = table.get("name").and_then(toml::Value::as_str).unwrap_or("a case without a name").to_owned();
    let (situation, wanted): (Table, Table) = table.into_iter().partition(|(key, _)| SITUATION.contains(&key.as_str()));
    let mut case: Case = situation.try_into().map_err(|why| format!("{name}: {why}"))?;
    case.wanted = Some(wanted.try_into().map_err(|why| format!("{name}: {why}"))?);
    Ok(case)
}

/// A file with its base laid below it.
struct Scenario {
    file: String,
    layers: Vec<String>,
    /// Whether its policy is the example that all documentation speaks of.
    example: bool,
    given: Table,
    cases: Vec<Case>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Where the long example is: as a policy of its own, or as one of several layers.
const ACME: &str = "examples/acme/policy.yml";

/// The long example, which uses every word that a policy has.
const EXAMPLE: &str = include_str!("../../../examples/acme/policy.yml");

fn load(name: &str) -> Read<Scenario> {
    let text = fs::read_to_string(folder().join(name)).map_err(|why| format!("{name}: {why}"))?;
    let file: Written = toml::from_str(&text).map_err(|why| format!("{name}: {why}"))?;
    let below = file.base.as_deref().map(load).transpose()?;
    let mut example_policy = below.as_ref().is_some_and(|below| below.example);
    let layers = match (file.policy, file.example.as_deref()) {
        (Some(Text::One(policy)), None) => vec![policy],
        (Some(Text::Layers(layers)), None) => {
            example_policy = false;
            let named = |layer: String| if layer == ACME { EXAMPLE.to_owned() } else { layer };
            layers.into_iter().map(named).collect()
        }
        (None, Some(ACME)) => {
            example_policy = true;
            vec![EXAMPLE.to_owned()]
        }
        (None, Some(other)) => return Err(format!("{name}: no policy file `{other}` is known")),
        (None, None) => below.as_ref().map(|below| below.layers.clone()).ok_or_else(|| format!("{name}: no policy"))?,
        (Some(_), Some(_)) => return Err(format!("{name}: `policy` or `policy_file`, not both")),
    };
    let cases =
        file.cases.into_iter().map(|table| case(table).map_err(|why| format!("{name}: {why}"))).collect::<Read<_>>()?;
    let given = below.map(|below| below.given).unwrap_or_default();
    let given = situation::over(&given, &file.given);
    Ok(Scenario { file: name.to_owned(), layers, example: example_policy, given, cases })
}

fn scenarios() -> Read<Vec<Scenario>> {
    let mut names: Vec<String> = fs::read_dir(folder())
        .map_err(|why| why.to_string())?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "toml"))
        .collect();
    names.sort();
    names.iter().map(|name| load(name)).collect()
}

fn policy(layers: &[String]) -> Read<Policy> {
    let sources = layers
        .iter()
        .enumerate()
        .map(|(depth, text)| Source {
            path: if layers.len() == 1 { "policy.yml".to_owned() } else { format!("layer-{}.yml", depth + 1) },
            text: text.clone(),
            sha256: phrases::digest(text),
            from: Some("main@012345678901".to_owned()),
        })
        .collect();
    words::read(sources, include_str!("../../../examples/acme/england-bank-holidays.ics"))
}

/// The policy with some of its words replaced; words that are not there are a mistake of the case.
fn replaced(layers: &[String], words: &[(String, String)]) -> Read<Vec<String>> {
    let mut layers = layers.to_vec();
    for (old, new) in words {
        if !layers.iter().any(|layer| layer.contains(old.as_str())) {
            return Err(format!("the policy does not say `{old}`"));
        }
        for layer in &mut layers {
            *layer = layer.replacen(old.as_str(), new, 1);
        }
    }
    Ok(layers)
}

fn play(scenario: &Scenario, case: &Case, read: Option<&Policy>) -> Read<Vec<String>> {
    let own;
    let read = match read {
        Some(read) if case.policy.is_empty() => read,
        _ => match policy(&replaced(&scenario.layers, &case.policy)?) {
            Ok(read) => {
                own = read;
                &own
            }
            // That the text is no policy can be what a case is about.
            Err(why) => return Ok(case.wanted.as_ref().map_or_else(Vec::new, |wanted| expect::refused(wanted, &why))),
        },
    };
    let given = situation::over(&scenario.given, &case.given);
    let (facts, now) = situation::facts(read, &given)?;
    let decision = if case.policy_before.is_empty() {
        words::decide(read, &facts, now)
    } else {
        let old = policy(&replaced(&scenario.layers, &case.policy_before)?)?;
        words::decide_between(&old, read, &facts, now)
    };
    Ok(case.wanted.as_ref().map_or_else(Vec::new, |wanted| expect::compare(wanted, read, &decision, &facts)))
}

#[test]
fn every_scenario_ends_as_it_says() {
    let scenarios = scenarios().unwrap();
    let only = std::env::var("COUNTERSIGN_SCENARIO").unwrap_or_default();
    let (mut failures, mut played) = (Vec::new(), 0);
    for scenario in &scenarios {
        let read = policy(&scenario.layers);
        for case in &scenario.cases {
            if !format!("{} {} {}", scenario.file, case.id, case.name).contains(&only) {
                continue;
            }
            played += 1;
            let complaints = match &read {
                Ok(read) => play(scenario, case, Some(read)).unwrap_or_else(|why| vec![why]),
                Err(why) => vec![format!("the policy is none: {why}")],
            };
            if !complaints.is_empty() {
                failures.push(format!("{}: {} [{}]\n{}", scenario.file, case.name, case.id, complaints.join("\n")));
            }
        }
    }
    eprintln!("{played} scenarios, {} of them end otherwise", failures.len());
    assert!(failures.is_empty(), "\n{}\n{} of {played} scenarios end otherwise", failures.join("\n\n"), failures.len());
}

/// The rows of the product, and the threats, by which a case says what it is about. A threat has two digits, and so is no
/// row of the time's.
fn is_known(id: &str) -> bool {
    const ROWS: [(&str, u32); 9] =
        [("A", 6), ("C", 6), ("E", 6), ("G", 6), ("M", 6), ("N", 15), ("R", 6), ("T", 6), ("W", 6)];
    const THREATS: u32 = 71;
    let within = |digits: &str, most: u32| digits.parse().is_ok_and(|number: u32| (1..=most).contains(&number));
    match id.strip_prefix('T') {
        Some(digits) if digits.len() == 2 => within(digits, THREATS),
        _ => ROWS.iter().any(|(row, most)| {
            id.strip_prefix(row).is_some_and(|digits| !digits.starts_with(['0', '+']) && within(digits, *most))
        }),
    }
}

#[test]
fn every_case_is_about_something_that_there_is() {
    assert!(["A6", "N15", "T6", "T01", "T71"].into_iter().all(is_known));
    assert!(!["F1", "A7", "N0", "T7", "T00", "T72", "A", "A06", "a1", ""].into_iter().any(is_known));
    let scenarios = scenarios().unwrap();
    let cases = scenarios.iter().flat_map(|scenario| scenario.cases.iter().map(move |case| (&scenario.file, case)));
    let unknown: Vec<String> = cases
        .filter(|(_, case)| case.id.split(' ').any(|id| !is_known(id)))
        .map(|(file, case)| format!("{file}: {} [{}]", case.name, case.id))
        .collect();
    assert!(unknown.is_empty(), "no row of the product and no threat:\n{}", unknown.join("\n"));
}

/// The ruling, and how every requirement stands; without the words, which may tell an age.
fn standing(decision: &ReleaseDecision) -> Vec<String> {
    let mut standing = vec![format!("{:?}", decision.decision)];
    decision.tree.walk(&mut |node| standing.push(format!("{} {:?}", node.code.code(), node.status)));
    standing
}

/// Every word of a decision, and how every requirement stands.
fn said(decision: &ReleaseDecision) -> Vec<String> {
    let mut said = vec![decision.summary.clone()];
    decision.tree.walk(&mut |node| said.push(format!("{:?} {}", node.status, node.says)));
    said
}

/// A requirement that still waits for an instant that has come.
fn late(decision: &ReleaseDecision) -> Option<String> {
    let mut found = None;
    decision.tree.walk(&mut |node| {
        if node.next.is_some_and(|next| next <= decision.now) {
            found = Some(node.says.clone());
        }
    });
    found
}

#[test]
fn no_scenario_changes_before_the_instant_that_it_promises() {
    let (mut failures, mut in_vain, mut promised) = (Vec::new(), Vec::new(), 0);
    for scenario in &scenarios().unwrap() {
        let Ok(read) = policy(&scenario.layers) else { continue };
        for case in scenario.cases.iter().filter(|case| case.policy.is_empty() && case.policy_before.is_empty()) {
            let given = situation::over(&scenario.given, &case.given);
            let Ok((facts, now)) = situation::facts(&read, &given) else { continue };
            let first = words::decide(&read, &facts, now);
            let before = standing(&first);
            let asleep: Vec<DateTime<Utc>> = match first.revisit.at {
                Some(at) => {
                    promised += 1;
                    let then = words::decide(&read, &facts, at);
                    if said(&words::decide(&read, &facts, at - Duration::milliseconds(1))) == said(&then) {
                        in_vain.push(format!("{}: {} at {at}", scenario.file, case.name));
                    }
                    failures.extend(
                        late(&then).map(|says| format!("{}: {}: {at} is over for {says}", scenario.file, case.name)),
                    );
                    vec![now + (at - now) / 2, at - Duration::milliseconds(1)]
                }
                None => [1, 30, 400].into_iter().map(|days| now + Duration::days(days)).collect(),
            };
            for later in asleep.into_iter().filter(|later| *later > now) {
                let after = standing(&words::decide(&read, &facts, later));
                if after != before {
                    let promise = first.revisit.at.map_or("never".to_owned(), |at| at.to_rfc3339());
                    let new: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
                    failures.push(format!(
                        "{}: {}: promised {promise}, and {later} is otherwise: {} → {}, new {new:?}",
                        scenario.file, case.name, before[0], after[0]
                    ));
                    break;
                }
            }
        }
    }
    assert!(promised > 400, "only {promised} scenarios promise an instant");
    assert!(in_vain.is_empty(), "what was promised changes nothing:\n{}", in_vain.join("\n"));
    assert!(failures.is_empty(), "\n{}\n{} scenarios", failures.join("\n"), failures.len());
}
