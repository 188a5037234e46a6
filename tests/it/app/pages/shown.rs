//! What stands on a page: everything that the record has of a release, and nothing that acts on whoever reads it.

use serde_json::Value;

use super::super::{NEXT, RUN, ago, next_release, reviews, told_of};
use super::{RELEASE, Shown, asks, begin, shop, told, until};
use crate::support::github::Github;
use crate::support::github::world::{Rule, sha};

/// A gate, approvals with a final word, a zone, and what is left to be done.
pub const POLICY: &str = r#"
version: 1
calendar: { timezone: Europe/London }
environments:
  production: { approval: formal, branches: [main] }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0" }
components:
  checkout: { paths: ["checkout/**"], team: shop }
roles:
  shop-owner: { members: ["github:@acme/shop-leads"] }
raci:
  - { on: checkout, accountable: shop-owner }
routes:
  normal: { approvals: { accountable: 1 }, then: { validate: { by: shop-owner, within: 4h, needs: evidence } } }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

const EVIL: &str = "<script>alert(1)</script>\u{202e}gnp.exe\u{200b} [click](https://evil.example) @acme/all \"'&";

/// The author approves her own release, with a reason that would act on whoever reads it.
pub fn evil() -> Github {
    let github = shop();
    github.with(|world| {
        world.contents.insert(".countersign/policy.yml".to_owned(), POLICY.to_owned());
        "Faster baskets".clone_into(&mut world.pulls.get_mut(&12).unwrap().title);
        let command = format!("/countersign approve production as shop-owner: {EVIL}");
        world.comment(12, "IC_9", "ana", &command, &ago(30));
    });
    asks(&github);
    github
}

pub fn evidence(failed: u32) -> String {
    format!(
        r#"{{"evidence": {{"tests": {{"digests": ["{}"], "measures": {{"tests.failed": {failed}, "tests.total": 31, "tests.passed": {}}},
            "baseline": {{"tests.total": 30}}, "made_at": null, "commits": [], "artifacts": []}}}}}}"#,
        "ab".repeat(32),
        31 - failed
    )
}

#[test]
fn a_page_shows_all_that_the_record_has() {
    let it = begin_with(evil(), &evidence(0));
    let bo = it.login("bo");
    let index = it.get(&bo, "/").text();
    assert!(index.contains("<h2>Waiting</h2>") && index.contains("shop 510000000000 to production"), "{index}");
    assert!(index.contains("Europe/London</time>"), "{index}");
    assert!(index.contains("<p>Faster baskets</p>") && !index.contains("Its deployment"), "{index}");
    let page = it.get(&bo, RELEASE).text();
    for part in [
        "<html lang=\"en\">",
        "<main id=\"main\"",
        "<h2>Why</h2>",
        "<h2>Gates and their evidence</h2>",
        "<code>tests.total</code></th><td>31</td><td>30</td>",
        "<h2>Approvals</h2>",
        "as shop-owner",
        "asked</h3>",
        "to approve for <strong>shop-owner</strong>: bo, carla",
        "<h2>Obligations</h2>",
        ": Faster baskets</th>",
        "<h2>Timeline</h2>",
        "Download the receipt",
        "Europe/London</time>",
        "the checkpoint of ",
        "<caption>What people did</caption>",
        "scope=\"col\"",
    ] {
        assert!(page.contains(part), "{part} is not in {page}");
    }
    // Her own approval is listed, with why it does not count.
    let (_, acts) = page.split_once("<caption>What people did</caption>").unwrap();
    let (acts, _) = acts.split_once("</table>").unwrap();
    assert!(acts.contains("scope=\"row\">ana") && acts.contains("no: ignored ana: wrote"), "{acts}");
    // What she wrote acts on nobody.
    for evil in ["<script", "\u{202e}", "\u{200b}", "href=\"https://evil"] {
        assert!(!page.contains(evil), "{evil:?} in {page}");
    }
    assert!(acts.contains("&lt;script&gt;alert(1)") && acts.contains("\\u{202e}gnp.exe\\u{200b}"), "{acts}");
    // The way to the page is where the forge shows the decision.
    let report = told(&it.github).reports[0].clone();
    let way = format!("[See why]({}{}&forge=github)", super::ORIGIN, RELEASE);
    assert!(report.contains(&way) && report.chars().count() <= 1_024, "{report}");

    reviews(&it.github, "bo", "APPROVED");
    until("an answer", || told(&it.github).decided.is_some());
    let page = it.get(&bo, RELEASE).text();
    assert!(page.contains("What it left to be done"), "{page}");
    assert!(page.contains("waits</span>, 3 h 59 min left"), "{page}");
    let (_, timeline) = page.split_once("<h2>Timeline</h2>").unwrap();
    assert!(timeline.contains("an approval by bo") && timeline.contains("to be done: validate, "), "{timeline}");
    assert!(it.get(&bo, "/").text().contains("<h2>Went</h2>"));
    assert_eq!(page.matches("<script").count(), 0);
}

