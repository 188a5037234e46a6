//! What submitted scans say of what goes and what runs, end to end: a release that takes something exploited away is known by
//! the reports alone.

use serde_json::json;

use super::ledger::{next, summary};
use super::taking::Taking;
use super::{NEXT, POLICY, RUN, ago, asks, reviews, reviews_of, shop, told, told_of, until};
use crate::support::github::Github;
use crate::support::github::world::sha;
use crate::support::run::World;

/// What is exploited goes away by `dan`'s approval alone.
fn policy() -> String {
    POLICY
        .replace("roles:\n", "roles:\n  fixer: { members: [\"github:dan\"] }\n")
        .replace("routes:\n", "routes:\n  emergency: { approvals: { fixer: 1 } }\n")
        .replace(
            "gates:\n",
            "gates:\n  cves: { scan: \"**/scan.json\", require: \"vulnerabilities.critical == 0\", environments: [production] }\n",
        )
        + "classes: { emergency: { when: \"release.removes(running.vulnerabilities.exploited)\" } }\n"
}

/// A report of grype's: what it found, each with whether it is known to be exploited.
fn report(found: &[(&str, bool)]) -> String {
    let one = |(id, exploited): &(&str, bool)| {
        let listed = if *exploited { json!([{"cve": id}]) } else { json!([]) };
        json!({"vulnerability": {"id": id, "severity": "High", "risk": 1.0, "knownExploited": listed},
            "artifact": {"name": "a", "version": "1", "locations": [{"path": "/lib/a"}]}})
    };
    let matches: Vec<_> = found.iter().map(one).collect();
    json!({"matches": matches, "descriptor": {"name": "grype", "version": "0.90.0", "timestamp": ago(0)}}).to_string()
}

fn submits(taking: &Taking, of: (u64, u64, &str), found: &[(&str, bool)]) -> World {
    submits_all(taking, of, &policy(), &[("scan", report(found))])
}

/// Under a policy, reports that were made, each by its name.
fn submits_all(
    taking: &Taking,
    (run, attempt, commit): (u64, u64, &str),
    policy: &str,
    reports: &[(&str, String)],
) -> World {
    let job =
        taking.job(run, attempt, commit, "<testsuite name=\"shop\" tests=\"1\"><testcase name=\"a\"/></testsuite>");
    job.write(".countersign/policy.yml", policy);
    for (name, report) in reports {
        job.write(&format!("reports/{name}.json"), report);
    }
    let said = taking.submits(&job);
    // A gate that waits for evidence holds the job, and its emergency goes without it.
    assert!([0, 10].contains(&said.code), "{}{}", said.out, said.err);
    job
}

fn prepared(github: Github, policy: String) -> Github {
    github.with(|world| {
        world.user("dan", "User");
        world.contents.insert(".countersign/policy.yml".to_owned(), policy);
    });
    asks(&github);
    github
}

fn taking_of(mut taking: Taking) -> Taking {
    taking.start();
    taking
}

fn taking() -> Taking {
    taking_of(Taking::of(prepared(shop(), policy())))
}

/// `51` goes with something in it that is being exploited, and something that is not.
fn first(taking: &Taking) {
    first_by(taking, || submits(taking, (RUN, 1, "51"), &[("CVE-1", true), ("CVE-2", false)]));
}

/// The same by what a job submits.
fn first_by(taking: &Taking, submits: impl FnOnce() -> World) {
    reviews(&taking.github, "bo", "APPROVED");
    submits();
    until("an answer", || told(&taking.github).decided.is_some());
    assert_eq!(told(&taking.github).decided.unwrap().0, "approved", "{}", summary(&taking.app));
    let deployment = taking.github.with(|world| world.deploys(RUN, "production", &ago(0)));
    taking.github.with(|world| world.ends(&deployment, "SUCCESS", &ago(0)));
    let listed = || taking.app.world.run(&["db", "list", "deployments", "--database", "sqlite:record.db"]).out;
    until("its end", || listed().contains("succeeded"));
    next(&taking.github, "checkout/basket.rs");
    reviews_of(&taking.github, 1, "dan");
}

fn looked(taking: &Taking) {
    let before = taking.app.looks();
    until("more looks", || taking.app.looks() > before + 2);
    assert_eq!(told_of(&taking.github, NEXT).decided, None, "{}", summary(&taking.app));
}

#[test]
fn a_release_that_takes_away_what_is_exploited_is_an_emergency_by_its_scans() {
    let taking = taking();
    first(&taking);
    // What it has is not known before it was scanned.
    looked(&taking);
    submits(&taking, (NEXT, 1, "61"), &[("CVE-2", false)]);
    until("an answer", || told_of(&taking.github, NEXT).decided.is_some());
    assert_eq!(told_of(&taking.github, NEXT).decided.unwrap().0, "approved");
}

