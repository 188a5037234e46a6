//! What went past the decision, and what only looks so: which answer let a deployment in, who let it in where none did, and
//! how it goes on from there.

use serde_json::{Value, json};

use super::ledger::{goes, lands, next, policy, run, summary};
use super::taking::Taking;
use super::{App, NEXT, POLICY, RUN, ago, asks, id, payload, reviews, reviews_of, shop, takes, told, told_of, until};
use crate::support::github::Github;
use crate::support::github::tokens;
use crate::support::github::world::{Rule, sha};
use crate::support::served::Served;

const GLASS: &str = "break_glass: { grant_by: [shop-owner], people: 2, releases: 1, expires: 4h }\n";
const EMERGENCY: &str =
    "routes:\n  emergency: { approvals: { shop-owner: 1 }, then: { audit: { by: shop-owner, within: 4h } } }\n";
const REVIEW: &str = "reviews: { pir: { when: \"outcome == 'failed'\", by: shop-owner, within: 5bd } }\n";

/// Emergencies leave an audit, two owners can grant what went past, and a failure is reviewed.
fn strict() -> String {
    format!("{}{GLASS}{REVIEW}", POLICY.replace("routes:\n", EMERGENCY))
}

fn listed(app: &App, table: &str) -> String {
    let listed = app.world.run(&["db", "list", table, "--database", "sqlite:record.db"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    listed.out
}

/// A line of the deployments, once it says all of this.
fn line(app: &App, says: &[&str]) -> Option<Vec<String>> {
    let deployments = listed(app, "deployments");
    let found = deployments.lines().find(|line| says.iter().all(|it| line.contains(it)));
    found.map(|line| line.split('\t').map(str::to_owned).collect())
}

/// Seconds from now, as GitHub writes it.
fn later(seconds: i64) -> String {
    (chrono::Utc::now() + chrono::Duration::seconds(seconds)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// The run is started again, and waits.
fn again(github: &Github, attempt: u64) {
    github.with(|world| {
        world.attempts.insert(RUN, (attempt, "ana".to_owned()));
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
}

fn verified(app: &App) {
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn an_answer_to_an_earlier_attempt_covers_nobody_who_goes_past_a_later_one() {
    let github = shop();
    policy(&github, &strict());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("an answer", || told(&github).decided.is_some());
    // It is let go, and stopped before its job begins. What comes next is held, and an administrator goes past that.
    again(&github, 2);
    until("a report", || !told(&github).reports.is_empty() || told(&github).decided.is_some());
    assert_eq!(told(&github).decided, None, "{}", summary(&app));
    // GitHub counts in whole seconds, and what is made in that of the answer may have waited for it.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let made = later(0);
    github.with(|world| world.bypasses(RUN, "production", "carla"));
    // Before her job begins a decision can see what she did, as it sees every review.
    takes(&served, "deployment_review", &id(), &payload(json!({"action": "approved", "workflow_run": {"id": RUN}})));
    std::thread::sleep(std::time::Duration::from_secs(1));
    let deployment = github.with(|world| world.waited_and_deploys(RUN, "production", &made, &later(0)));
    until("the import", || !app.events("deployment_imported").is_empty());
    assert_eq!(app.events("deployment_without_decision").len(), 1);
    // `bo` had approved, and a decision had seen it that held: he let nothing in, and signed nothing.
    let imported = app.events("deployment_imported")[0].clone();
    assert_eq!(imported["decision"], "hold", "{imported}");
    assert!(imported["summary"].as_str().unwrap().contains("1 of 2 people"), "{imported}");
    until("the audit", || listed(&app, "obligations").contains("audit-"));
    // It was taken up while it ran. How it ends leaves what a failure leaves.
    assert!(!listed(&app, "obligations").contains("pir-"));
    github.with(|world| world.ends(&deployment, "FAILURE", &later(2)));
    until("the review", || listed(&app, "obligations").contains("pir-"));
    drop(served);
    verified(&app);
}

#[test]
fn of_several_who_let_it_in_while_we_were_away_nobody_stands_as_having_granted_it() {
    let github = shop();
    policy(&github, &strict());
    github.with(|world| {
        world.user("dan", "User").teams.get_mut("acme/shop-leads").unwrap().push("dan".to_owned());
        world.user("eve", "User");
    });
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("that the record began", || !app.events("deployment_recorded").is_empty());
    drop(served);
    asks(&github);
    // Two owners approve as ever, and somebody who may grant nothing goes past the rule.
    reviews(&github, "bo", "APPROVED");
    reviews(&github, "dan", "APPROVED");
    github.with(|world| {
        world.bypasses(RUN, "production", "eve");
        world.deploys(RUN, "production", &ago(0))
    });
    let _served = app.start(&["--sweep", "1"]);
    until("the import", || !app.events("deployment_imported").is_empty());
    let imported = app.events("deployment_imported")[0].clone();
    assert_eq!(imported["decision"], "hold", "{imported}");
    assert!(imported["summary"].as_str().unwrap().contains("0 of 2 people"), "{imported}");
}

#[test]
fn one_answer_lets_in_every_job_of_its_run_that_waited() {
    let github = shop();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let made = ago(0);
    let _served = app.start(&["--sweep", "1"]);
    until("an answer", || told(&github).decided.is_some());
    let jobs =
        github.with(|world| [0, 1].map(|seconds| world.waited_and_deploys(RUN, "production", &made, &later(seconds))));
    until("both", || jobs.iter().all(|job| line(&app, &[job]).is_some()));
    for job in &jobs {
        let columns = line(&app, &[job]).unwrap();
        assert!(columns[10].parse::<u64>().is_ok(), "the decision that let it in: {columns:?}");
    }
    assert!(app.events("deployment_without_decision").is_empty());
    // What came up to the environment once these had begun waited for another answer.
    let other = github.with(|world| world.waited_and_deploys(RUN, "production", &later(2), &later(3)));
    until("the finding", || !app.events("deployment_without_decision").is_empty());
    assert_eq!(app.events("deployment_without_decision")[0]["deployment"], json!(other));
}

/// The app of a repository whose plan has no custom rules, and whose job asks by itself.
fn without_rules() -> Taking {
    let github = shop();
    asks(&github);
    github.with(|world| {
        world.rules.clear();
        world.contents.insert(".countersign/policy.yml".to_owned(), strict());
    });
    let mut taking = Taking::of(github);
    taking.start();
    // What ran before the record began is nobody's doing here.
    until("that the record began", || !taking.app.events("deployment_recorded").is_empty());
    taking
}

/// What the environment's own job is told.
fn ask(taking: &Taking) -> Value {
    let mut claims = taking.claims();
    claims["environment"] = json!("production");
    let (status, says) = taking.decision("environment=production", &tokens::token(&claims));
    assert_eq!(status, 200, "{says}");
    serde_json::from_str(&says).unwrap()
}

#[test]
fn a_job_that_asks_after_it_began_goes_on_by_its_answer_and_went_past_nobody() {
    let taking = without_rules();
    let deployment = taking.github.with(|world| world.deploys(RUN, "production", &ago(0)));
    until("that it began", || line(&taking.app, &[&deployment]).is_some());
    assert_eq!(ask(&taking)["decision"], "hold");
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(taking.app.events("deployment_without_decision").is_empty());
    taking.github.with(|world| {
        let says = format!("/countersign approve production {}: read it", &sha("51")[..12]);
        world.comment(12, "IC_1", "bo", &says, &ago(0)).is_null();
    });
    until("that it may", || {
        std::thread::sleep(std::time::Duration::from_secs(1));
        ask(&taking)["decision"] == "proceed"
    });
    until("its decision", || line(&taking.app, &[&deployment]).is_some_and(|it| it[10].parse::<u64>().is_ok()));
    // What may go is decided anew each time: somebody can take his word back.
    taking.github.with(|world| world.edit_comment(12, "IC_1", "never mind", &later(1)));
    assert_eq!(ask(&taking)["decision"], "hold");
    taking.github.with(|world| world.ends(&deployment, "SUCCESS", &later(2)));
    until("its end", || line(&taking.app, &[&deployment, "succeeded"]).is_some());
    assert!(taking.app.events("deployment_without_decision").is_empty());
}

#[test]
#[ignore = "it waits for more than two minutes: `cargo test --all-features --test it app::past_us -- --ignored`; of_told and of_job are tried without waiting"]
fn a_job_that_asks_late_is_found_and_is_no_emergency() {
    let taking = without_rules();
    let began = std::time::Instant::now();
    let deployment = taking.github.with(|world| world.deploys(RUN, "production", &ago(0)));
    let unasked = taking.github.with(|world| {
        let run = world.runs[0].clone();
        world.runs.push(crate::support::github::world::Run { id: 950, ..run });
        world.deploys(950, "production", &later(1))
    });
    while taking.app.events("deployment_without_decision").len() < 2 {
        assert!(began.elapsed().as_secs() < 240, "{}", summary(&taking.app));
        std::thread::sleep(std::time::Duration::from_secs(1));
    }
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(taking.app.events("deployment_imported").is_empty());
    assert_eq!(ask(&taking)["decision"], "hold");
    for job in [&deployment, &unasked] {
        taking.github.with(|world| world.ends(job, "FAILURE", &later(1)));
    }
    until("its end", || line(&taking.app, &[&deployment, "cancelled"]).is_some());
    until("the import", || !taking.app.events("deployment_imported").is_empty());
    std::thread::sleep(std::time::Duration::from_secs(3));
    let imported = taking.app.events("deployment_imported");
    assert_eq!(imported.len(), 1, "{imported:?}");
    assert_eq!(imported[0]["run"], json!(950));
}

#[test]
fn a_job_that_asked_was_told_to_wait_and_ended_went_nowhere() {
    let taking = without_rules();
    let deployment = taking.github.with(|world| world.deploys(RUN, "production", &ago(0)));
    assert_eq!(ask(&taking)["decision"], "hold");
    taking.github.with(|world| world.ends(&deployment, "FAILURE", &later(1)));
    until("its end", || line(&taking.app, &[&deployment, "cancelled"]).is_some());
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert!(taking.app.events("deployment_without_decision").is_empty());
    assert!(taking.app.events("deployment_imported").is_empty());
    // That it did nothing is its own word: it is found, once, and nothing is owed for it.
    let found = taking.app.events("deployment_ended_after_hold");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["deployment"], json!(deployment));
    assert_eq!(found[0]["finding"], json!("ended_after_hold"));
    // Whoever asked and went on although he might not went past.
    taking.github.with(|world| {
        let run = world.runs[0].clone();
        world.runs.push(crate::support::github::world::Run { id: 950, ..run });
    });
    let other = taking.github.with(|world| world.deploys(950, "production", &later(3)));
    let mut claims = taking.github.claims(950, &taking.url);
    claims["environment"] = json!("production");
    let (status, says) = taking.decision("environment=production", &tokens::token(&claims));
    assert_eq!(status, 200, "{says}");
    taking.github.with(|world| world.ends(&other, "SUCCESS", &later(4)));
    until("the finding", || !taking.app.events("deployment_without_decision").is_empty());
    assert_eq!(taking.app.events("deployment_without_decision")[0]["deployment"], json!(other));
}

#[test]
fn a_failure_that_somebody_took_out_of_the_list_is_a_failure() {
    let github = shop();
    policy(&github, &format!("{POLICY}{REVIEW}"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("an answer", || told(&github).decided.is_some());
    let deployment = github.with(|world| world.deploys(RUN, "production", &ago(0)));
    until("that it began", || line(&app, &[&deployment, "900"]).is_some());
    github.with(|world| {
        world.ends(&deployment, "FAILURE", &ago(0));
        world.forgets(&deployment);
    });
    until("the failure", || line(&app, &[&deployment, "failed"]).is_some());
    assert!(listed(&app, "obligations").contains("pir-"), "{}", listed(&app, "obligations"));
}

#[test]
fn a_failure_leaves_what_the_policy_asked_for_that_the_release_began_with() {
    let github = shop();
    policy(&github, &format!("{POLICY}{REVIEW}"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    policy(&github, POLICY);
    reviews(&github, "bo", "APPROVED");
    goes(&app, &github, RUN, "FAILURE");
    assert!(listed(&app, "obligations").contains("pir-"), "{}", listed(&app, "obligations"));
}

#[test]
fn each_failure_of_a_release_leaves_its_own_review_and_the_board_is_told_of_each() {
    let github = shop();
    let board = "reviews: { pir: { when: \"outcome == 'failed'\", by: shop-owner, within: 5bd },\n  \
                 board: { notify: [\"slack:#board\"], when: \"outcome == 'failed'\" } }\nretry_within: 1h\n";
    policy(&github, &format!("{POLICY}{board}"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "FAILURE");
    let owed = |kind: &str| listed(&app, "obligations").lines().filter(|line| line.contains(kind)).count();
    let told = || listed(&app, "outbox").lines().filter(|line| line.contains("slack:#board")).count();
    assert_eq!((owed("pir-"), owed("notify_board-"), told()), (1, 1, 1));
    std::thread::sleep(std::time::Duration::from_secs(1));
    again(&github, 2);
    goes(&app, &github, RUN, "FAILURE");
    assert_eq!((owed("pir-"), owed("notify_board-"), told()), (2, 2, 2), "{}", listed(&app, "outbox"));
}

/// Somebody comments on the change of the release that owes.
fn comments(app: &App, served: &Served, name: &str, who: &str, says: &str) {
    app.github.with(|world| world.comment(12, name, who, says, &ago(0)).is_null());
    let one = payload(json!({"action": "created", "issue": {"number": 12, "pull_request": {}}}));
    takes(served, "issue_comment", &id(), &one);
}

#[test]
fn n15_after_somebody_went_past_the_next_release_is_judged_with_what_went_and_goes_on() {
    let github = shop();
    let owners = "members: [\"github:ana\", \"github:bo\", \"github:carla\"]";
    policy(&github, &strict().replace("members: [\"github:@acme/shop-leads\"]", owners));
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("the audit", || listed(&app, "obligations").contains("audit-"));
    next(&github, "checkout/basket.rs");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let owed = listed(&app, "obligations");
    let audit = owed.split_whitespace().find(|word| word.starts_with("audit-")).unwrap().to_owned();
    comments(&app, &served, "IC_v", "bo", &format!("/countersign validate production {audit} https://runs.example/7"));
    let met = || listed(&app, "obligations").lines().any(|it| it.contains(&audit) && !it.trim_end().ends_with("\t-"));
    until("the audit to be met", met);
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    // What went past is part of what goes now, and whoever wrote it does not approve it.
    reviews_of(&github, 1, "ana");
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    assert!(summary(&app).contains("ana"), "{}", summary(&app));
    reviews_of(&github, 1, "carla");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
    assert!(app.events("release_decided").iter().all(|it| !it["summary"].to_string().contains("--since")));
    drop(served);
    verified(&app);
}

#[test]
fn n15_what_was_let_go_and_never_ran_is_no_place_to_begin_from_after_somebody_went_past() {
    let github = shop();
    github.with(|world| {
        world.user("dan", "User").user("eve", "User");
    });
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "SUCCESS");
    // What `bo` wrote is let go, and its run is stopped before its job begins.
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    lands(&github, (14, "dan", "checkout/till.rs"), ("61", "c3", "71"));
    run(&github, 902, "71");
    github.with(|world| {
        world.bypasses(902, "production", "eve");
        let deployment = world.deploys(902, "production", &later(1));
        world.ends(&deployment, "SUCCESS", &later(1));
    });
    until("the finding", || !app.events("deployment_without_decision").is_empty());
    lands(&github, (15, "dan", "checkout/till.rs"), ("71", "c4", "81"));
    run(&github, 903, "81");
    reviews_of(&github, 3, "bo");
    until("a report", || !told_of(&github, 903).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    // It has gone nowhere by a decision, and so it goes with this, and `bo` wrote it.
    assert_eq!(told_of(&github, 903).decided, None, "{}", summary(&app));
    assert!(summary(&app).contains("bo: wrote"), "{}", summary(&app));
    reviews_of(&github, 3, "carla");
    until("an answer", || told_of(&github, 903).decided.is_some());
}

#[test]
fn what_never_ran_is_no_place_to_begin_from_although_somebody_writes_that_it_runs() {
    let github = shop();
    github.with(|world| {
        world.user("dan", "User");
    });
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "SUCCESS");
    // What `bo` wrote is let go, its job never works, and somebody writes that it went well.
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    let stopped = github.with(|world| world.deploys(NEXT, "production", &later(1)));
    github.with(|world| world.ends(&stopped, "SKIPPED", &later(1)));
    until("its end", || line(&app, &[&stopped, "cancelled"]).is_some());
    github.with(|world| world.writes_status(&stopped, "SUCCESS", &later(2)));
    lands(&github, (14, "dan", "checkout/till.rs"), ("61", "c3", "71"));
    run(&github, 902, "71");
    reviews_of(&github, 2, "bo");
    until("a report", || !told_of(&github, 902).reports.is_empty() || told_of(&github, 902).decided.is_some());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    // `bo` cannot approve alone what he wrote himself.
    assert_eq!(told_of(&github, 902).decided, None, "{}", summary(&app));
}

#[test]
fn an_environment_that_is_held_no_longer_is_found_once_and_again_after_it_was_held() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("that it is held", || app.events("environment_held").len() == 1);
    github.with(|world| world.settings.rules.insert("production".to_owned(), false));
    until("the finding", || app.events("environment_not_held").len() == 1);
    // Another process knows it from the record.
    drop(served);
    let served = app.start(&["--sweep", "1"]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(app.events("environment_not_held").len(), 1);
    github.with(|world| world.settings.rules.insert("production".to_owned(), true));
    until("that it is held again", || app.events("environment_held").len() == 2);
    github.with(|world| world.settings.rules.clear());
    until("the finding again", || app.events("environment_not_held").len() == 2);
    drop(served);
    verified(&app);
}
