//! When a period ends: reports are made once, told, and taken from a page; approvers are asked once what is worth its while,
//! and answer once.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use countersign::decide::release;
use countersign::flow::decided::Beside;
use countersign::flow::receipt::{self, Decided};
use countersign::flow::replay;
use countersign::log::note::Signer;
use countersign::log::receipt::sha256;
use countersign::model::facts::Facts;
use countersign::model::period::{Every, Period};
use countersign::policy::{self, Source};
use countersign::report::json;
use countersign::store::address::Address;
use serde_json::json;

use super::messages::{self, webhook};
use super::pages::{ORIGIN, Shown, serve};
use super::replicas::on_postgres;
use super::{App, asks, ledger, shop, until};
use crate::support::github::Trouble;
use crate::support::github::world::{REPOSITORY, sha};
use crate::support::receiver::Receiver;

pub const RELEASE: &str = "shop 2.3.0";

fn policy_text(url: &str) -> String {
    messages::told(&format!("notify: {{ webhook: '{url}' }}\n"))
        .replace("roles:\n", "roles:\n  auditor: { members: [\"group:audit\"], may: [read] }\n")
        + "survey: { every: week, ask: approvers }\n\
           reports: { every: week, to: [auditor], kinds: [population, access_review] }\n"
}

/// The week that ended last.
pub fn week() -> Period {
    Period::ended(Every::Week, Utc::now(), chrono_tz::UTC).unwrap()
}

/// A release that `bo` approved in the last week, as the record would have it: it was held once by its tests.
pub fn decided(app: &App, text: &str, at: DateTime<Utc>) {
    let source = Source {
        path: ".countersign/policy.yml".into(),
        text: text.into(),
        sha256: sha256(text.as_bytes()),
        from: None,
    };
    let read = policy::read(vec![source.clone()]).unwrap_or_else(|_| panic!("{text}"));
    let instant = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let approval = json!({
        "id": "review-1", "at": instant(at), "by": "github:bo", "via": "environment", "does": { "approve": {} },
        "saw": { "environment": "production", "components": { "checkout": "c1" }, "repository": REPOSITORY },
        "standing": "stands", "impersonated_by": null,
    });
    let facts = json!({
        "version": 1,
        "release": {
            "name": RELEASE, "forge": "github", "repository": REPOSITORY, "environment": "production", "commit": sha("b0"),
            "submitted_at": instant(at), "asked_since": null, "changes": [], "trigger": null,
            "reference": { "name": "refs/heads/main", "reaches": true, "resolves_to": sha("b0") },
            "components": { "checkout": { "content": "c1", "artifacts": [] } },
        },
        "incidents": [], "obligations": [], "deployments": [], "acts": [approval],
        "accounts": { "github:bo": { "kind": "person", "active": true, "person": null } },
        "groups": { "github:@acme/shop-leads": [{ "account": "github:bo" }] },
    });
    let facts_text = facts.to_string();
    let facts = Facts::read(facts_text.as_bytes()).unwrap();
    let decision = release::decide(&read, &facts, at).by_document(facts_text.as_bytes());
    let document = json::release(&decision).unwrap();
    let policy = replay::layers(&[source], &[]);
    let decided = Decided { policy, before: Vec::new(), facts_text, facts: &facts, decision: &decision, document };
    let address = match app.database.strip_prefix("sqlite:") {
        Some(file) => Address::Sqlite(app.world.path().join(file)),
        None => Address::parse(&app.database).unwrap(),
    };
    let signer = Signer::parse(app.world.read("log.key").trim()).unwrap();
    receipt::record(decided, &Beside::default(), &address, signer, at).unwrap();
}

/// How many entries of a kind the log has.
fn entries(app: &App, kind: &str) -> usize {
    let shown = app.world.run(&["log", "show", "--database", &app.database, "--limit", "1000"]).out;
    shown.lines().filter(|line| line.split("  ").nth(2) == Some(kind)).count()
}

fn began() -> (Receiver, Shown) {
    began_for("group:audit", &[])
}

