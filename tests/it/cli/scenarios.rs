//! Scenarios: a policy and a base situation told once, and cases that change one
//! thing each. The files lie in `tests/it/scenarios/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::support::run::{World, gate};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scenario {
    policy: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    args: Vec<String>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Replaces the base policy.
    policy: Option<String>,
    /// Replaces files of the base, adds some, or takes some away.
    #[serde(default)]
    files: BTreeMap<String, Option<String>>,
    #[serde(default)]
    args: Vec<String>,
    exit: i32,
    /// The gate that is meant; the only one when left out.
    gate: Option<String>,
    verdict: Option<String>,
    reason: Option<String>,
    /// What the explanation (or, without a decision, the complaint) says.
    #[serde(default)]
    says: Vec<String>,
    /// Measures, as the document writes them.
    #[serde(default)]
    measures: BTreeMap<String, serde_json::Value>,
}

fn play(scenario: &Scenario, case: &Case) -> Vec<String> {
    let world = World::with_policy(case.policy.as_ref().unwrap_or(&scenario.policy));
    for (path, content) in &scenario.files {
        if case.files.get(path).is_none_or(Option::is_some) {
            world.write(path, content);
        }
    }
    for (path, content) in &case.files {
        if let Some(content) = content {
            world.write(path, content);
        }
    }
    let mut arguments = vec!["gate", "--format", "json", "--now", "2026-11-23T09:00:00Z"];
    arguments.extend(scenario.args.iter().chain(&case.args).map(String::as_str));
    let said = world.run(&arguments);
    let mut wrong = Vec::new();
    if said.code != case.exit {
        wrong.push(format!("exit {} instead of {}: {}{}", said.code, case.exit, said.out, said.err));
        return wrong;
    }
    let mut told = said.err.clone();
    if !said.out.is_empty() {
        let decision: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let one = match &case.gate {
            Some(name) => gate(&decision, name).clone(),
            None => decision["gates"][0].clone(),
        };
        one["explanation"].as_str().unwrap().clone_into(&mut told);
        for (what, wanted) in [("verdict", &case.verdict), ("reason", &case.reason)] {
            if let Some(wanted) = wanted
                && one[what] != **wanted
            {
                wrong.push(format!("{what} {} instead of {wanted}: {told}", one[what]));
            }
        }
        for (name, wanted) in &case.measures {
            let found = &one["measures"][name];
            if found.as_f64() != wanted.as_f64() || (wanted.as_f64().is_none() && found != wanted) {
                wrong.push(format!("{name} is {found} instead of {wanted}"));
            }
        }
        let proceeds = decision["decision"] == "proceed";
        if proceeds != (said.code == 0) {
            wrong.push(format!("decision {} with exit {}", decision["decision"], said.code));
        }
    } else if case.verdict.is_some() || case.reason.is_some() {
        wrong.push(format!("no decision: {told}"));
    }
    wrong.extend(
        case.says
            .iter()
            .filter(|part| !told.contains(part.as_str()))
            .map(|part| format!("does not say {part:?}: {told}")),
    );
    wrong
}

#[test]
fn every_case_of_every_scenario_comes_out_as_told() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios");
    let mut wrong = Vec::new();
    let mut played = 0;
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario: Scenario = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for case in &scenario.cases {
            played += 1;
            wrong.extend(play(&scenario, case).into_iter().map(|why| format!("{name}: {}: {why}", case.name)));
        }
    }
    assert!(played >= 64, "only {played} cases were played");
    assert!(wrong.is_empty(), "{} of {played} cases:\n{}", wrong.len(), wrong.join("\n"));
}
