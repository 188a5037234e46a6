//! Several processes that are one app, and one that is started again: what was taken once stays taken, who is logged in stays
//! logged in and goes when he is to go, and a deployment opens once.

use std::time::{Duration, Instant};

use countersign::store::address::Address;
use serde_json::json;

use super::pages::{RELEASE, Shown, serve};
use super::taking::{Taking, policy};
use super::whole::PASSING;
use super::{App, POLICY, RUN, answers, asks, deliver, id, payload, reviews, shop, told, until, waits};
use crate::store::Database;
use crate::support::github::tokens;

/// A server's database for the app; `None` where there is no server.
pub fn on_postgres(app: &mut App) -> Option<Database> {
    let database = Database::postgres()?;
    let Address::Postgres(url) = &database.address else { panic!("{:?}", database.address) };
    app.database.clone_from(url);
    Some(database)
}

#[test]
fn t45_a_token_that_was_shown_before_a_restart_is_not_taken_after_it() {
    let mut taking = Taking::new();
    let token = tokens::token(&taking.claims());
    let (status, said) = taking.decision("environment=production", &token);
    assert_eq!(status, 200, "{said}");
    taking.served = None;
    taking.start();
    let (status, said) = taking.decision("environment=production", &token);
    assert_eq!(status, 401, "{said}");
    assert!(said.contains("shown before"), "{said}");
}

#[test]
fn a_restart_logs_nobody_out_and_who_was_suspended_meanwhile_does_not_come_back() {
    let mut it = super::pages::shown(POLICY, &[]);
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    assert_eq!(it.get(&bo, RELEASE).status, 200);
    let token = it.get(&bo, RELEASE).field("token");
    it.github.with(|world| world.suspended.push("carla".to_owned()));
    it.served.child.kill().unwrap();
    it.served.child.wait().unwrap();
    it.served = serve(&it.app, &[]);
    let page = it.get(&bo, RELEASE);
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(page.field("token"), token, "a form that was open before the restart still counts");
    assert_eq!(it.get(&carla, RELEASE).status, 403);
    // Nothing in the database is what GitHub gave, or a key of a session.
    let key = bo.cookie(super::pages::COOKIE).unwrap();
    for file in ["record.db", "record.db-wal"] {
        let bytes = std::fs::read(it.app.world.path().join(file)).unwrap_or_default();
        for canary in ["ghu_", key.as_str()] {
            assert!(memchr::memmem::find(&bytes, canary.as_bytes()).is_none(), "{file} has {canary}");
        }
    }
}

