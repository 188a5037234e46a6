//! Every command of a comment or a review, from outside: who may is heard, who may not is told why, and what lasts lasts.

use std::time::Duration;

use countersign::forge::command::{FORMS, Spoken, commands, spoken};
use serde_json::json;

use super::talk::{happens, proposed, written};
use super::{App, NEXT, RUN, ago, asks, next_release, reviews, reviews_of, sha, shop, told, told_of, until};
use crate::support::github::Github;
use crate::support::served::Served;

/// A gate that nothing passes, its authority, stand-ins, a debt and a list.
const POLICY: &str = r#"
version: 1
environments:
  production: { approval: formal, branches: [main] }
gates:
  tests: { junit: "**/*.xml", require: "tests.failed == 0", missing: block, verified_by: security }
  ready: { checklist: ["rollback rehearsed"], verified_by: security }
components:
  checkout: { paths: ["checkout/**"], team: shop }
roles:
  shop-owner: { members: ["github:@acme/shop-leads"] }
  security: { members: ["user:sue", "user:tom"] }
waivers: { by: security, max: 7d, needs: [reason, compensating_control] }
delegation: { within: role, max: 14d }
raci:
  - { on: checkout, accountable: shop-owner }
routes:
  normal: { approvals: { accountable: 1 }, then: { validate: { by: security, within: 4h, needs: evidence } } }
separation: { exclude: [author, committer, co_author, pusher, trigger], per: release, distinct_people: true, bots: never }
"#;

