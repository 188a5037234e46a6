//! What was deployed before, as the app knows it: by the jobs of the forge and by its own record, and by nothing that
//! whoever may push can write.

use serde_json::{Value, json};

use super::{
    App, NEXT, POLICY, RUN, ago, asks, id, known, payload, reviews, reviews_of, shop, takes, told, told_of, until,
};
use crate::support::github::Github;
use crate::support::github::world::{Deployment, Rule, Run, sha};
use crate::support::served::Served;

/// What no forge knows of what goes back.
const REVERSIBLE: &str = r#"{"release": {"irreversible": null}}"#;
/// A third run.
pub const THIRD: u64 = 902;

pub fn policy(github: &Github, text: &str) {
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), text.to_owned()));
}

/// Another run asks for production.
pub fn run(github: &Github, id: u64, commit: &str) {
    github.with(|world| {
        world.runs.push(Run {
            id,
            commit: sha(commit),
            branch: "main".to_owned(),
            creator: Some("ana".to_owned()),
            event: "push".to_owned(),
            created_at: ago(0),
            reviews: Vec::new(),
        });
        world.rules.insert((id, "production".to_owned()), Rule::default());
    });
}

/// `bo` changed a file, which was squashed as `61`, and run 901 asks for production.
pub fn next(github: &Github, file: &str) {
    lands(github, (13, "bo", file), ("51", "c2", "61"));
    run(github, NEXT, "61");
}

/// Somebody changed a file in a pull request, from a commit on by a head, which was squashed.
pub fn lands(github: &Github, (number, by, file): (u64, &str, &str), (from, head, squashed): (&str, &str, &str)) {
    github.with(|world| {
        let text = number.to_string();
        world.commit(head, by, &[from], &[(file, &text)]);
        world.commit(squashed, by, &[from], &[(file, &text)]);
        world.pull(number, by, from, &[head], squashed);
        for (commit, minutes) in [(head, 4), (squashed, 3)] {
            world.edit(commit, |it| it.date = ago(minutes));
        }
        world.pulls.get_mut(&number).unwrap().merged_at = Some(ago(3));
        world.push(&ago(4), from, head, "push", by);
        world.push(&ago(3), from, squashed, "pr_merge", "carla");
        world.branches.insert("refs/heads/main".to_owned(), sha(squashed));
    });
}

/// The deployments of the record, as they are listed.
fn deployments(app: &App) -> String {
    let listed = app.world.run(&["db", "list", "deployments", "--database", "sqlite:record.db"]);
    assert_eq!(listed.code, 0, "{}", listed.err);
    listed.out
}

/// GitHub tells of a deployment's status.
fn tells(served: &Served, commit: &str) {
    let body = json!({"action": "created", "deployment_status": {"environment": "production"},
        "deployment": {"sha": sha(commit)}});
    takes(served, "deployment_status", &id(), &payload(body));
}

/// The run goes, once it was let in, and ends.
pub fn goes(app: &App, github: &Github, run: u64, conclusion: &str) -> String {
    until("an answer", || told_of(github, run).decided.is_some());
    assert_eq!(told_of(github, run).decided.unwrap().0, "approved", "{:?}", told_of(github, run));
    let deployment = github.with(|world| world.deploys(run, "production", &ago(0)));
    github.with(|world| world.ends(&deployment, conclusion, &ago(0)));
    until("that it is recorded", || {
        deployments(app).lines().any(|line| {
            line.contains(&deployment) && line.contains(if conclusion == "SUCCESS" { "succeeded" } else { "failed" })
        })
    });
    deployment
}

pub fn summary(app: &App) -> String {
    app.events("release_decided").last().map_or_else(String::new, |event| event["summary"].to_string())
}

