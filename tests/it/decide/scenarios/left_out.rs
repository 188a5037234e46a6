//! Absence holds: whatever is left out of the facts of a scenario that is held, it is still held.
//!
//! One thing is meant to be otherwise, and nothing but that is let past: a retry. Its content was let in already, and goes again
//! within `retry_within` without a gate being asked for anew, so that a flaky job needs no evidence of its own. Evidence that
//! is there and speaks against it holds it all the same; without that evidence it is the retry that it was.
//!
//! A key that is left out is one that nobody looked at. `LEFT_OUT=all` leaves out every key of every scenario, which takes
//! minutes; the ordinary run leaves out some of each.

use countersign::model::facts::Facts;
use countersign::model::ground::Ground;
use countersign::model::release_decision::{Node, ReleaseDecision, Ruling};
use serde_json::Value;

use super::{policy, replaced, scenarios, situation, words};

/// How many keys of each scenario are left out in the ordinary run.
const SOME: usize = 5;

/// What may be left out, by how its path begins and ends, `*` being anything between, and of an act by what it does: with why
/// that opens. It is what somebody said, and not what somebody else saw of it.
const MAY: &[(&str, &str, &str, &str)] = &[
    (
        "/release/break_glass",
        "",
        "",
        "a grant that nobody speaks of opens nothing, and a bad one holds what people approved",
    ),
    ("/groups", "", "", "of a role whose directory cannot be read the fallback is asked"),
    ("/acts/", "/does/approve/role", "approve", "who names no role approves in each that he holds"),
    ("/acts/", "/reason", "reject", "a rejection without a reason lapses"),
    ("/acts/", "/saw", "reject", "a rejection that names no environment is of the change alone"),
    ("/acts/", "/saw/environment", "reject", "likewise"),
    ("/acts/", "/saw/changes/*", "reject", "a rejection that names no change is of the components that it names"),
    (
        "/acts/",
        "/saw/environment",
        "waive",
        "a waiver that was given on no environment's page is of those that it names",
    ),
    ("/acts/", "/saw/repository", "waive", "a waiver is of every repository that it does not leave out"),
    ("/acts/", "/saw", "waive", "likewise"),
    ("/acts/", "/saw/gates", "waive", "whoever acted before anything was decided was shown no gate"),
    ("/acts/", "/saw/gates/*", "waive", "likewise"),
    ("/acts/", "/saw/gates", "approve", "likewise"),
    ("/acts/", "/saw/gates/*", "approve", "likewise"),
    ("/acts/", "/saw/requirements", "approve", "and no requirement, and is bound to none"),
    ("/acts/", "/saw/requirements/*", "approve", "likewise"),
    ("/deployments/", "/components/*", "", "a deployment is of the components that it names, and of no other"),
];

/// Whether a path may be left out of a document.
fn may(document: &Value, path: &str) -> bool {
    let act = path.strip_prefix("/acts/").and_then(|rest| rest.split('/').next());
    let does = act.and_then(|act| document.pointer(&format!("/acts/{act}/does"))?.as_object()?.keys().next());
    MAY.iter().any(|(begins, ends, deed, _)| {
        let within = match ends.strip_suffix('*') {
            Some(part) => path.rsplit_once('/').is_some_and(|(map, _)| format!("{map}/").ends_with(part)),
            None => path.ends_with(ends),
        };
        path.starts_with(begins) && within && (deed.is_empty() || does.is_some_and(|does| does == deed))
    })
}

/// Every key of every map, as a path.
fn keys(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
                keys(value, &path, found);
                found.push(path);
            }
        }
        Value::Array(list) => {
            for (number, value) in list.iter().enumerate() {
                keys(value, &format!("{at}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// Whether what was left out is evidence that alone held a retry, which is one without it.
fn is_a_retry(path: &str, before: &ReleaseDecision, after: &ReleaseDecision) -> bool {
    let of = |decision: &ReleaseDecision, asked: &dyn Fn(&Node) -> bool| {
        let mut found = false;
        decision.tree.walk(&mut |node| found |= asked(node));
        found
    };
    let retries = |decision| of(decision, &|node: &Node| node.code == Ground::Retry);
    let by_gates = before.tree.parts.iter().filter(|node| !node.status.opens()).all(|node| node.code == Ground::Gate);
    path.starts_with("/evidence") && by_gates && retries(before) && retries(after)
}

fn without(whole: &Value, path: &str) -> Option<Value> {
    let mut less = whole.clone();
    let (map, key) = path.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    less.pointer_mut(map)?.as_object_mut()?.remove(&key)?;
    Some(less)
}

#[test]
fn whatever_is_left_out_of_a_scenario_opens_nothing() {
    let only = std::env::var("COUNTERSIGN_SCENARIO").unwrap_or_default();
    let every = std::env::var("LEFT_OUT").is_ok_and(|it| it == "all");
    let (mut opened, mut tried) = (Vec::new(), 0);
    for (number, scenario) in scenarios().unwrap().iter().enumerate() {
        let whole = policy(&scenario.layers);
        for (at, case) in scenario.cases.iter().filter(|case| case.policy_before.is_empty()).enumerate() {
            if !format!("{} {} {}", scenario.file, case.id, case.name).contains(&only) {
                continue;
            }
            let own;
            let read = match &whole {
                Ok(read) if case.policy.is_empty() => read,
                _ => match replaced(&scenario.layers, &case.policy).and_then(|layers| policy(&layers)) {
                    Ok(read) => {
                        own = read;
                        &own
                    }
                    Err(_) => continue,
                },
            };
            let given = situation::over(&scenario.given, &case.given);
            let Ok((facts, now)) = situation::facts(read, &given) else { continue };
            let before = words::decide(read, &facts, now);
            if before.decision == Ruling::Proceed {
                continue;
            }
            let document = serde_json::to_value(&facts).unwrap();
            let mut paths = Vec::new();
            keys(&document, "", &mut paths);
            let step = if every { 1 } else { (paths.len() / SOME).max(1) };
            for path in paths.iter().skip((number * 31 + at * 7) % step).step_by(step) {
                let Some(less) = without(&document, path) else { continue };
                // Without some keys it is no document of facts.
                let Ok(facts) = Facts::read(less.to_string().as_bytes()) else { continue };
                tried += 1;
                if may(&document, path) {
                    continue;
                }
                let after = words::decide(read, &facts, now);
                if after.decision == Ruling::Proceed && !is_a_retry(path, &before, &after) {
                    eprintln!("{}: {}: without {path}", scenario.file, case.name);
                    opened.push(format!("{}: {}: without {path}", scenario.file, case.name));
                }
            }
        }
    }
    assert!(tried > 2_000 || !only.is_empty(), "only {tried} keys were left out");
    assert!(opened.is_empty(), "{} of {tried} open:\n{}", opened.len(), opened.join("\n"));
}
