//! The way back from break-glass: a grant that was used while the app was down is told of, verified again, and taken up as an
//! emergency with what that leaves to be done.

use std::fmt::Write as _;

use chrono::{Duration, SecondsFormat, Utc};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::ledger::{next, policy};
use super::outside::with_argocd;
use super::taking::Taking;
use super::{NEXT, POLICY, RUN, ago, asks, reviews_of, shop, told_of, until};
use crate::support::github::world::{REPOSITORY, sha};
use crate::support::run::Said;

/// `bo` and `carla` grant; what an emergency leaves is audited.
fn taking() -> Taking {
    let github = shop();
    let taking = with_argocd(github);
    let mut keys = String::new();
    for name in ["bo", "carla"] {
        let said = taking.app.world.run(&["grant", "key", "--name", name, "--output", &format!("{name}.key")]);
        assert_eq!(said.code, 0, "{}", said.err);
        writeln!(keys, "    'github:{name}': '{}'", said.out.trim()).unwrap();
    }
    let glass =
        format!("break_glass:\n  grant_by: [fixer]\n  people: 2\n  releases: 1\n  expires: 4h\n  keys:\n{keys}");
    let emergency =
        "routes:\n  emergency: { approvals: { fixer: 1 }, then: { audit: { by: shop-owner, within: 1s } } }\n";
    let text = POLICY
        .replace("roles:\n", "roles:\n  fixer: { members: [\"github:bo\", \"github:carla\"] }\n")
        .replace("routes:\n", emergency);
    let text = format!("{text}{glass}");
    taking.app.world.write(".countersign/policy.yml", &text).write("uses/.keep", "").write("others/.keep", "");
    policy(&taking.github, &text);
    taking
}

fn what() -> Vec<String> {
    let commit = sha("51");
    ["--environment", "production", "--repository", REPOSITORY, "--commit", &commit, "--component", "checkout"]
        .map(str::to_owned)
        .to_vec()
}

/// What a command on the grant says.
fn grant(taking: &Taking, words: &[&str], what: &[String]) -> Said {
    let what: Vec<&str> = what.iter().map(String::as_str).collect();
    taking.app.world.run(&[&["grant"], words, &what].concat())
}

/// A grant of both, from an instant on.
fn granted(taking: &Taking, more: &[&str]) {
    let words = ["new", "--reason", "the app is down, and the shop too", "--key", "bo.key", "--output", "a.grant"];
    let said = grant(taking, &[&words[..], more].concat(), &what());
    assert_eq!(said.code, 0, "{}", said.err);
    let said = grant(taking, &["sign", "a.grant", "--key", "carla.key"], &[]);
    assert_eq!(said.code, 0, "{}", said.err);
}

fn used(taking: &Taking, uses: &str, run: &str) {
    let said = grant(taking, &["use", "a.grant", "--uses", uses, "--run", run, "--started-by", "github:ana"], &what());
    assert_eq!(said.code, 0, "{}", said.err);
}

/// Somebody who may sign grants tells the app.
fn told(taking: &Taking, uses: &str) -> Said {
    grant(taking, &["report", "a.grant", "--uses", uses, "--server", &taking.url, "--key", "bo.key"], &[])
}

fn listed(taking: &Taking, table: &str) -> String {
    let said = taking.app.world.run(&["db", "list", table, "--database", "sqlite:record.db"]);
    assert_eq!(said.code, 0, "{}", said.err);
    said.out
}

/// It looked once, and then it was down.
fn looked(taking: &mut Taking) {
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    // What began before the record did is none of its findings.
    until("its first entry", || !taking.app.events("deployment_recorded").is_empty());
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    taking.served = None;
}