#[test]
fn what_was_let_in_is_recorded_with_how_its_job_ended() {
    let github = shop();
    // Every list has more than one page.
    github.page(1);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("an answer", || told(&github).decided.is_some());
    let deployment = github.with(|world| world.deploys(RUN, "production", &ago(0)));
    tells(&served, "51");
    let line = |state: &'static str| {
        let listed = deployments(&app);
        listed.lines().find(|line| line.contains(&deployment) && line.contains(state)).map(str::to_owned)
    };
    until("that it began", || line("900").is_some());
    // A status that anybody can write is nothing to go by: the job still runs.
    github.with(|world| world.writes_status(&deployment, "FAILURE", &ago(0)));
    tells(&served, "51");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(line("failed"), None);
    github.with(|world| world.ends(&deployment, "SUCCESS", &ago(0)));
    tells(&served, "51");
    until("that it ended", || line("succeeded").is_some());
    let columns: Vec<String> = line("succeeded").unwrap().split('\t').map(str::to_owned).collect();
    assert!(columns[10].parse::<u64>().is_ok(), "the decision that let it in: {columns:?}");
    assert!(app.events("deployment_without_decision").is_empty());
    drop(served);
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

/// Production takes what ran in staging.
pub fn promoting() -> String {
    POLICY
        .replace("branches: [main] }", "branches: [main], from: staging, same: artifact, soak: 2s }")
        .replace(", environments: [staging] }\n", ", environments: [elsewhere] }\n")
        .replace("  production:", "  elsewhere: { approval: automatic }\n  production:")
}