#[test]
fn e5_the_places_that_watch_are_told_of_an_emergency_and_of_nothing_else() {
    let watched = policy() + "monitor: { emergencies: [\"slack:#watch\", grafana] }\n";
    let taking = taking_of(Taking::of(prepared(shop(), watched.clone())));
    let submits = |of, found: &[(&str, bool)]| submits_all(&taking, of, &watched, &[("scan", report(found))]);
    let list = |what: &str| taking.app.world.run(&["db", "list", what, "--database", "sqlite:record.db"]).out;
    let lines = |what: &str, word: &str| list(what).lines().filter(|line| line.contains(word)).count();
    first_by(&taking, || submits((RUN, 1, "51"), &[("CVE-1", true), ("CVE-2", false)]));
    assert_eq!(lines("outbox", "slack:#watch"), 0, "{}", list("outbox"));
    submits((NEXT, 1, "61"), &[("CVE-2", false)]);
    until("an answer", || told_of(&taking.github, NEXT).decided.is_some());
    assert_eq!(told_of(&taking.github, NEXT).decided.unwrap().0, "approved");
    assert_eq!(lines("outbox", "slack:#watch"), 1, "{}", list("outbox"));
    // What is only named stands there as well, and says that nothing goes to such a place.
    assert_eq!(lines("outbox", "grafana"), 1, "{}", list("outbox"));
    assert_eq!(lines("obligations", "mark_emergency-"), 1, "{}", list("obligations"));
}

#[test]
fn one_whose_scanner_names_it_otherwise_is_none() {
    let taking = taking();
    first(&taking);
    submits(&taking, (NEXT, 1, "61"), &[("GHSA-1", false), ("CVE-2", false)]);
    looked(&taking);
    assert!(summary(&taking.app).contains("0 of 1"), "{}", summary(&taking.app));
}

#[test]
fn one_that_another_scanner_names_otherwise_and_did_before_is_none() {
    let taking = taking();
    let exploited = [("CVE-1", true), ("GHSA-1", false), ("CVE-2", false)];
    first_by(&taking, || submits(&taking, (RUN, 1, "51"), &exploited));
    // The one scanner sees it no more, and the other one still does.
    submits(&taking, (NEXT, 1, "61"), &[("GHSA-1", false), ("CVE-2", false)]);
    looked(&taking);
    assert!(summary(&taking.app).contains("0 of 1"), "{}", summary(&taking.app));
}

#[test]
fn one_after_which_another_deployer_brought_something_else_is_none() {
    let github = shop();
    let taking = taking_of(super::outside::with_argocd(prepared(github, policy())));
    first(&taking);
    let said = super::outside::tells(&taking, "succeeded", &["--commit", &sha("b0")]);
    assert_eq!(said.code, 0, "{}", said.err);
    submits(&taking, (NEXT, 1, "61"), &[("CVE-2", false)]);
    looked(&taking);
}

#[test]
fn one_of_whose_scanners_one_says_nothing_is_none() {
    let taking = taking();
    first(&taking);
    // Another scanner guards it from now on, of which nothing is known, and the emergency would go without it.
    let gate =
        "  deps: { scan: \"**/deps.json\", require: \"vulnerabilities.critical == 0\", environments: [production] }\n";
    let policy = policy()
        .replace("{ fixer: 1 } }", "{ fixer: 1 }, may_skip: [deps] }")
        .replace("gates:\n", &format!("gates:\n{gate}"))
        .replace(
            "require: \"vulnerabilities.critical == 0\", environments: [production] }\n  cves",
            "require: \"true\", environments: [production] }\n  cves",
        );
    super::ledger::policy(&taking.github, &policy);
    submits_all(&taking, (NEXT, 1, "61"), &policy, &[("scan", report(&[("CVE-2", false)]))]);
    // It may have gone from what one of them scans into what the other does.
    looked(&taking);
}

#[test]
fn one_whose_scan_its_gate_would_not_take_is_none() {
    let policy = policy()
        .replace("{ fixer: 1 } }", "{ fixer: 1 }, may_skip: [cves] }")
        .replace("critical == 0\",", "critical == 0\", max_age: 1h,");
    assert!(policy.contains("max_age") && policy.contains("may_skip"));
    let taking = taking_of(Taking::of(prepared(shop(), policy.clone())));
    let old = |report: String| {
        let mut report: serde_json::Value = serde_json::from_str(&report).unwrap();
        report["descriptor"]["timestamp"] = json!(ago(120));
        [("scan", report.to_string())]
    };
    first_by(&taking, || submits_all(&taking, (RUN, 1, "51"), &policy, &[("scan", report(&[("CVE-1", true)]))]));
    submits_all(&taking, (NEXT, 1, "61"), &policy, &old(report(&[])));
    looked(&taking);
    taking.github.with(|world| world.attempts.insert(NEXT, (2, "ana".to_owned())));
    submits_all(&taking, (NEXT, 2, "61"), &policy, &[("scan", report(&[]))]);
    until("an answer", || told_of(&taking.github, NEXT).decided.is_some());
}

#[test]
fn one_that_still_has_it_is_none_and_nor_is_one_of_which_it_is_not_known_what_runs() {
    let taking = taking();
    first(&taking);
    submits(&taking, (NEXT, 1, "61"), &[("CVE-1", true)]);
    looked(&taking);
    // Without it, but something else runs by now that nobody scanned.
    taking.github.with(|world| {
        world.attempts.insert(NEXT, (2, "ana".to_owned()));
        let statuses = vec![("SUCCESS".to_owned(), ago(-1)), ("IN_PROGRESS".to_owned(), ago(-1))];
        let deployment = crate::support::github::world::Deployment {
            environment: "production".to_owned(),
            commit: sha("b0"),
            statuses,
        };
        world.deployments.push(deployment);
    });
    submits(&taking, (NEXT, 2, "61"), &[]);
    looked(&taking);
}