#[test]
fn t20_a_session_is_one_on_all_replicas_and_ends_on_all_of_them() {
    let github = shop();
    asks(&github);
    let mut app = App::new(&github);
    let Some(_database) = on_postgres(&mut app) else { return };
    let served = serve(&app, &["--recheck", "1"]);
    let other = serve(&app, &["--recheck", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    let it = Shown { app, github, served };
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    for browser in [&bo, &carla] {
        assert_eq!(it.get(browser, RELEASE).status, 200);
        assert_eq!(browser.get(&other.address, RELEASE).status, 200, "the other does not know who logged in here");
    }
    // Who leaves one has left both, at once.
    let form = format!("token={}", bo.get(&other.address, RELEASE).field("token"));
    let kept = bo.cookie(super::pages::COOKIE).unwrap();
    assert_eq!(bo.post(&other.address, "/logout", super::pages::ORIGIN, &form).status, 303);
    bo.set_cookie(super::pages::COOKIE, &kept);
    assert_eq!(it.get(&bo, RELEASE).status, 403);
    // Who is suspended is gone from both in time, whichever had asked of him last.
    it.github.with(|world| world.suspended.push("carla".to_owned()));
    std::thread::sleep(Duration::from_millis(1_100));
    assert_eq!(it.get(&carla, RELEASE).status, 403);
    assert_eq!(carla.get(&other.address, RELEASE).status, 403);
}

#[test]
fn a_deployment_opens_once_whatever_two_replicas_are_told_and_whichever_is_killed() {
    let github = shop();
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy()));
    let mut taking = Taking::of(github.clone());
    taking.sweep = "300";
    let Some(_database) = on_postgres(&mut taking.app) else { return };
    taking.start();
    let mut options = taking.app.options();
    options.extend(["--public-url".to_owned(), taking.url.clone()]);
    let other = || taking.app.start_with(&options, &["--sweep", "300"]);
    let mut second = other();
    until("the first sweeps", || [taking.served(), &second].iter().all(|it| it.ask("GET /readyz").0 == 200));

    // Out of order, and each to both: the review before what it is of.
    asks(&github);
    let review = payload(json!({"action": "approved", "workflow_run": {"id": RUN}}));
    let (early, first, waiting) = (id(), id(), waits(&github));
    let both = |second: &_, event: &str, id: &str, body: &_| {
        let came = [taking.served(), second].map(|served| deliver(served, event, id, body).map(|it| it.0));
        assert_eq!(came, [Some(202), Some(202)]);
    };
    both(&second, "deployment_review", &early, &review);
    both(&second, "deployment_protection_rule", &first, &waiting);
    until("a report", || !told(&github).reports.is_empty());
    assert!(told(&github).reports[0].contains("held before production"), "{:?}", told(&github).reports);

    // The gate hands in what its job found, to the one; the other is killed, and comes back.
    let job = taking.job(RUN, 1, "51", PASSING);
    let said = taking.submits(&job);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    drop(second);
    second = other();
    until("its sweep", || second.ask("GET /readyz").0 == 200);

    // Somebody approves. Both are told, twice and late, and the one that took the evidence is killed at work.
    reviews(&github, "bo", "APPROVED");
    let told_of = id();
    for _ in 0..2 {
        both(&second, "deployment_review", &told_of, &review);
        both(&second, "deployment_protection_rule", &first, &waiting);
    }
    taking.served = None;
    taking.start();
    // Where the one who was killed had begun to answer, the other waits until its minute is over.
    let end = Instant::now() + Duration::from_secs(100);
    while told(&github).decided.is_none() {
        assert!(Instant::now() < end, "an answer did not come");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    for served in [taking.served(), &second] {
        assert_eq!(deliver(served, "deployment_protection_rule", &id(), &waiting).map(|it| it.0), Some(202));
    }
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(answers(&github), 1, "it was answered by both");

    drop(second);
    taking.served = None;
    let database = taking.app.database.clone();
    let verified = taking.app.world.run(&["log", "verify", "--database", &database, "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
    let listed = taking.app.world.run(&["db", "list", "outbox", "--database", &database]).out;
    assert_eq!(listed.lines().filter(|line| line.contains("\twaiting\t")).count(), 0, "{listed}");
    let taken = taking.app.world.run(&["db", "list", "deliveries", "--database", &database]).out;
    for id in [&early, &first, &told_of] {
        assert_eq!(taken.matches(id.as_str()).count(), 1, "{id}: {taken}");
    }
}

#[test]
fn n15_two_replicas_that_find_one_job_at_once_under_both_its_names_owe_for_it_once() {
    let github = shop();
    super::ledger::policy(&github, &super::outside::with_emergencies());
    asks(&github);
    let mut taking = Taking::of(github.clone());
    taking.sweep = "1";
    let Some(_database) = on_postgres(&mut taking.app) else { return };
    taking.start();
    let mut options = taking.app.options();
    options.extend(["--public-url".to_owned(), taking.url.clone()]);
    let second = taking.app.start_with(&options, &["--sweep", "1"]);
    until("the first sweeps", || [taking.served(), &second].iter().all(|it| it.ask("GET /readyz").0 == 200));
    until("a report", || !told(&github).reports.is_empty());
    // The job tells of itself, and the forge lists it: from then on each replica finds it under both names.
    let mut claims = taking.claims();
    claims["environment"] = json!("production");
    let bearer = format!("Bearer {}", tokens::token(&claims));
    let body = super::outside::report(&taking, "started").to_string();
    let (status, says) = super::outside::posts(&taking, &[("authorization", &bearer)], body.as_bytes());
    assert_eq!(status, 200, "{says}");
    // Whoever reads takes long enough for the other to begin.
    github.far(Duration::from_millis(300));
    let deployment = github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        world.deploys(RUN, "production", &super::ago(0))
    });
    let database = taking.app.database.clone();
    let run = |arguments: &[&str]| taking.app.world.run(&[arguments, &["--database", &database]].concat()).out;
    let taken = |name: &str| {
        let shown = run(&["log", "show", "--log-key", "log.pub"]);
        shown.lines().any(|line| line.contains("\"imported\"") && line.contains(name))
    };
    until("that it is taken up", || taken(&deployment));
    until("that it is the same", || taken("told:"));
    std::thread::sleep(Duration::from_secs(3));
    let owed = run(&["db", "list", "obligations"]);
    assert_eq!(owed.lines().filter(|line| line.contains("audit-")).count(), 1, "{owed}");
    assert_eq!(taking.app.events("deployment_imported").len(), 1);
    // One decision says what became of it, and both names lead there.
    let shown = run(&["log", "show", "--log-key", "log.pub"]);
    let decided = |line: &str| {
        line.split_once("\"decided\":")
            .map(|(_, rest)| rest.chars().take_while(char::is_ascii_digit).collect::<String>())
    };
    let by: Vec<String> = shown.lines().filter(|line| line.contains("\"imported\"")).filter_map(decided).collect();
    assert!(by.len() >= 2 && by.iter().all(|it| *it == by[0]), "{by:?}");
}