/// The same, with reports for whoever is in a group.
fn began_for(group: &str, more: &[&str]) -> (Receiver, Shown) {
    let receiver = Receiver::start();
    let url = format!("http://{}/x", receiver.address);
    let text = policy_text(&url).replace("group:audit", group);
    let github = shop();
    github.with(|world| world.teams.insert("acme/audit".to_owned(), vec!["carla".to_owned()]));
    ledger::policy(&github, &text);
    asks(&github);
    let app = App::new(&github);
    // Whoever audits is in no group of the forge.
    let roster = "groups: { 'github:@acme/shop-leads': [github:bo, github:carla], 'group:audit': [github:bo] }";
    app.world.write("roster.yml", roster);
    decided(&app, &text, week().from + TimeDelta::hours(30));
    app.world.write("new", webhook::SECRET);
    let hook = format!("--message-webhook={url}=new");
    let served = serve(&app, &[&["--private-webhooks", &hook], more].concat());
    until("the reports", || !app.events("reports_made").is_empty());
    until("the survey", || !app.events("survey_begun").is_empty());
    (receiver, Shown { app, github, served })
}

#[test]
fn a5_reports_are_made_once_told_and_taken_by_whom_the_policy_has_them_for() {
    let (receiver, mut it) = began();
    let told = |word: &str| {
        let came = receiver.came();
        came.iter().filter(|it| it.json()["type"] == format!("release.{word}")).count()
    };
    until("word of the reports", || told("reported") == 1);
    until("word of the survey", || told("surveyed") == 1);
    // One that is started again finds them made and told.
    std::thread::sleep(std::time::Duration::from_millis(500));
    it.served.child.kill().unwrap();
    it.served.child.wait().unwrap();
    let hook = format!("--message-webhook=http://{}/x=new", receiver.address);
    it.served = serve(&it.app, &["--private-webhooks", &hook]);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!((entries(&it.app, "report"), told("reported"), told("surveyed")), (2, 1, 1));

    let bo = it.login("bo");
    let label = week().label;
    assert!(it.get(&bo, "/").text().contains("href=\"/reports\""));
    assert!(it.get(&bo, "/reports").text().contains(REPOSITORY));
    let page = it.get(&bo, &format!("/reports?repository={REPOSITORY}"));
    let file = format!("population-{label}.csv");
    assert!(
        page.text().contains(&file) && page.text().contains(&format!("access_review-{label}.json")),
        "{}",
        page.text()
    );
    let form = |repository: &str, file: &str| {
        format!("token={}&repository={repository}&period={label}&file={file}", page.field("token"))
    };
    let post = |form: &str| bo.post(&it.served.address, "/report", ORIGIN, form);
    let taken = post(&form(REPOSITORY, &file));
    assert_eq!(taken.status, 200, "{}", taken.text());
    // Nothing was deployed that the record knows of; what was decided and did not go is no row either.
    assert!(taken.text().starts_with("reconciled,repository,environment,"), "{}", taken.text());
    assert_eq!(entries(&it.app, "reading"), 1);
    for (repository, file) in [("acme/secret", file.as_str()), (REPOSITORY, "survey.json"), (REPOSITORY, "../x")] {
        assert_eq!(post(&form(repository, file)).status, 404);
    }
    assert_eq!(it.get(&bo, "/reports?repository=acme/secret").status, 404);
    assert_eq!(entries(&it.app, "reading"), 1);
    // `carla` reads the repository, and holds none of the roles that the policy names.
    let carla = it.login("carla");
    let reports = format!("/reports?repository={REPOSITORY}");
    let closed = it.get(&carla, &reports);
    assert_eq!(closed.status, 403);
    assert!(closed.text().contains("for whoever holds auditor") && !closed.text().contains(&file), "{}", closed.text());
    let theirs = form(REPOSITORY, &file).replace(&page.field("token"), &closed.field("token"));
    let refused = carla.post(&it.served.address, "/report", ORIGIN, &theirs);
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.text().contains("not for you"), "{}", refused.text());
    assert_eq!(entries(&it.app, "reading"), 1);
    let access = post(&form(REPOSITORY, &format!("access_review-{label}.json")));
    assert!(access.text().contains("the group was not read for that decision"), "{}", access.text());

    // Where the policy names nobody they are for whoever administers the repository.
    it.github.with(|world| {
        let policy = world.contents.get_mut(".countersign/policy.yml").unwrap();
        *policy = policy.replace("reports: { every: week, to: [auditor], kinds: [population, access_review] }", "");
        world.admins.push("carla".to_owned());
    });
    until("another policy", || it.get(&carla, &reports).status == 200);
    assert!(it.get(&carla, &reports).text().contains(&file));
    let closed = it.get(&bo, &reports);
    assert_eq!(closed.status, 403);
    assert!(closed.text().contains("for whoever administers it"), "{}", closed.text());
}