fn begin_with(github: Github, with: &str) -> super::Shown {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), with).unwrap();
    begin(github, &["--with", file.path().to_str().unwrap()])
}

#[test]
fn the_page_says_what_goes_and_leads_to_where_the_forge_shows_it() {
    let it = begin_with(evil(), &evidence(0));
    let page = it.get(&it.login("bo"), RELEASE).text();
    let (_, goes) = page.split_once("<h2>What goes</h2>").unwrap();
    let (goes, _) = goes.split_once("What you can do").unwrap();
    let at = format!("{}/acme/shop", it.github.url());
    let commit = sha("51");
    for part in [
        format!("href=\"{at}/pull/12\">acme/shop#12</a>"),
        format!("href=\"{at}/commit/{commit}\""),
        format!("href=\"{at}/actions/runs/{RUN}\">Run {RUN}</a>"),
        "<td>ana</td>".to_owned(),
        "<code>checkout/basket.rs</code>".to_owned(),
    ] {
        assert!(goes.contains(&part), "{part} is not in {goes}");
    }
}

#[test]
fn what_went_past_a_decision_waits_for_nobody() {
    let it = begin_with(evil(), &evidence(0));
    let bo = it.login("bo");
    assert!(it.get(&bo, RELEASE).text().contains("value=\"approve\""));
    it.github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("the import", || !it.app.events("deployment_imported").is_empty());
    until("that nothing waits", || it.get(&bo, "/").text().contains("<h2>Went past a decision</h2>"));
    let list = it.get(&bo, "/").text();
    assert!(!list.contains("<h2>Waiting</h2>"), "{list}");
    let (_, found) = list.split_once("<h2>Deployed without a decision</h2>").unwrap();
    let (found, _) = found.split_once("<h2>").unwrap();
    assert!(found.contains("href=\"/release?") && found.contains("Europe/London</time>"), "{found}");
    let page = it.get(&bo, RELEASE).text();
    let (above, _) = page.split_once("<h2>What goes</h2>").unwrap();
    assert!(above.contains("It went past Countersign") && above.contains("let in by carla"), "{above}");
    assert!(above.contains("taken up as an emergency"), "{above}");
    assert!(!page.contains("value=\"approve\"") && !page.contains("value=\"reject\""), "{page}");
    for part in
        ["It went past Countersign: </strong>no decision had let it in", "taken up as an emergency, since", "went well"]
    {
        assert!(timeline(&page).contains(part), "{part} is not in {}", timeline(&page));
    }
    let past = timeline(&page);
    assert!(list.contains("Its deployment <strong>went well</strong>"), "{list}");

    // It is asked for again, let go, and goes: what went past stays what it was, whatever is decided now. GitHub counts in
    // whole seconds.
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let made = ago(0);
    it.github.with(|world| {
        world.attempts.insert(RUN, (2, "ana".to_owned()));
        world.started.insert(RUN, ago(0));
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
    until("an answer", || told(&it.github).decided.is_some());
    it.github.with(|world| {
        let deployment = world.waited_and_deploys(RUN, "production", &made, &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("that it went", || !it.get(&bo, RELEASE).text().contains("It went past Countersign: </strong>deployed"));
    let page = it.get(&bo, RELEASE).text();
    let (above, _) = page.split_once("<h2>What goes</h2>").unwrap();
    assert!(above.contains("It went past Countersign before: ") && above.contains("let in by carla"), "{above}");
    for line in past.lines().flat_map(|line| line.split("<li>")).filter(|line| line.contains("past Countersign")) {
        assert!(timeline(&page).contains(line), "{line} is not in {}", timeline(&page));
    }
}

/// The timeline of a page.
fn timeline(page: &str) -> String {
    let (_, rest) = page.split_once("<h2>Timeline</h2>").unwrap();
    rest.split_once("<h2>").unwrap().0.to_owned()
}

#[test]
fn what_other_owners_owe_stands_in_no_receipt() {
    let Shown { app, github, served } = begin_with(evil(), &evidence(0));
    reviews(&github, "bo", "APPROVED");
    until("an answer", || told(&github).decided.is_some());
    let it = Shown { app, github, served };
    let bo = it.login("bo");
    let receipt = |release: &str| -> Value {
        let path = RELEASE.replace("/release", "/receipt").replace("510000000000", release);
        let page = it.get(&bo, &path);
        serde_json::from_slice(&page.body).unwrap_or_else(|_| panic!("{}", page.text()))
    };
    let went = receipt("510000000000")["facts"].as_str().unwrap().to_owned();
    // The same release of somebody else, in the same record, leaves its own to be done.
    let theirs = went.replace("\"acme/shop\"", "\"rival/vault\"").replace("acme/shop#", "rival/vault#");
    let theirs = theirs.replace("shop 510000000000", "vault 510000000000");
    it.app.world.write("theirs.json", theirs).write(".countersign/policy.yml", POLICY);
    let Shown { app, github, served } = it;
    drop(served);
    let now = chrono::Utc::now().to_rfc3339();
    let recorded = ["--facts", "theirs.json", "--database", "sqlite:record.db", "--log-key", "log.key", "--now", &now];
    let said = app.world.run(&[&["decide"], &recorded[..]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let owed = app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    assert!(owed.contains("rival/vault") && owed.contains("acme/shop"), "{owed}");
    next_release(&github);
    app.world.write("with.json", evidence(0));
    let served = super::serve(&app, &["--with", "with.json"]);
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    let it = Shown { app, github, served };
    let bo = it.login("bo");
    let path = RELEASE.replace("/release", "/receipt").replace("510000000000", "610000000000");
    let receipt: Value = serde_json::from_slice(&it.get(&bo, &path).body).unwrap();
    let facts: Value = serde_json::from_str(receipt["facts"].as_str().unwrap()).unwrap();
    let owed = facts["obligations"].to_string();
    assert!(owed.contains("shop 510000000000"), "{owed}");
    assert!(!receipt.to_string().contains("vault"), "{receipt}");
}

#[test]
fn a_gate_that_holds_says_what_was_measured() {
    let github = shop();
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), POLICY.to_owned()));
    asks(&github);
    let it = begin_with(github, &evidence(2));
    let page = it.get(&it.login("carla"), RELEASE).text();
    let (_, gates) = page.split_once("<h2>Gates and their evidence</h2>").unwrap();
    let (gates, _) = gates.split_once("<h2>").unwrap();
    assert!(gates.contains("not met</span> tests: "), "{gates}");
    assert!(gates.contains("<code>tests.failed</code></th><td>2</td>"), "{gates}");
    // What holds is open, what is met is not.
    assert!(page.contains("<details open>"), "{page}");
}

#[test]
fn a_rejection_is_shown_to_hold_the_release() {
    let it = super::shown(super::POLICY, &[]);
    reviews(&it.github, "carla", "REJECTED");
    until("a second report", || told(&it.github).reports.len() > 1);
    let page = it.get(&it.login("bo"), RELEASE).text();
    let (_, acts) = page.split_once("<caption>What people did</caption>").unwrap();
    let (acts, _) = acts.split_once("</table>").unwrap();
    assert!(acts.contains("rejects, as a review of the environment"), "{acts}");
    assert!(acts.contains("yes, it holds the release: carla rejects it"), "{acts}");
}

#[test]
fn a_release_that_cannot_be_decided_is_on_the_list_of_those_who_may_read_its_repository() {
    let github = shop();
    github.with(|world| {
        world.contents.insert(".countersign/policy.yml".to_owned(), "version: 1\ngates: 7\n".to_owned());
        world.user("eve", "User");
        world.outside.push("eve".to_owned());
    });
    asks(&github);
    let it = begin(github, &[]);
    let index = it.get(&it.login("bo"), "/").text();
    // What is wrong with the policy is a decision that holds, and stands in the record.
    assert!(index.contains("held before production") && index.contains("acme/shop"), "{index}");
    // The list of one repository is the list of what he may read of it, and no more.
    let index = it.get(&it.login("bo"), "/?repository=ACME/shop").text();
    assert!(index.contains("to production</a>"), "{index}");
    let index = it.get(&it.login("bo"), "/?repository=acme/other").text();
    assert!(!index.contains("to production</a>"), "{index}");
    let index = it.get(&it.login("eve"), "/").text();
    assert!(index.contains("No release has been asked for yet") && !index.contains("acme"), "{index}");
}

#[test]
fn names_and_places_that_are_none_are_answered_with_the_next_step() {
    let it = super::shown(super::POLICY, &[]);
    let bo = it.login("bo");
    for (path, status) in [
        ("/release", 404),
        ("/release?repository=acme/shop", 404),
        ("/release?repository=acme/shop&repository=acme/shop", 400),
        ("/release?repository=%ff", 400),
        ("/receipt", 404),
        ("/nothing", 404),
        ("/?before=0", 200),
        ("/?before=x", 200),
    ] {
        let page = it.get(&bo, path);
        assert_eq!(page.status, status, "{path}");
        assert!(page.text().contains("href=\"/\""), "{}", page.text());
    }
    let sheet = it.get(&bo, "/style.css");
    assert_eq!((sheet.status, sheet.header("content-type")), (200, Some("text/css; charset=utf-8")));
}

#[test]
fn t39_what_no_decision_let_in_stands_on_the_first_page() {
    let it = begin_with(evil(), &evidence(0));
    // What began before the record did is none of its findings.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    it.github.with(|world| {
        world.bypasses(RUN, "production", "carla");
        let deployment = world.deploys(RUN, "production", &ago(0));
        world.ends(&deployment, "SUCCESS", &ago(0));
    });
    until("the finding", || !it.app.events("deployment_without_decision").is_empty());
    let bo = it.login("bo");
    let index = it.get(&bo, "/").text();
    assert!(index.contains("Deployed without a decision") && index.contains("by run 900"), "{index}");
}
