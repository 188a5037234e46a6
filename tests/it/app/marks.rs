//! What the app knows of releases by the files of their changes, by what incidents say that caused them, and by how earlier
//! ones went.

use serde_json::{Value, json};

use super::issues::with_policy;
use super::ledger::{THIRD, goes, next, recovering, run, summary};
use super::{App, NEXT, POLICY, RUN, ago, asks, known, reviews, reviews_of, shop, tells, told, told_of, until};
use crate::support::github::Github;

const FIRST: &str = "shop 510000000000";
const SECOND: &str = "shop 610000000000";

fn facts(app: &App, release: &str) -> Value {
    known(app, release).unwrap().0
}

/// What went well is followed by what fails, and the first is to go once more.
fn back(github: &Github, app: &App, file: &str) {
    goes(app, github, RUN, "SUCCESS");
    next(github, file);
    reviews_of(github, 1, "carla");
    goes(app, github, NEXT, "FAILURE");
    run(github, THIRD, "51");
}

#[test]
fn n12_going_back_is_possible_where_no_file_says_that_it_is_not() {
    let github = shop();
    with_policy(&github, recovering());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    back(&github, &app, "checkout/V2__add_column.sql");
    until("an answer", || told_of(&github, THIRD).decided.is_some());
    assert_eq!(told_of(&github, THIRD).decided.unwrap().0, "approved", "{}", summary(&app));
    assert_eq!(facts(&app, FIRST)["release"]["irreversible"], Value::Null);
}

#[test]
fn n12_nobody_goes_back_past_a_migration_that_its_file_says_cannot_be_reverted() {
    let github = shop();
    with_policy(&github, recovering());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    back(&github, &app, "checkout/V2__drop_prices.irreversible.sql");
    tells(&app, FIRST, "going back is not possible past checkout/V2__drop_prices.irreversible.sql");
    assert_eq!(told_of(&github, THIRD).decided, None, "{}", summary(&app));
    let marked = json!(["checkout/V2__drop_prices.irreversible.sql"]);
    assert_eq!(facts(&app, FIRST)["release"]["irreversible"], marked);
    // On the way forward it held nobody.
    assert_eq!(facts(&app, SECOND)["release"]["irreversible"], Value::Null);
}

#[test]
fn t1_a_release_is_documented_by_the_notes_that_its_changes_bring() {
    let github = shop();
    let noted = "routes:\n  noted: { when: documentation.complete, approval: automatic }\n";
    with_policy(&github, POLICY.replace("routes:\n", noted));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    assert_eq!(facts(&app, FIRST)["release"]["documented"], false);
    assert_eq!(told(&github).decided, None);
    reviews(&github, "bo", "APPROVED");
    goes(&app, &github, RUN, "SUCCESS");
    next(&github, "checkout/CHANGELOG.md");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(facts(&app, SECOND)["release"]["documented"], true);
}

fn with_incidents() -> String {
    format!(
        "{POLICY}rigor: {{ max: +1, routes: [normal], steps: [{{ when: team.failure_rate_90d > 0.5, sample: 1 }}] }}\n\
         incidents: {{ system: issues, severity: {{ P1: 1, P3: 3 }}, block_at: 1 }}\n"
    )
}

/// What went well, and an incident of which somebody says that it was caused by something.
fn after_an_incident(caused_by: &str) -> (Github, App, crate::support::served::Served) {
    let github = shop();
    with_policy(&github, with_incidents());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "SUCCESS");
    github.with(|world| {
        world.user("olu", "User").user("dan", "User");
        world.teams.get_mut("acme/shop-leads").unwrap().push("dan".to_owned());
        let text = format!("The basket is empty.\n\n### caused by\n\n{caused_by}\n");
        world.issue("olu", "the basket is empty", &text, &["incident", "P3"])
    });
    until("that it is known", || !app.events("incident_recorded").is_empty());
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    (github, app, served)
}

#[test]
fn t3_a_release_that_caused_nothing_is_no_failure_of_its_team_beside_an_incident() {
    let (github, app, _served) = after_an_incident("something else: #99");
    until("an answer", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved", "{}", summary(&app));
    assert_eq!(facts(&app, SECOND)["teams"]["shop"]["deployments"][0]["incidents"], Value::Null);
}

#[test]
fn t3_a_release_that_an_incident_names_as_its_cause_is_a_failure_of_its_team() {
    let (github, app, _served) = after_an_incident("acme/shop#12");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    assert!(summary(&app).contains("dan") || summary(&app).contains("1 of 2"), "{}", summary(&app));
    let linked = facts(&app, SECOND)["teams"]["shop"]["deployments"][0]["incidents"][0]["id"].clone();
    assert!(linked.as_str().is_some_and(|id| id.starts_with("acme/shop#")), "{linked}");
}

#[test]
fn m6_an_experiment_is_counted_by_how_the_releases_ended_that_took_part() {
    let github = shop();
    let trial = "experiments:\n  lighter: { on: component.tier == 'routine', split: 100, b: { approval: automatic }, stop_if: \
                 \"b.failure_rate > 0.5\", sample: 1 }\n";
    with_policy(&github, POLICY.replace("team: shop }", "team: shop, tier: routine }") + trial);
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    tells(&app, FIRST, "the other path, by its number");
    goes(&app, &github, RUN, "FAILURE");
    next(&github, "checkout/basket.rs");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let count = facts(&app, SECOND)["experiments"]["lighter"].clone();
    assert_eq!((&count["b_releases"], &count["b_failed"], &count["a_releases"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(count["stopped"], false);
}