/// How often the forge was asked who is in the team.
fn asked_for_the_team(it: &Shown) -> usize {
    it.github.asked().iter().filter(|asked| asked.body.to_string().contains("slug: \\\"audit\\\"")).count()
}

#[test]
fn a5_who_was_taken_out_of_the_team_reads_no_more_though_nothing_is_decided() {
    let (_receiver, it) = began_for("github:@acme/audit", &["--recheck", "2"]);
    // Nothing waits any more, and so nothing is decided.
    it.github.with(|world| {
        world.runs.clear();
        world.rules.clear();
    });
    let is_still = || {
        let before = it.app.looks();
        std::thread::sleep(std::time::Duration::from_secs(3));
        it.app.looks() == before
    };
    until("that nothing is looked at", is_still);
    let decisions = entries(&it.app, "decision");
    let reports = format!("/reports?repository={REPOSITORY}");
    let file = format!("population-{}.csv", week().label);
    let (carla, bo) = (it.login("carla"), it.login("bo"));
    // The team was not read for the decision that there is: it is asked for.
    let page = it.get(&carla, &reports);
    assert!(page.status == 200 && page.text().contains(&file), "{}", page.text());
    assert_eq!(it.get(&bo, &reports).status, 403);
    let form = format!("token={}&repository={REPOSITORY}&period={}&file={file}", page.field("token"), week().label);
    let take = || carla.post(&it.served.address, "/report", ORIGIN, &form);
    assert_eq!(take().status, 200);
    let taken = entries(&it.app, "reading");

    it.github.with(|world| world.teams.insert("acme/audit".to_owned(), vec!["bo".to_owned()]));
    until("his removal", || it.get(&carla, &reports).status == 403);
    assert!(it.get(&carla, &reports).text().contains("for whoever holds auditor"));
    assert_eq!((take().status, entries(&it.app, "reading")), (403, taken));
    assert_eq!(it.get(&bo, &reports).status, 200);

    // Who is in it cannot be told: nobody is shown anything, and it is said why.
    it.github.hide("acme/audit");
    until("the doubt", || it.get(&bo, &reports).status == 503);
    let doubt = it.get(&bo, &reports);
    assert!(
        doubt.text().contains("who is in github:@acme/audit could not be read") && !doubt.text().contains(&file),
        "{}",
        doubt.text()
    );
    assert_eq!((take().status, entries(&it.app, "reading")), (503, taken));
    assert_eq!(entries(&it.app, "decision"), decisions, "nothing was decided meanwhile");
}

