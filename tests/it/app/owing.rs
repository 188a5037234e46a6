//! What an emergency leaves to be done: owed, called to mind, and met by whom the policy names, who neither wrote it nor let
//! it go. Until then the team's next release is held.

use countersign::flow::sheet::{self, Looked, Met, Moment};
use countersign::store::address::Address;
use countersign::store::reader::Reader;
use serde_json::json;

use super::ledger::{goes, next, policy, summary};
use super::{App, NEXT, POLICY, RUN, ago, asks, id, payload, reviews, reviews_of, shop, takes, told, told_of, until};
use crate::support::served::Served;

/// A change of the basket goes a way of its own, on which `bo` may let it go and that leaves debts; the board is `ana`, `bo` and `carla`.
fn policy_of_emergencies() -> String {
    let then = "    then: { validate: { by: shop-owner, within: 1s, needs: evidence }, cab_review: { by: board, within: 1s } } }";
    POLICY
        .replace("roles:\n", "roles:\n  fixer: { members: [\"github:bo\"] }\n  board: { members: [\"github:ana\", \"github:bo\", \"github:carla\"], calendar: { hours: 24/7 } }\n")
        .replace("shop-owner: { members: [\"github:@acme/shop-leads\"] }", "shop-owner: { members: [\"github:@acme/shop-leads\"], calendar: { hours: 24/7 } }")
        .replace("routes:\n", &format!("routes:\n  urgent: {{ when: \"change.only('checkout/basket.rs')\", approvals: {{ fixer: 1 }},\n{then}\n"))
}

/// What is called so in the record.
fn called(app: &App, kind: &str) -> String {
    let listed = app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    listed.out.split_whitespace().find(|word| word.starts_with(&format!("{kind}-"))).unwrap_or_default().to_owned()
}

/// Somebody comments on the change of the release that owes, where nothing waits any longer.
fn comments(app: &App, served: &Served, (name, who): (&str, &str), says: &str) {
    app.github.with(|world| world.comment(12, name, who, says, &ago(0)).is_null());
    let one = payload(json!({"action": "created", "issue": {"number": 12, "pull_request": {}}}));
    takes(served, "issue_comment", &id(), &one);
}

/// What we wrote on the change of the release that owes.
fn said(app: &App) -> Vec<String> {
    app.github.with(|world| {
        let ours = world.written.iter().filter(|(kind, _)| kind == "issues/12/comments");
        ours.map(|(_, it)| it["body"].as_str().unwrap_or_default().to_owned()).collect()
    })
}

