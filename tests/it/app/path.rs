//! The whole path, with real processes: deliveries come out of order and twice, the app is killed, and each deployment is
//! answered once.

use std::time::Duration;

use serde_json::json;

use super::{
    App, NEXT, POLICY, RUN, ago, answers, asks, deliver, id, next_release, payload, reviews, reviews_of, shop, takes,
    told, told_of, until, waits,
};

#[test]
fn a_deployment_is_held_explained_approved_and_opened_once() {
    let github = shop();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("the first sweep", || served.ask("GET /readyz").0 == 200);
    asks(&github);
    let review = payload(json!({"action": "approved", "workflow_run": {"id": RUN}}));
    // Out of order: what is said of the release comes before the release itself.
    assert_eq!(takes(&served, "deployment_review", &id(), &review), "recorded");
    let (first, waiting) = (id(), waits(&github));
    assert_eq!(takes(&served, "deployment_protection_rule", &first, &waiting), "recorded");
    assert_eq!(takes(&served, "deployment_protection_rule", &first, &waiting), "recorded_before");
    until("a report", || !told(&github).reports.is_empty());
    let report = told(&github).reports[0].clone();
    assert!(report.contains("held before production"), "{report}");
    assert!(report.contains("bo") && report.contains("carla"), "{report}");
    assert!(!report.contains("ana"), "whoever wrote it is not asked: {report}");
    // What changes nothing is not told again.
    takes(&served, "pull_request", &id(), &payload(json!({"action": "labeled", "pull_request": {"number": 12}})));
    until("a second decision", || app.events("release_decided").len() >= 2);

    // It is killed at work; who approved meanwhile is found by whoever is started next.
    reviews(&github, "bo", "APPROVED");
    takes(&served, "deployment_review", &id(), &review);
    drop(served);
    let served = app.start(&["--sweep", "300"]);
    until("an answer", || told(&github).decided.is_some());
    let (state, comment) = told(&github).decided.unwrap();
    assert_eq!(state, "approved", "{comment}");
    assert!(comment.contains("production may proceed"), "{comment}");
    // What still comes of it opens nothing twice.
    for _ in 0..3 {
        takes(&served, "deployment_review", &id(), &review);
        takes(&served, "deployment_protection_rule", &id(), &waiting);
    }
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(told(&github).reports.len(), 1, "{:?}", told(&github).reports);
    assert_eq!(answers(&github), 1);

    let (status, _, body) = served.ask("GET /metrics");
    let metrics = String::from_utf8(body).unwrap();
    assert_eq!(status, 200);
    assert!(metrics.contains("countersign_decisions_total{ruling=\"proceed\"}"), "{metrics}");
    drop(served);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let listed = app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]);
    assert!(listed.out.contains("proceed") && listed.out.contains("hold"), "{}", listed.out);
    let log = app.world.read("app.log");
    for canary in [super::SECRET, "ghs_canary", "BEGIN PRIVATE KEY"] {
        assert!(!log.contains(canary), "the log shows {canary}");
    }
}

#[test]
fn f06_without_any_delivery_it_comes_to_the_same() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    reviews(&github, "carla", "APPROVED");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    assert_eq!(answers(&github), 1);
    drop(served);
}

#[test]
fn what_runs_is_what_the_record_opened_and_not_what_a_forge_lists() {
    let github = shop();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    // Nothing opened production for what GitHub lists there.
    let served = app.start_with(&app.options_without("--since"), &["--sweep", "1"]);
    until("two looks", || app.looks() > 1);
    assert_eq!(told(&github).decided, None, "{:?}", app.events("release_decided").last());
    let why = app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]);
    assert!(!why.out.contains("proceed"), "{}", why.out);
    drop(served);

    // Who knows what ran before says so; and what was opened since needs nobody's word.
    let served = app.start(&["--sweep", "1"]);
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    drop(served);
    next_release(&github);
    let _served = app.start_with(&app.options_without("--since"), &["--sweep", "1"]);
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    reviews_of(&github, 1, "bo");
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(
        told_of(&github, NEXT).decided,
        None,
        "bo wrote what came since: {:?}",
        app.events("release_decided").last()
    );
    reviews_of(&github, 1, "carla");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
}

#[test]
fn a_final_rejection_fails_the_run_and_nothing_else_does() {
    let github = shop();
    asks(&github);
    let last = "accountable: 1 }, escalate: { undecided_after: 4h, to: [shop-owner], final: shop-owner }";
    let policy = POLICY.replace("accountable: 1 }", last);
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    reviews(&github, "bo", "REJECTED");
    until("an answer", || told(&github).decided.is_some());
    let (state, comment) = told(&github).decided.unwrap();
    assert_eq!(state, "rejected");
    assert!(comment.contains("bo"), "{comment}");
}

