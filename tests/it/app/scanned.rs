//! What submitted scans say of what goes and what runs, end to end: a release that takes something exploited away is known by
//! the reports alone.

use serde_json::json;

use super::ledger::{next, summary};
use super::taking::Taking;
use super::{NEXT, POLICY, RUN, ago, asks, reviews, reviews_of, shop, told, told_of, until};
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

fn submits(taking: &Taking, (run, attempt, commit): (u64, u64, &str), found: &[(&str, bool)]) -> World {
    let job =
        taking.job(run, attempt, commit, "<testsuite name=\"shop\" tests=\"1\"><testcase name=\"a\"/></testsuite>");
    job.write(".countersign/policy.yml", policy()).write("reports/scan.json", report(found));
    let said = taking.submits(&job);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    job
}

fn taking() -> Taking {
    let github = shop();
    github.with(|world| {
        world.user("dan", "User");
        world.contents.insert(".countersign/policy.yml".to_owned(), policy());
    });
    asks(&github);
    let mut taking = Taking::of(github);
    taking.start();
    taking
}

/// `51` goes with something in it that is being exploited, and something that is not.
fn first(taking: &Taking) {
    reviews(&taking.github, "bo", "APPROVED");
    submits(taking, (RUN, 1, "51"), &[("CVE-1", true), ("CVE-2", false)]);
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