#[test]
fn from_staging_goes_what_its_job_brought_there_and_not_what_somebody_wrote_into_the_list() {
    let github = shop();
    policy(&github, &promoting());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    github.with(|world| {
        let statuses = vec![("SUCCESS".to_owned(), ago(8)), ("IN_PROGRESS".to_owned(), ago(9))];
        world.deployments.push(Deployment { environment: "staging".to_owned(), commit: sha("51"), statuses });
    });
    let _served = app.start(&["--sweep", "1"]);
    until("looks", || app.looks() > 2);
    assert_eq!(told(&github).decided, None, "{}", summary(&app));
    assert!(summary(&app).contains("staging"), "{}", summary(&app));
    let deployment = github.with(|world| world.deploys(RUN, "staging", &ago(0)));
    github.with(|world| world.ends(&deployment, "SUCCESS", &ago(0)));
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

/// Going back to the last good content needs nobody's approval.
pub fn recovering() -> String {
    POLICY.replace(
        "routes:\n",
        "routes:\n  recovery: { when: release.is_rollback, to: last_good, approval: automatic }\n",
    )
}

#[test]
fn n12_going_back_to_what_ran_well_goes_by_itself() {
    let github = shop();
    policy(&github, &recovering());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    app.world.write("known.json", REVERSIBLE);
    let _served = app.start(&["--sweep", "1", "--with", "known.json"]);
    goes(&app, &github, RUN, "SUCCESS");
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    goes(&app, &github, NEXT, "FAILURE");
    run(&github, THIRD, "51");
    until("an answer", || told_of(&github, THIRD).decided.is_some());
    assert_eq!(told_of(&github, THIRD).decided.unwrap().0, "approved");
    assert!(summary(&app).contains("may proceed"), "{}", summary(&app));
}

#[test]
fn n12_what_failed_is_no_way_back_whatever_somebody_writes_of_it() {
    let github = shop();
    policy(&github, &recovering());
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    app.world.write("known.json", REVERSIBLE);
    let _served = app.start(&["--sweep", "1", "--with", "known.json"]);
    let failed = goes(&app, &github, RUN, "FAILURE");
    github.with(|world| world.writes_status(&failed, "SUCCESS", &ago(0)));
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    goes(&app, &github, NEXT, "SUCCESS");
    run(&github, THIRD, "51");
    until("a report", || !told_of(&github, THIRD).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told_of(&github, THIRD).decided, None, "{}", summary(&app));
}

/// Run 900 is started again.
fn again(github: &Github, attempt: u64) {
    github.with(|world| {
        world.attempts.insert(RUN, (attempt, "ana".to_owned()));
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
}

#[test]
fn t31_a_retry_of_what_failed_goes_again_and_what_was_superseded_does_not() {
    let github = shop();
    policy(&github, &format!("{POLICY}retry_within: 1h\n"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "FAILURE");
    std::thread::sleep(std::time::Duration::from_secs(1));
    again(&github, 2);
    goes(&app, &github, RUN, "SUCCESS");
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    goes(&app, &github, NEXT, "SUCCESS");
    again(&github, 3);
    until("a report", || told(&github).reports.last().is_some_and(|report| report.contains("since")));
    assert_eq!(told(&github).decided, None, "{:?}", told(&github));
}

#[test]
fn t31_an_opening_uses_approvals_up_although_somebody_took_its_deployment_out_of_the_list() {
    let github = shop();
    policy(&github, &format!("{POLICY}retry_within: 1s\n"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("an answer", || told(&github).decided.is_some());
    github.with(|world| {
        world.deploys(RUN, "production", &ago(0));
        world.deployments.retain(|it| it.commit != sha("51"));
        world.jobs.clear();
    });
    std::thread::sleep(std::time::Duration::from_secs(2));
    again(&github, 2);
    takes(&served, "deployment_protection_rule", &id(), &super::waits(&github));
    until("a report", || !told(&github).reports.is_empty() || told(&github).decided.is_some());
    assert_eq!(told(&github).decided, None, "{}", summary(&app));
}

#[test]
fn t39_what_no_decision_let_in_is_found_and_counts_for_nothing() {
    let github = shop();
    policy(&github, &recovering());
    asks(&github);
    let app = App::new(&github);
    app.world.write("known.json", REVERSIBLE);
    let served = app.start(&["--sweep", "1", "--with", "known.json"]);
    until("a report", || !told(&github).reports.is_empty());
    std::thread::sleep(std::time::Duration::from_secs(2));
    // An administrator goes past the rule, and it runs.
    github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("the finding", || !app.events("deployment_without_decision").is_empty());
    let found: Value = app.events("deployment_without_decision")[0].clone();
    assert_eq!((&found["environment"], &found["run"]), (&json!("production"), &json!(RUN)), "{found}");
    assert!(found["let_in"].as_str().unwrap().contains("github:carla"), "{found}");
    assert_eq!(app.events("deployment_without_decision").len(), 1);
    let metrics = String::from_utf8(served.ask("GET /metrics").2).unwrap();
    assert!(metrics.contains("countersign_deployments_total{outcome=\"without_decision\"}"), "{metrics}");
}

#[test]
fn n15_who_went_past_the_protection_is_taken_up_as_an_emergency_with_what_that_leaves() {
    let github = shop();
    let glass = "break_glass: { grant_by: [shop-owner], people: 2, releases: 1, expires: 4h }\n";
    let emergency =
        "routes:\n  emergency: { approvals: { shop-owner: 1 }, then: { audit: { by: shop-owner, within: 1s } } }\n";
    policy(&github, &format!("{}{glass}", POLICY.replace("routes:\n", emergency)));
    let app = App::new(&github);
    // It looked once, and then it was down.
    let served = app.start(&["--sweep", "1"]);
    until("a sweep", || served.ask("GET /readyz").0 == 200);
    asks(&github);
    until("a report", || !told(&github).reports.is_empty());
    // Killed before it has written down that the report arrived, it would have the next one wait for as long as a claim lasts.
    until("the report to be known to have arrived", || !app.events("effect_attempted").is_empty());
    std::thread::sleep(std::time::Duration::from_millis(500));
    drop(served);
    std::thread::sleep(std::time::Duration::from_secs(1));
    github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    let served = app.start(&["--sweep", "1"]);
    until("the import", || !app.events("deployment_imported").is_empty());
    let imported = app.events("deployment_imported")[0].clone();
    // One of two who could have granted it: the grant did not hold, and what an emergency leaves is owed all the same.
    assert_eq!(imported["decision"], "hold", "{imported}");
    assert!(imported["summary"].as_str().unwrap().contains("1 of 2 people"), "{imported}");
    let listed = app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    assert!(listed.contains("audit-"), "{listed}");
    // It is taken up once, and opened nothing; and by then it is late.
    drop(served);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let _served = app.start(&["--sweep", "1"]);
    next(&github, "checkout/other.rs");
    reviews_of(&github, 1, "carla");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let report = told_of(&github, NEXT).reports[0].clone();
    assert_eq!(app.events("deployment_imported").len(), 1);
    assert!(report.contains("owes") && report.contains("audit"), "{report}");
    assert_eq!(told_of(&github, NEXT).decided, None, "{report}");
    // It counts as one of its team's, although nobody had granted it.
    let next = format!("shop {}", &sha("61")[..12]);
    let facts = known(&app, &next).unwrap().0;
    assert_eq!(facts["teams"]["shop"]["deployments"][0]["emergency"], true, "{}", facts["teams"]);
}

#[test]
fn t3_a_team_that_failed_needs_a_second_reviewer() {
    let github = shop();
    let rigor = "rigor: { max: +1, routes: [normal], steps: [{ when: team.failure_rate_90d > 0.5, sample: 1 }] }\n";
    policy(&github, &format!("{POLICY}{rigor}"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    // Of a team that released nothing yet the sample is too small.
    goes(&app, &github, RUN, "FAILURE");
    next(&github, "checkout/basket.rs");
    github.with(|world| world.user("dan", "User").teams.get_mut("acme/shop-leads").unwrap().push("dan".to_owned()));
    reviews_of(&github, 1, "carla");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
    assert!(summary(&app).contains("dan") || summary(&app).contains("1 of 2"), "{}", summary(&app));
}

#[test]
fn t4_a_third_party_is_new_until_what_declares_it_has_run() {
    let github = shop();
    let careful = "  careful: { when: \"'stripe' in release.new_vendors\", approvals: { shop-owner: 2 } }\n";
    let declares = POLICY.replace("team: shop }", "team: shop, vendors: [stripe] }");
    let declares = declares.replace("routes:\n", &format!("routes:\n{careful}"));
    assert!(declares.contains("vendors") && declares.contains("careful"));
    policy(&github, &declares);
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    app.world.write("known.json", r#"{"release": {"new_vendors": null}}"#);
    let _served = app.start(&["--sweep", "1", "--with", "known.json"]);
    until("a report", || !told(&github).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "nothing that declares it has run: {}", summary(&app));
    assert!(summary(&app).contains("1 of 2"), "{}", summary(&app));
    reviews(&github, "carla", "APPROVED");
    goes(&app, &github, RUN, "SUCCESS");
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    goes(&app, &github, NEXT, "SUCCESS");
}

#[test]
fn t4_what_was_declared_before_somebody_went_past_is_not_known() {
    let github = shop();
    let careful = "  careful: { when: \"'stripe' in release.new_vendors\", approvals: { shop-owner: 2 } }\n";
    let declares = POLICY.replace("team: shop }", "team: shop, vendors: [stripe] }");
    policy(&github, &declares.replace("routes:\n", &format!("routes:\n{careful}")));
    github.with(|world| {
        world.user("dan", "User").user("eve", "User");
    });
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    reviews(&github, "carla", "APPROVED");
    let app = App::new(&github);
    app.world.write("known.json", r#"{"release": {"new_vendors": null}}"#);
    let _served = app.start(&["--sweep", "1", "--with", "known.json"]);
    goes(&app, &github, RUN, "SUCCESS");
    // Somebody goes past with something else: what that declared nobody knows.
    lands(&github, (13, "dan", "checkout/basket.rs"), ("51", "c2", "61"));
    run(&github, NEXT, "61");
    github.with(|world| {
        world.bypasses(NEXT, "production", "eve");
        let deployment = world.deploys(NEXT, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("the finding", || !app.events("deployment_without_decision").is_empty());
    lands(&github, (14, "dan", "checkout/till.rs"), ("61", "c3", "71"));
    run(&github, THIRD, "71");
    reviews_of(&github, 2, "carla");
    until("a report", || !told_of(&github, THIRD).reports.is_empty());
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told_of(&github, THIRD).decided, None, "{}", summary(&app));
    assert!(summary(&app).contains("careful") && summary(&app).contains("cannot be told"), "{}", summary(&app));
}

#[test]
fn c5_a_review_is_owed_once_the_deployment_failed() {
    let github = shop();
    let review = "reviews: { pir: { when: \"outcome == 'failed'\", by: shop-owner, within: 5bd, blocks: team } }\n";
    policy(&github, &format!("{POLICY}{review}"));
    asks(&github);
    reviews(&github, "bo", "APPROVED");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    goes(&app, &github, RUN, "FAILURE");
    until("the obligation", || !app.events("obligation_opened").is_empty());
    next(&github, "checkout/basket.rs");
    reviews_of(&github, 1, "carla");
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    assert!(summary(&app).contains("pir"), "{}", summary(&app));
    assert_eq!(told_of(&github, NEXT).decided, None, "{}", summary(&app));
}