#[test]
fn a5_whoever_comes_within_the_minute_costs_no_question_and_an_unread_policy_opens_to_nobody() {
    let (_receiver, it) = began_for("github:@acme/audit", &["--recheck", "60"]);
    let reports = format!("/reports?repository={REPOSITORY}");
    let (carla, bo) = (it.login("carla"), it.login("bo"));
    let before = asked_for_the_team(&it);
    for _ in 0..3 {
        assert_eq!((it.get(&carla, &reports).status, it.get(&bo, &reports).status), (200, 403));
    }
    assert_eq!(asked_for_the_team(&it) - before, 1);
    // An administrator reads where the policy names nobody; that it cannot be read says nothing of whom it names.
    it.github.with(|world| world.admins.push("bo".to_owned()));
    for _ in 0..200 {
        it.github.trouble(".countersign/policy.yml", Trouble::Answer(502, Vec::new(), String::new()));
    }
    let shut = it.get(&bo, &reports);
    assert!(shut.status == 503 && shut.text().contains("the policy could not be read"), "{}", shut.text());
    it.github.mend();
    assert_eq!(it.get(&bo, &reports).status, 403);
}

#[test]
fn a5_two_processes_at_once_make_them_once() {
    let receiver = Receiver::start();
    let url = format!("http://{}/x", receiver.address);
    let text = policy_text(&url);
    let github = shop();
    ledger::policy(&github, &text);
    asks(&github);
    let mut app = App::new(&github);
    let Some(database) = on_postgres(&mut app) else { return };
    decided(&app, &text, week().from + TimeDelta::hours(30));
    app.world.write("new", webhook::SECRET);
    let hook = format!("--message-webhook={url}=new");
    let both = [1, 2].map(|_| app.start(&["--sweep", "1", "--private-webhooks", &hook]));
    let told = |word: &str| {
        let came = receiver.came();
        came.iter().filter(|it| it.json()["type"] == format!("release.{word}")).count()
    };
    until("word of the reports", || told("reported") > 0 && told("surveyed") > 0);
    std::thread::sleep(std::time::Duration::from_secs(4));
    assert_eq!((entries(&app, "report"), told("reported"), told("surveyed")), (2, 1, 1));
    drop((both, database));
}

#[test]
fn m4_approvers_are_asked_once_answer_once_and_the_report_shows_it() {
    let (receiver, it) = began();
    let label = week().label;
    let asked = || receiver.came().into_iter().map(|it| it.json()).find(|it| it["type"] == "release.surveyed");
    until("the question", || asked().is_some());
    let question = asked().unwrap();
    assert!(
        question.to_string().contains(&format!("/survey?repository=acme%2Fshop&period={label}"))
            || question.to_string().contains(&format!("/survey?repository=acme/shop&period={label}")),
        "{question:#}"
    );

    let path = format!("/survey?repository={REPOSITORY}&period={label}");
    let (bo, carla) = (it.login("bo"), it.login("carla"));
    let page = it.get(&bo, &path);
    assert!(page.text().contains("tests") && page.text().contains("of 1 releases"), "{}", page.text());
    // Who approved nothing is shown what is asked, and not asked.
    let other = it.get(&carla, &path);
    assert!(other.text().contains("You are not asked") && !other.text().contains("radio"), "{}", other.text());
    let form = |token: &str, answer: &str| {
        format!("token={token}&repository={REPOSITORY}&period={label}&answer-0={answer}&says-0=never+red")
    };
    let post = |browser: &crate::support::browser::Browser, form: &str| {
        browser.post(&it.served.address, "/answer", ORIGIN, form).status
    };
    assert_eq!(post(&carla, &form(&other.field("token"), "redundant")), 403);
    assert_eq!(post(&bo, &form(&page.field("token"), "whatever")), 403);
    assert_eq!(post(&bo, &form(&page.field("token"), "redundant")), 303);
    assert!(it.get(&bo, &path).text().contains("You have answered."));
    assert_eq!(post(&bo, &form(&page.field("token"), "useful")), 303);
    assert_eq!(entries(&it.app, "answer"), 1);
    let report = ["report", "survey", "--period", &label, "--database", &it.app.database, "--log-key", "log.pub"];
    let said = it.app.world.run(&[&report[..], &["--format", "json"]].concat());
    let report: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    let row = &report["rows"][0];
    assert_eq!(
        (&row["item"], &row["redundant"], &row["useful"]),
        (&json!("tests"), &json!(1), &json!(0)),
        "{report:#}"
    );
    assert_eq!(row["words"][0]["says"], "never red");
}