#[test]
fn n15_a_grant_that_was_used_while_the_app_was_down_is_taken_up_and_owed_for() {
    let mut taking = taking();
    looked(&mut taking);
    granted(&taking, &[]);
    // Nobody answers, and so nothing is known of it there.
    assert_eq!(told(&taking, "uses").code, 2, "nothing was used yet");
    used(&taking, "uses", &RUN.to_string());
    let down = grant(
        &taking,
        &["report", "a.grant", "--uses", "uses", "--server", &taking.url, "--key", "bo.key", "--time-limit", "2s"],
        &[],
    );
    assert_eq!(down.code, 3, "{}", down.err);
    // The job goes past the rule, and deploys.
    asks(&taking.github);
    let deployment = taking.github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
        deployment
    });
    taking.start();
    until("the finding", || !taking.app.events("deployment_without_decision").is_empty());
    until("the import", || !taking.app.events("deployment_imported").is_empty());
    let said = told(&taking, "uses");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert!(said.out.starts_with("run 900: taken up as an emergency: "), "{}", said.out);
    assert_eq!(taking.app.events("grant_imported").len(), 1);
    assert!(listed(&taking, "obligations").contains("audit-"), "{}", listed(&taking, "obligations"));
    let row = listed(&taking, "deployments").lines().find(|line| line.contains(&deployment)).unwrap().to_owned();
    assert!(row.split('\t').nth(10).unwrap().parse::<u64>().is_ok(), "{row}");
    // Told again, it is known.
    let again = told(&taking, "uses");
    assert!(again.code == 0 && again.out.contains("known before"), "{}{}", again.out, again.err);
    assert_eq!(listed(&taking, "grants").lines().count(), 2, "{}", listed(&taking, "grants"));
    // The next normal release waits until that is audited.
    std::thread::sleep(std::time::Duration::from_secs(2));
    next(&taking.github, "checkout/other.rs");
    reviews_of(&taking.github, 1, "carla");
    until("a report", || !told_of(&taking.github, NEXT).reports.is_empty());
    let report = told_of(&taking.github, NEXT).reports[0].clone();
    assert!(report.contains("owes") && report.contains("audit"), "{report}");
    assert_eq!(told_of(&taking.github, NEXT).decided, None);
    let verified = taking.app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn t70_a_grant_that_was_used_twice_in_two_places_held_once() {
    let mut taking = taking();
    looked(&mut taking);
    granted(&taking, &[]);
    used(&taking, "uses", &RUN.to_string());
    asks(&taking.github);
    std::thread::sleep(std::time::Duration::from_millis(50));
    // The folder was not one for all jobs.
    used(&taking, "others", "jenkins-8");
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    let first = told(&taking, "uses");
    assert_eq!(first.code, 0, "{}{}", first.out, first.err);
    let second = told(&taking, "others");
    assert_eq!(second.code, 14, "{}{}", second.out, second.err);
    assert!(second.out.contains("run jenkins-8: it did not hold"), "{}", second.out);
    let refused = &taking.app.events("grant_refused")[0];
    assert!(refused["why"].as_str().unwrap().contains("this was use 2"), "{refused}");
    let rows = listed(&taking, "grants");
    let held = |run: &str| rows.lines().find(|it| it.contains(run)).unwrap().split('\t').nth(8).unwrap().to_owned();
    assert!(held("\t900\t").parse::<u64>().is_ok() && held("jenkins-8") == "-", "{rows}");
    // What Argo CD deployed by it was let in by it, once.
    let argocd = super::outside::tells(&taking, "succeeded", &["--commit", &sha("51")]);
    assert_eq!(argocd.code, 0, "{}", argocd.err);
    let decision = held("\t900\t");
    until("the decision", || {
        let all = listed(&taking, "deployments");
        all.lines().any(|it| it.contains("told:") && it.split('\t').nth(10) == Some(decision.as_str()))
    });
    assert!(taking.app.events("deployment_without_decision").is_empty());
}

#[test]
fn t70_what_is_told_later_counts_after_what_held_whenever_it_is_said_to_have_been() {
    let mut taking = taking();
    looked(&mut taking);
    granted(&taking, &[]);
    used(&taking, "others", "jenkins-8");
    std::thread::sleep(std::time::Duration::from_millis(50));
    used(&taking, "uses", &RUN.to_string());
    asks(&taking.github);
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    let last = told(&taking, "uses");
    assert_eq!(last.code, 0, "{}{}", last.out, last.err);
    let first = told(&taking, "others");
    assert!(first.code == 14 && first.out.contains("this was use 2"), "{}{}", first.out, first.err);
    // Each is owed for by itself.
    let owed = listed(&taking, "obligations").lines().filter(|it| it.contains("audit-")).count();
    assert_eq!(owed, 2, "{}", listed(&taking, "obligations"));
}