fn answered(app: &App, what: &str) {
    for _ in 0..200 {
        if said(app).iter().any(|text| text.contains(what)) {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("`{what}` was not said, but {:#?}", said(app));
}

#[test]
fn n3_e2_e3_an_emergencys_debt_holds_the_next_release_until_the_right_people_paid_it() {
    let github = shop();
    policy(&github, &policy_of_emergencies());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "SUCCESS");
    let (validate, review) = (called(&app, "validate"), called(&app, "cab_review"));
    assert!(!validate.is_empty() && !review.is_empty(), "{}", summary(&app));
    assert!(told(&github).decided.is_some());

    // It is called to mind on its change, once.
    answered(&app, "is overdue");
    let late = || app.events("obligation_reminded").iter().filter(|event| event["stage"] == "late").count();
    until("both reminders", || late() == 2);
    next(&github, "checkout/other.rs");
    reviews_of(&github, 1, "carla");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let report = told_of(&github, NEXT).reports[0].clone();
    assert!(report.contains("owes"), "{report}");

    // The author has no say in it.
    comments(
        &app,
        &served,
        ("IC_a", "ana"),
        &format!("/countersign validate production {review} https://runs.example/1"),
    );
    answered(&app, "contributed to");
    comments(&app, &served, ("IC_c", "carla"), &format!("/countersign validate production {validate}"));
    answered(&app, "nothing is attached");
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    assert!(app.events("obligation_met").is_empty());

    comments(
        &app,
        &served,
        ("IC_d", "carla"),
        &format!("/countersign validate production {validate} https://runs.example/7"),
    );
    until("the validation", || app.events("obligation_met").len() == 1);
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    comments(&app, &served, ("IC_e", "carla"), &format!("/countersign validate production {review}"));
    until("the review", || app.events("obligation_met").len() == 2);
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
    assert_eq!(late(), 2);
    drop(served);
    // Its page says who met it, and with what.
    let met = met(&app, &validate);
    assert_eq!(met.by.iter().map(countersign::model::facts::Account::as_str).collect::<Vec<_>>(), ["github:carla"]);
    assert_eq!(met.evidence, ["https://runs.example/7"]);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

/// Somebody says that it is done, and it counts or he is told why not.
/// How an obligation was met, as the page of the release that left it has it.
fn met(app: &App, obligation: &str) -> Met {
    let address = Address::parse(&format!("sqlite:{}", app.world.path().join("record.db").display())).unwrap();
    countersign::transport::runtime().unwrap().block_on(async {
        let mut reader = Reader::open(&address).await.unwrap();
        for latest in reader.decided(50).await.unwrap() {
            if let Looked::Sheet(sheet) = sheet::look(&mut reader, &latest.stream, Moment::Last).await.unwrap()
                && let Some((_, met)) = sheet.owed.into_iter().find(|(owed, _)| owed.id == obligation)
            {
                return met.expect("it is met");
            }
        }
        panic!("nothing left {obligation}");
    })
}

fn validates(app: &App, served: &Served, (name, who): (&str, &str), obligation: &str) {
    comments(
        app,
        served,
        (name, who),
        &format!("/countersign validate production {obligation} https://runs.example/1"),
    );
}

fn marks(app: &App) -> usize {
    app.github.with(|world| world.written.iter().filter(|(kind, _)| kind.ends_with("/reactions")).count())
}

#[test]
fn e3_the_boards_review_is_met_by_as_many_members_as_decide_and_its_chair() {
    let github = shop();
    let meetings = "DTSTART;TZID=UTC:20260106T140000\\nRRULE:FREQ=WEEKLY;BYDAY=TU";
    let board = format!("calendar: {{ cab: {{ meetings: \"{meetings}\", chair: release-manager, quorum: 2 }} }}\n");
    let roles = "roles:\n  cab: { members: [\"github:carl\", \"github:cleo\", \"github:ana\"] }\n  release-manager: { members: [\"github:mo\"] }\n";
    policy(&github, &(policy_of_emergencies().replace("by: board", "by: cab").replace("roles:\n", roles) + &board));
    github.with(|world| {
        for login in ["mo", "carl", "cleo"] {
            world.user(login, "User");
        }
    });
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "SUCCESS");
    let review = called(&app, "cab_review");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    // Each that counts is marked, and none alone meets it; whoever says it twice is one.
    for (at, who) in ["carl", "carl", "cleo"].into_iter().enumerate() {
        validates(&app, &served, (&format!("IC_{at}"), who), &review);
        until("a mark", || marks(&app) > at);
    }
    validates(&app, &served, ("IC_x", "ana"), &review);
    answered(&app, "contributed to");
    assert!(app.events("obligation_met").is_empty());
    validates(&app, &served, ("IC_y", "mo"), &review);
    until("that it is met", || app.events("obligation_met").len() == 1);
    assert_eq!(app.events("obligation_met")[0]["obligation"], review.as_str());
    let owed = app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    let met = owed.lines().find(|line| line.contains(&review)).and_then(|line| line.trim_end().rsplit('\t').next());
    assert!(met.is_some_and(|met| met.parse::<u64>().is_ok()), "{owed}");
}

#[test]
fn c5_a_review_of_what_failed_is_met_and_the_next_release_goes() {
    let github = shop();
    let review = "reviews: { pir: { when: \"outcome == 'failed'\", by: shop-owner, within: 5bd, blocks: team } }\n";
    policy(&github, &format!("{POLICY}{review}"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "FAILURE");
    until("the obligation", || !app.events("obligation_opened").is_empty());
    let pir = called(&app, "pir");
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    until("that it holds", || summary(&app).contains("pir"));
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    // Met while the next release waits, on the change of the one that left it.
    validates(&app, &served, ("IC_a", "ana"), &pir);
    answered(&app, "not in shop-owner");
    // The release that waits has that change too, and may see it before it is looked at for itself.
    validates(&app, &served, ("IC_b", "carla"), &pir);
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
    until("a mark", || marks(&app) == 1);
    validates(&app, &served, ("IC_c", "bo"), &pir);
    answered(&app, "is met already");
}

#[test]
fn n15_the_audit_of_who_went_past_the_protection_is_met_by_another() {
    let github = shop();
    let glass = "break_glass: { grant_by: [shop-owner], people: 2, releases: 1, expires: 4h }\n";
    let emergency =
        "routes:\n  emergency: { approvals: { shop-owner: 1 }, then: { audit: { by: shop-owner, within: 1h } } }\n";
    policy(&github, &format!("{}{glass}", POLICY.replace("routes:\n", emergency)));
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    asks(&github);
    until("a report", || !told(&github).reports.is_empty());
    std::thread::sleep(std::time::Duration::from_secs(1));
    github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("the import", || !app.events("deployment_imported").is_empty());
    let audit = called(&app, "audit");
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    validates(&app, &served, ("IC_a", "carla"), &audit);
    answered(&app, "let go");
    assert!(app.events("obligation_met").is_empty());
    validates(&app, &served, ("IC_b", "bo"), &audit);
    until("that it is met", || app.events("obligation_met").len() == 1);
}