fn replies(github: &Github, number: u64) -> Vec<String> {
    let found = written(github, &format!("issues/{number}/comments"));
    found.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

/// How many comments on a pull request were marked as counting.
fn marks(github: &Github) -> usize {
    github.with(|world| world.written.iter().filter(|(kind, _)| kind.ends_with("/reactions")).count())
}

/// `51` waits for production by a policy, and was decided once.
fn waiting(policy: &str) -> (Github, App, Served) {
    let github = shop();
    github.with(|world| {
        for who in ["sue", "tom", "eve"] {
            world.user(who, "User");
        }
        world.contents.insert(".countersign/policy.yml".to_owned(), policy.to_owned());
    });
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    (github, app, served)
}

/// Somebody comments on a pull request.
fn says(github: &Github, number: u64, who: &str, text: &str) {
    let at = github.with(|world| world.pulls[&number].comments.len());
    github.with(|world| world.comment(number, &format!("IC_{number}x{at}"), who, text, &ago(0)).is_null());
}

/// Somebody comments, and is answered with its reason.
fn refused(github: &Github, number: u64, who: &str, text: &str, why: &str) {
    let before = replies(github, number).len();
    says(github, number, who, text);
    until(&format!("an answer to `{text}`"), || replies(github, number).len() > before);
    let answer = replies(github, number).pop().unwrap();
    assert!(answer.contains("does not count") && answer.contains(why), "{text}: {answer}");
}

/// Somebody comments, and it counts.
fn counts(github: &Github, number: u64, who: &str, text: &str) {
    let (before, answers) = (marks(github), replies(github, number).len());
    says(github, number, who, text);
    until(&format!("a mark of `{text}`: {:?}", replies(github, number)), || {
        assert_eq!(replies(github, number).len(), answers, "{text}: {:?}", replies(github, number));
        marks(github) > before
    });
}

fn in_days(days: i64) -> String {
    ago(-days * 24 * 60)
}

#[test]
fn every_command_is_understood_and_what_is_wrong_with_one_is_said() {
    let digest = "ab".repeat(32);
    let (verified, policy) =
        (format!("verify production tests sha256:{digest}"), format!("policy production {digest}"));
    let understood: [(&str, serde_json::Value); 18] = [
        ("approve production 51000000 as shop-owner: read it", json!({"approve": {"role": "shop-owner"}})),
        ("accept production as owner: I answer", json!({"approve": {"role": "owner", "accepts": "I answer"}})),
        ("reject production: too slow", json!({"reject": {}})),
        ("withdraw production IC_1", json!({"withdraw": {"of": "IC_1"}})),
        (
            "tick production list https://a.example: an item",
            json!({"tick": {"gate": "list", "item": "an item", "proof": "https://a.example"}}),
        ),
        ("verify production tests", json!({"verify": {"gate": "tests", "evidence": []}})),
        (&verified, json!({"verify": {"gate": "tests", "evidence": [digest]}})),
        (
            "waive production tests until 2026-12-01T09:00:00Z: it is broken; instead: we look",
            json!({"waive": {"gate": "tests", "environments": ["production"], "until": "2026-12-01T09:00:00Z",
                "compensating_control": "we look", "when": null}}),
        ),
        ("emergency production: all is down", json!({"claim_emergency": {}})),
        ("confirm production INC-7", json!({"confirm_fix": {"incident": "INC-7"}})),
        ("except production year end: it has to", json!({"except_freeze": {"freeze": "year end"}})),
        ("vouch production 51000000: it is ana's", json!({"vouch": {"commit": "51000000"}})),
        ("clear production @ana of 51000000: never", json!({"clear": {"account": "github:ana", "commit": "51000000"}})),
        (&policy, json!({"approve_policy": {"policy": digest}})),
        (
            "delegate production owner to @bo from 2026-12-01T09:00:00Z until 2026-12-02T09:00:00Z",
            json!({"delegate": {"role": "owner", "to": "github:bo", "from": "2026-12-01T09:00:00Z",
                "until": "2026-12-02T09:00:00Z"}}),
        ),
        (
            "away production from 2026-12-01T09:00:00Z until 2026-12-02T09:00:00Z",
            json!({"away": {"from": "2026-12-01T09:00:00Z", "until": "2026-12-02T09:00:00Z"}}),
        ),
        (
            "validate production validate-1 https://a.example",
            json!({"complete": {"obligation": "validate-1", "evidence": ["https://a.example"]}}),
        ),
        ("comment production: fine by us", json!({"comment": {}})),
    ];
    for (text, does) in &understood {
        let read = commands(&format!("/countersign {text}"), "github").remove(0);
        let read = read.unwrap_or_else(|no| panic!("{text}: {no}"));
        assert_eq!(serde_json::to_value(&read.does).unwrap(), *does, "{text}");
        assert_eq!(read.environment.as_deref(), Some("production"), "{text}");
    }
    // Each word is tried above, and stands in the help.
    for form in FORMS.iter().filter(|form| !matches!(form.verb, "why" | "help")) {
        assert!(understood.iter().any(|(text, _)| text.split(' ').next() == Some(form.verb)), "{}", form.verb);
    }
    let waiver =
        commands("/countersign waive production tests until 2026-12-01T09:00:00Z: why; instead: this", "github");
    assert_eq!(waiver[0].as_ref().unwrap().reason.as_deref(), Some("why"), "what guards instead is no reason");
    for (text, why) in [
        ("waive production tests", "waive ENVIRONMENT GATE until INSTANT: REASON"),
        ("waive production tests until tomorrow: why", "write instants such as"),
        ("verify production tests abc", "whole digest"),
        ("confirm production", "confirm ENVIRONMENT [COMMIT] INCIDENT"),
        ("except production year-end", "say after a colon why"),
        ("vouch production", "vouch ENVIRONMENT COMMIT"),
        ("clear production @ana", "clear ENVIRONMENT ACCOUNT of COMMIT"),
        ("policy production abcdef0", "whole digest"),
        ("comment production", "comment ENVIRONMENT: TEXT"),
        ("frob production", "`/countersign help` lists them"),
    ] {
        let no = commands(&format!("/countersign {text}"), "github").remove(0).unwrap_err();
        assert!(no.why.contains(why), "{text}: {}", no.why);
    }
    assert_eq!(spoken("/countersign help", "github")[0].1, Spoken::Help);
}

#[test]
fn a_waiver_lifts_its_gate_for_whom_the_policy_names_and_lasts_beyond_its_release() {
    let (github, app, _served) = waiting(POLICY);
    let waive = |until: &str, more: &str| {
        format!("/countersign waive production tests until {until}: the runner is broken{more}")
    };
    let whole = waive(&in_days(2), "; instead: every basket is tried by hand");
    let long = waive(&in_days(9), "; instead: every basket is tried by hand");
    refused(&github, 12, "bo", &whole, "not in security");
    refused(&github, 12, "eve", &whole, "you hold none of the policy");
    refused(&github, 12, "sue", &waive(&in_days(2), ""), "compensating control");
    refused(&github, 12, "sue", &long, "runs longer than");
    refused(&github, 12, "sue", &whole.replace(" tests ", " test "), "has no gate <code>test</code>; it has");
    counts(&github, 12, "sue", &whole);
    refused(
        &github,
        12,
        "bo",
        "/countersign tick production 510000000000 ready: rollback rehearsed",
        "ticks nothing off",
    );
    counts(&github, 12, "sue", "/countersign tick production 510000000000 ready: rollback rehearsed");
    reviews(&github, "bo", "APPROVED");
    until("it opens", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    let waivers = app.world.run(&["db", "list", "waivers", "--database", "sqlite:record.db"]).out;
    assert!(waivers.contains("github:sue"), "{waivers}");

    // The next release has other pull requests, and the waiver stands; what was ticked off does not.
    next_release(&github);
    until("a report", || !told_of(&github, NEXT).reports.is_empty());
    reviews_of(&github, 1, "carla");
    let last = || told_of(&github, NEXT).reports.pop().unwrap_or_default();
    until("what is left", || last().contains("rollback rehearsed") || last().contains("ready"));
    assert!(!last().contains("tests"), "{}", last());
    counts(&github, 13, "tom", "/countersign tick production 610000000000 ready: rollback rehearsed");
    until("it opens", || told_of(&github, NEXT).decided.is_some());
    assert_eq!(told_of(&github, NEXT).decided.unwrap().0, "approved");
}

#[test]
fn what_lasts_ends_when_its_comment_is_edited_or_it_is_taken_back() {
    let (github, app, _served) =
        waiting(&POLICY.replace("  ready: { checklist: [\"rollback rehearsed\"], verified_by: security }\n", ""));
    let waive = format!("/countersign waive production tests until {}: broken; instead: by hand", in_days(1));
    counts(&github, 12, "sue", &waive);
    let id = |at: usize| github.with(|world| world.pulls[&12].comments[at]["id"].as_str().unwrap().to_owned());
    refused(&github, 12, "tom", &format!("/countersign withdraw production {}", id(0)), "not yours to take back");
    let first = id(0);
    github.with(|world| world.edit_comment(12, &first, "never mind", &ago(0)));
    until("it is noted", || app.events("lasting_kept").len() > 1);
    counts(&github, 12, "sue", &waive);
    counts(&github, 12, "sue", &format!("/countersign withdraw production {}", id(2)));
    reviews(&github, "bo", "APPROVED");
    until("a decision with it", || {
        app.events("release_decided").iter().any(|it| it["summary"].as_str().unwrap().contains("tests"))
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(told(&github).decided, None, "{:?}", told(&github).reports);
}

#[test]
fn stand_ins_absences_and_debts_are_heard_on_pull_requests_that_are_long_merged() {
    let policy = POLICY.replace(
        "  tests: { junit: \"**/*.xml\", require: \"tests.failed == 0\", missing: block, verified_by: security }\n",
        "",
    );
    let (github, app, _served) = waiting(&policy);
    let (from, until_) = (ago(0), in_days(3));
    let delegate =
        |role: &str, to: &str| format!("/countersign delegate production {role} to @{to} from {from} until {until_}");
    refused(&github, 12, "bo", &delegate("security", "sue"), "not in security");
    refused(&github, 12, "sue", &delegate("security", "bo"), "bo is not in security");
    counts(&github, 12, "sue", &delegate("security", "tom"));
    counts(&github, 12, "sue", &format!("/countersign away production from {from} until {until_}"));
    refused(
        &github,
        12,
        "eve",
        &format!("/countersign away production from {from} until {until_}"),
        "none of the policy",
    );
    refused(&github, 12, "bo", "/countersign emergency production: it burns", "the policy has none");
    refused(&github, 12, "sue", "/countersign verify production tests", "has no gate");
    refused(&github, 12, "sue", "/countersign confirm production INC-1", "confirmed_by");
    refused(&github, 12, "sue", "/countersign except production year-end: please", "has no freeze");
    refused(&github, 12, "sue", "/countersign vouch production abcdef01: mine", "no commit of this release");
    refused(&github, 12, "sue", &format!("/countersign policy production {}", "ab".repeat(32)), "has the digest");
    counts(&github, 12, "tom", "/countersign comment production: fine by us");
    counts(&github, 12, "tom", "/countersign tick production 510000000000 ready: rollback rehearsed");
    reviews(&github, "bo", "APPROVED");
    until("it opens", || told(&github).decided.is_some());
    let owed = || app.world.run(&["db", "list", "obligations", "--database", "sqlite:record.db"]).out;
    until("a debt", || owed().contains("validate-"));
    let listed = owed();
    let id = listed.split_whitespace().find(|word| word.starts_with("validate-")).unwrap().to_owned();
    // GitHub tells seconds, and the record less: what is done within the same one was done before.
    std::thread::sleep(Duration::from_millis(1_500));
    let validate = |more: &str| format!("/countersign validate production {id}{more}");
    refused(&github, 12, "tom", &validate(""), "nothing is attached");
    refused(&github, 12, "bo", &validate(" https://runs.example/1"), "not in security");
    refused(&github, 12, "tom", "/countersign validate production nothing x", "has no obligation");
    counts(&github, 12, "tom", &validate(" https://runs.example/1"));
    // Whatever is decided next finds it met.
    next_release(&github);
    let met = || {
        let last = owed().lines().find(|line| line.contains(&id)).unwrap().trim_end().to_owned();
        last.split('\t').next_back().is_some_and(|met| met.parse::<u64>().is_ok())
    };
    until(&format!("it is met: {}", owed()), met);
}

#[test]
fn help_lists_every_command() {
    let (github, _app, _served) = waiting(POLICY);
    says(&github, 12, "eve", "/countersign help");
    until("an answer", || !replies(&github, 12).is_empty());
    let answer = replies(&github, 12).remove(0);
    for form in FORMS {
        assert!(answer.contains(&format!("/countersign {}", form.verb)), "{}: {answer}", form.verb);
    }
    assert!(answer.lines().all(|line| !line.starts_with("/countersign")), "{answer}");
}

#[test]
fn commands_in_the_body_of_a_review_are_commands() {
    let github = proposed();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    let title = || written(&github, "check-runs").first().map(|it| it["output"]["title"].as_str().unwrap().to_owned());
    until("a check", || title().as_deref() == Some("production: needs carla to approve"));
    let body = format!("Nice.\n\n/countersign approve production {} as shop-owner: read it", &sha("c2")[..12]);
    github.with(|world| world.review(13, "R_1", "carla", "COMMENTED", "c2", &ago(0))["body"] = json!(body));
    happens(&served, 13);
    until("it counts", || title().as_deref() == Some("production: needs nothing more"));
    until("an answer", || !replies(&github, 13).is_empty());
    assert!(replies(&github, 13)[0].contains("counts"), "{:?}", replies(&github, 13));
    // One that does not count is told why, once.
    github.with(|world| {
        world.review(13, "R_2", "bo", "COMMENTED", "c2", &ago(0))["body"] =
            json!(format!("/countersign approve production {}", &sha("c2")[..12]));
    });
    happens(&served, 13);
    until("a refusal", || replies(&github, 13).len() == 2);
    assert!(replies(&github, 13)[1].contains("wrote commit"), "{:?}", replies(&github, 13));
    // What was said against it in one stays said when the review is dismissed, and edited away.
    github.with(|world| {
        let review = world.review(13, "R_3", "carla", "COMMENTED", "c2", &ago(0));
        review["body"] = json!("all is well");
        review["lastEditedAt"] = json!(ago(0));
        let edit = |text: &str| json!({"__typename": "UserContentEdit", "diff": text});
        review["userContentEdits"] = json!([edit("all is well"), edit("/countersign reject production: it is wrong")]);
    });
    happens(&served, 13);
    until("it does not go", || title().is_some_and(|title| title != "production: needs nothing more"));
}

#[test]
fn commands_beside_a_review_of_the_environment_are_commands() {
    let policy = POLICY.replace(
        "  tests: { junit: \"**/*.xml\", require: \"tests.failed == 0\", missing: block, verified_by: security }\n",
        "",
    );
    let (github, _app, _served) = waiting(&policy);
    github.with(|world| {
        world.beside.insert((RUN, 0), "looked\n/countersign tick production ready: rollback rehearsed".to_owned());
    });
    reviews(&github, "sue", "APPROVED");
    reviews(&github, "bo", "APPROVED");
    until("it opens", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn what_an_approver_was_shown_is_known_from_the_record_and_what_changed_since_voids_it() {
    let policy = super::POLICY.replace("accountable: 1", "accountable: 2");
    let (github, app, _served) = waiting(&policy);
    reviews(&github, "bo", "APPROVED");
    let says =
        |text: &str| app.events("release_decided").iter().any(|it| it["summary"].as_str().unwrap().contains(text));
    until("one of two", || says("1 of 2"));
    // What is asked changes: the same number, of approvals that expire. His was for something else.
    let changed = policy.replace("accountable: 2 }", "accountable: 2, expire: 5bd }");
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), changed));
    until("it is asked anew", || says("what is asked of shop-owner has changed"));
    reviews(&github, "carla", "APPROVED");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(told(&github).decided, None, "{:?}", told(&github).reports);
}

/// The same without gates before production: what others say than those who approve is all that is asked.
fn ungated() -> String {
    let gates = POLICY.find("gates:").unwrap()..POLICY.find("components:").unwrap();
    let mut policy = POLICY.to_owned();
    policy.replace_range(
        gates,
        "gates:\n  tests: { junit: \"**/*.xml\", require: \"tests.failed == 0\", environments: [staging] }\n",
    );
    policy.replace("environments:\n", "environments:\n  staging: { approval: automatic }\n")
}

fn opens(github: &Github, app: &App) {
    until(&format!("it opens: {}", super::issues::says(app)), || told(github).decided.is_some());
    assert_eq!(told(github).decided.unwrap().0, "approved");
}

/// Nothing opened it, though it was looked at again.
fn still_waits(github: &Github, app: &App) {
    let before = app.looks();
    until("more looks", || app.looks() > before + 1);
    assert_eq!(told(github).decided, None, "{}", super::issues::says(app));
}

#[test]
fn an_exception_to_a_freeze_lets_the_release_go_by_whom_the_policy_names() {
    let freeze = "calendar: { freeze: { year-end: { from: \"2020-01-01T00:00:00Z\", to: \"2099-01-01T00:00:00Z\", exceptions_by: security } } }\n";
    let (github, app, _served) = waiting(&(ungated() + freeze));
    reviews(&github, "bo", "APPROVED");
    still_waits(&github, &app);
    refused(&github, 12, "bo", "/countersign except production 510000000000 year-end: it has to go", "not in security");
    counts(&github, 12, "sue", "/countersign except production 510000000000 year-end: it has to go");
    opens(&github, &app);
}

#[test]
fn authorities_answer_for_a_commit_of_nobody_and_clear_whom_it_names_without_his_doing() {
    let policy = ungated();
    let (github, app, _served) = waiting(&policy);
    // Nobody is known who wrote it, and it names `bo` besides.
    github.with(|world| {
        world.edit("c1", |it| {
            "ghost".clone_into(&mut it.author);
            it.co_authors.push("bo".to_owned());
        });
    });
    reviews(&github, "bo", "APPROVED");
    still_waits(&github, &app);
    let vouch = format!("/countersign vouch production {}: it is hers, from another machine", sha("c1"));
    let clear = format!("/countersign clear production @bo of {}: he was asked for advice alone", sha("c1"));
    refused(&github, 12, "carla", &vouch, "not in security");
    refused(&github, 12, "bo", &clear, "co-authored commit");
    counts(&github, 12, "sue", &vouch);
    counts(&github, 12, "sue", &clear);
    still_waits(&github, &app);
    counts(&github, 12, "tom", &vouch);
    counts(&github, 12, "tom", &clear);
    opens(&github, &app);
}

#[test]
fn a_policy_that_changed_on_the_way_goes_by_once_those_approve_it_whom_the_old_one_asks() {
    let (github, app, _served) = waiting(&super::POLICY.replace("accountable: 1", "accountable: 2"));
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), super::POLICY.to_owned()));
    still_waits(&github, &app);
    refused(&github, 12, "bo", &format!("/countersign policy production {}", "ab".repeat(32)), "has the digest");
    let answer = replies(&github, 12).pop().unwrap();
    let digest = answer.split(|it: char| !it.is_ascii_hexdigit()).filter(|it| it.len() == 64);
    let digest = digest.map(str::to_owned).find(|it| *it != "ab".repeat(32)).unwrap();
    let approve = format!("/countersign policy production {digest}");
    refused(&github, 12, "sue", &approve, "in none of the roles");
    counts(&github, 12, "bo", &approve);
    still_waits(&github, &app);
    counts(&github, 12, "carla", &approve);
    still_waits(&github, &app);
    // One is enough by the new one, although the release began by one that asks two.
    reviews(&github, "carla", "APPROVED");
    opens(&github, &app);
}