#[test]
fn nobody_steps_in_for_people_who_were_not_asked_yet() {
    let github = shop();
    asks(&github);
    // Its run was made ten hours ago, and its job waited behind another one: nobody looked at it before now.
    github.with(|world| {
        world.runs[0].created_at = ago(600);
        world.user("noor", "User");
    });
    let policy = super::messages::told("").replace("undecided_after: 1bd", "undecided_after: 4h");
    super::ledger::policy(&github, &policy);
    reviews(&github, "noor", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{:?}", app.events("release_decided").last());
    // Nor does another process take it for older than it is, and what has not changed is not decided again.
    drop(served);
    let decisions = app.events("release_decided").len();
    let _served = app.start(&["--sweep", "1"]);
    let before = app.looks();
    until("looks of another process", || app.looks() > before + 2);
    assert_eq!(app.events("release_decided").len(), decisions);
    assert_eq!(told(&github).decided, None);
    reviews(&github, "carla", "APPROVED");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn t14_a_release_under_way_keeps_the_stricter_of_two_policies() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    let looser = POLICY.replace("production: { approval: formal", "production: { approval: automatic");
    assert_ne!(looser, POLICY);
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), looser));
    let before = app.looks();
    until("decisions by the new policy", || app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{:?}", app.events("release_decided").last());
    // Whoever is started next has only the record to know it from.
    drop(served);
    let before = app.looks();
    let _served = app.start(&["--sweep", "1"]);
    until("decisions by another process", || app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{:?}", app.events("release_decided").last());
    // The stricter of the two is met in the end.
    reviews(&github, "bo", "APPROVED");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn what_has_not_changed_is_not_recorded_again() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("looks that found nothing new", || app.events("release_unchanged").len() > 3);
    assert_eq!(app.events("release_decided").len(), 1);
    // A delivery is answered by a decision of its own, which says so.
    let review = payload(json!({"action": "approved", "workflow_run": {"id": RUN}}));
    takes(&served, "deployment_review", &id(), &review);
    until("the answer to a delivery", || app.events("release_decided").len() == 2);
    // A policy that says the same in other words is another.
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), format!("{POLICY}# the same\n")));
    until("a decision by the other policy", || app.events("release_decided").len() == 3);
    let before = app.looks();
    until("looks that found nothing new", || app.looks() > before + 2);
    assert_eq!(app.events("release_decided").len(), 3);
    drop(served);
    let listed = app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]);
    assert_eq!(listed.out.matches("\thold\t").count(), 3, "{}", listed.out);
    assert_eq!(told(&github).reports.len(), 1, "{:?}", told(&github).reports);
}

#[test]
fn t16_what_has_no_policy_is_held_by_a_decision_that_is_recorded() {
    let github = shop();
    asks(&github);
    github.with(|world| world.contents.clear());
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    // Whoever waits is told, once.
    until("a report", || !told(&github).reports.is_empty());
    assert!(told(&github).reports[0].contains("has no policy at"), "{:?}", told(&github).reports);
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(app.events("release_decided").len(), 1, "what has not changed is not recorded again");
    let policy = "version: 1\ngates: 7\n".to_owned();
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    until("another decision", || app.events("release_decided").len() == 2);
    until("another report", || told(&github).reports.len() == 2);
    let said = &told(&github).reports[1];
    assert!(said.contains(".countersign/policy.yml:1:") && said.contains("environments"), "{said}");
    assert_eq!(answers(&github), 0);
    drop(served);
    let listed = app.world.run(&["db", "list", "decisions", "--database", "sqlite:record.db"]);
    assert_eq!(listed.out.matches("\thold\t").count(), 2, "{}", listed.out);
    let shown = app.world.run(&["log", "show", "--database", "sqlite:record.db"]);
    assert_eq!(shown.out.matches("  decision  ").count(), 2, "{}", shown.out);
}

#[test]
fn t14_what_was_held_for_want_of_a_policy_was_decided_by_none() {
    let github = shop();
    asks(&github);
    let policy = |text: &str| {
        let text = text.to_owned();
        github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), text));
    };
    policy("version: 1\ngates: 7\n");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("a decision", || app.events("release_decided").len() == 1);
    // The first policy by which it is decided is the one that stays, though what was decided first had none.
    policy(POLICY);
    until("a decision by a policy", || app.events("release_decided").len() == 2);
    policy("version: 1\ngates: 7\n");
    until("a decision by none", || app.events("release_decided").len() == 3);
    policy(&POLICY.replace("production: { approval: formal", "production: { approval: automatic"));
    let before = app.looks();
    until("decisions by the looser policy", || app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{:?}", app.events("release_decided").last());
    reviews(&github, "bo", "APPROVED");
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn a_deployment_that_is_told_to_go_is_told_although_the_answer_was_lost() {
    let github = shop();
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    // The first try arrives, and its answer is lost on the way back.
    github.trouble("deployment_protection_rule", crate::support::github::Trouble::Lost);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("an answer", || told(&github).decided.is_some());
    until("the end of the effect", || !app.events("deployment_answered").is_empty());
    assert!(deliver(&served, "ping", &id(), &payload(json!({}))).is_some());
}