#[test]
fn t70_late_or_for_other_content_it_is_refused_with_the_reason_and_recorded() {
    let mut taking = taking();
    let from = (Utc::now() - Duration::hours(6)).to_rfc3339_opts(SecondsFormat::Secs, true);
    granted(&taking, &["--now", &from]);
    // A job that did not ask, or whose clock was wrong, wrote its use down.
    let text = taking.app.world.read("a.grant");
    let signed = format!("{}\n", text.rsplit_once("\n\n").unwrap().0);
    let digest = Sha256::digest(signed.as_bytes()).iter().fold(String::new(), |all, byte| format!("{all}{byte:02x}"));
    let at = (Utc::now() - Duration::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let late = json!({ "grant": digest, "used_at": at, "run": "jenkins-9", "started_by": "github:ana" }).to_string();
    taking.app.world.write(&format!("uses/{digest}.1.json"), late);
    let inside = (Utc::now() - Duration::hours(5)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let other = json!({ "grant": digest, "used_at": inside, "run": NEXT.to_string() }).to_string();
    taking.app.world.write(&format!("others/{digest}.1.json"), other);
    next(&taking.github, "checkout/other.rs");
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    let other = told(&taking, "others");
    assert_eq!(other.code, 14, "{}{}", other.out, other.err);
    assert!(other.out.contains(&format!("run 901 is of commit {}", sha("61"))), "{}", other.out);
    let late = told(&taking, "uses");
    assert_eq!(late.code, 14, "{}{}", late.out, late.err);
    let refused = taking.app.events("grant_refused");
    assert!(refused[1]["why"].as_str().unwrap().contains("it was used after it ended"), "{refused:?}");
    assert!(listed(&taking, "obligations").contains("audit-"), "{}", listed(&taking, "obligations"));
    let shown = taking.app.world.run(&["log", "show", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(shown.out.matches("grant_refused").count(), 2, "{}", shown.out);
}

#[test]
fn n15_what_a_grant_let_in_before_it_was_found_is_one_emergency() {
    let mut taking = taking();
    looked(&mut taking);
    granted(&taking, &[]);
    used(&taking, "uses", &RUN.to_string());
    asks(&taking.github);
    taking.sweep = "300";
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    std::thread::sleep(std::time::Duration::from_secs(2));
    taking.github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        world.deploys(RUN, "production", &ago(0))
    });
    let said = told(&taking, "uses");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(taking.app.events("deployment_imported").is_empty(), "{:?}", taking.app.events("deployment_imported"));
    let owed = listed(&taking, "obligations").lines().filter(|it| it.contains("audit-")).count();
    assert_eq!(owed, 1, "{}", listed(&taking, "obligations"));
}

#[test]
fn t70_a_use_of_which_the_forge_says_that_its_run_was_not_there_yet_did_not_hold() {
    let mut taking = taking();
    looked(&mut taking);
    let from = (Utc::now() - Duration::hours(3)).to_rfc3339_opts(SecondsFormat::Secs, true);
    granted(&taking, &["--now", &from]);
    let text = taking.app.world.read("a.grant");
    let signed = format!("{}\n", text.rsplit_once("\n\n").unwrap().0);
    let digest = Sha256::digest(signed.as_bytes()).iter().fold(String::new(), |all, byte| format!("{all}{byte:02x}"));
    let at = (Utc::now() - Duration::hours(2)).to_rfc3339_opts(SecondsFormat::Secs, true);
    let early = json!({ "grant": digest, "used_at": at, "run": RUN.to_string() }).to_string();
    taking.app.world.write(&format!("uses/{digest}.1.json"), early);
    asks(&taking.github);
    taking.github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        world.deploys(RUN, "production", &ago(0))
    });
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    let said = told(&taking, "uses");
    assert_eq!(said.code, 14, "{}{}", said.out, said.err);
    assert!(said.out.contains("run 900 deployed nothing at"), "{}", said.out);
    assert!(taking.app.events("grant_imported").is_empty());
    // What went is what it was: past the decision.
    until("the import", || !taking.app.events("deployment_imported").is_empty());
}

#[test]
fn a_grant_that_a_run_of_another_pipeline_used_holds_where_it_is_said_who_started_it() {
    let mut taking = taking();
    looked(&mut taking);
    granted(&taking, &[]);
    used(&taking, "uses", "jenkins-7");
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    // A use that does not say it cannot be told from one of those who signed.
    let folder = std::fs::read_dir(taking.app.world.path().join("uses")).unwrap().map(|it| it.unwrap().path());
    let file = folder.into_iter().find(|path| path.extension().is_some_and(|it| it == "json")).unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let mut less: serde_json::Value = serde_json::from_str(&whole).unwrap();
    less.as_object_mut().unwrap().remove("started_by");
    std::fs::write(&file, less.to_string()).unwrap();
    let less = told(&taking, "uses");
    assert!(less.code == 14 && less.out.contains("who started the deployment"), "{}{}", less.out, less.err);
    std::fs::write(&file, whole).unwrap();
    let said = told(&taking, "uses");
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(taking.app.events("grant_imported").len(), 1);
}

#[test]
fn nobody_tells_of_a_grant_who_has_no_hand_in_it() {
    let mut taking = taking();
    granted(&taking, &[]);
    used(&taking, "uses", &RUN.to_string());
    asks(&taking.github);
    taking.app.world.run(&["grant", "key", "--name", "bo", "--output", "eve.key"]);
    taking.start();
    until("a sweep", || taking.served().ask("GET /readyz").0 == 200);
    let with = |key: &str| {
        grant(&taking, &["report", "a.grant", "--uses", "uses", "--server", &taking.url, "--key", key], &[])
    };
    let eve = with("eve.key");
    assert!(eve.code == 2 && eve.err.contains("401"), "{}{}", eve.out, eve.err);
    // However often she tries, she keeps nobody out but herself.
    for _ in 0..5 {
        assert_eq!(with("eve.key").code, 2);
    }
    let words = ["report", "a.grant", "--uses", "uses", "--server", &taking.url, "--key", "eve.key"];
    let often = grant(&taking, &[&words[..], &["--time-limit", "1s"]].concat(), &[]);
    assert!(often.code == 3 && often.err.contains("too much was told"), "{}{}", often.out, often.err);
    let job = grant(&taking, &["report", "a.grant", "--uses", "uses", "--server", &taking.url], &[]);
    assert!(job.code == 2 && job.err.contains("--key"), "{}", job.err);
    assert!(taking.app.events("grant_imported").is_empty());
    // Who deploys there may tell of it, by the key that the settings name.
    let argocd = with("argocd.key");
    assert_eq!(argocd.code, 0, "{}{}", argocd.out, argocd.err);
    assert_eq!(taking.app.events("grant_imported")[0]["told_by"], "argocd");
    let bo = with("bo.key");
    assert!(bo.code == 0 && bo.out.contains("known before"), "{}{}", bo.out, bo.err);
}
