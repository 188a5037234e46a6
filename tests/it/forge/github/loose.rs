//! What could be taken for more than it is: what anybody who may push can write, what was not read to its end, and what
//! is ambiguous. Each of it holds.

use serde_json::{Value, json};

use countersign::forge::Source as _;

use super::client::{client, run};
use super::shop::{Asked, ask, ask_with, busy, shop};
use crate::support::github::Github;
use crate::support::github::world::{Deployment, REPOSITORY, sha};

fn approved(github: &Github, by: &str) {
    let review = (by.to_owned(), "APPROVED".to_owned(), "production".to_owned());
    github.with(|world| world.runs[0].reviews.push(review));
}

/// The decision holds, and says this.
fn holds(asked: &Asked, says: &str) {
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains(says), "{text}");
}

fn actor(login: &str) -> Value {
    json!({"__typename": "User", "login": login})
}

#[test]
fn t28_t34_a_pull_request_of_which_only_a_part_goes_reviews_nothing_of_it() {
    // c1 is a part of number 12, of which the last head takes it out again; it is merged as 51, and c1 alone goes.
    let github = shop();
    github.with(|world| {
        world.commit("c2", "ana", &["c1"], &[("checkout/basket.rs", "1")]);
        let pull = world.pulls.get_mut(&12).unwrap();
        pull.commits.push(sha("c2"));
        pull.head = sha("c2");
        pull.files.clear();
        world.runs[0].commit = sha("c1");
        world.branches.insert("refs/heads/main".to_owned(), sha("c1"));
        world.review(12, "R1", "bo", "APPROVED", "c2", "2026-12-01T11:00:00Z");
    });
    let asked = ask_with(&github, &["--run", "900", "--commit", &sha("c1")]);
    assert_eq!(asked.said.code, 2, "the command names one commit");
    let part = |github: &Github| {
        let client = client(github);
        let question = countersign::forge::Question {
            repository: REPOSITORY.to_owned(),
            environment: "production".to_owned(),
            promoted_from: Vec::new(),
            commit: sha("c1"),
            reference: None,
            run: None,
            components: [("checkout".to_owned(), vec!["checkout".to_owned()])].into(),
            running: [("checkout".to_owned(), countersign::model::facts::Fact::Known(sha("b0")))].into(),
            history: false,
            logins: Vec::new(),
            groups: Vec::new(),
            acts: Vec::new(),
            signers: Vec::new(),
            roster: std::collections::BTreeMap::new(),
        };
        let gathered = run(client.gather(&question)).unwrap();
        let changes = gathered.changes.known().unwrap().clone();
        assert_eq!(changes.len(), 1);
        changes[0].change.clone()
    };
    let change = part(&github);
    assert_eq!((change.id, change.direct), (sha("c1"), true));
    assert_eq!(change.files.known().unwrap(), &["checkout/basket.rs"], "what it touches itself");
    // Open, with another head than what goes.
    github.with(|world| world.pulls.get_mut(&12).unwrap().merge_commit = None);
    assert!(part(&github).direct);
    // Open, and its head is what goes.
    github.with(|world| {
        let pull = world.pulls.get_mut(&12).unwrap();
        pull.commits = vec![sha("c1")];
        pull.head = sha("c1");
    });
    assert_eq!(part(&github).id, "acme/shop#12");
}

#[test]
fn t09_what_comes_in_while_merging_touches_what_it_touches() {
    let github = busy(&[("checkout/basket.rs", "2"), ("search/backdoor.rs", "1")]);
    let asked = ask(&github);
    let files = asked.change("acme/shop#12")["files"].clone();
    assert!(files.as_array().unwrap().contains(&json!("search/backdoor.rs")), "{files}");
    // It landed clean, and its files stay its own.
    let asked = ask(&busy(&[("checkout/basket.rs", "2")]));
    assert_eq!(asked.change("acme/shop#12")["files"], json!(["checkout/basket.rs"]));
    // More than GitHub names: what did not land as it was may have touched any.
    let many: Vec<String> = (0..310).map(|at| format!("checkout/f{at}.rs")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1")).collect();
    let asked = ask(&busy(&[&many[..], &[("checkout/basket.rs", "2")]].concat()));
    assert!(asked.change("acme/shop#12")["files"]["unavailable"].is_string(), "{}", asked.change("acme/shop#12"));
}

#[test]
fn what_is_moved_out_of_a_component_touches_it() {
    let github = shop();
    github.with(|world| {
        for name in ["c1", "51"] {
            world.edit(name, |commit| {
                let blob = commit.files.remove("search/index.rs").unwrap();
                commit.files.insert("checkout/index.rs".to_owned(), blob);
            });
        }
        let pull = world.pulls.get_mut(&12).unwrap();
        pull.files.push("checkout/index.rs".to_owned());
        pull.moved.insert("checkout/index.rs".to_owned(), "search/index.rs".to_owned());
    });
    let asked = ask(&github);
    let files = json!(["checkout/basket.rs", "checkout/index.rs", "search/index.rs"]);
    assert_eq!(asked.change("acme/shop#12")["files"], files);
    assert!(asked.facts["release"]["components"]["search"].is_object(), "{}", asked.facts["release"]["components"]);
}

#[test]
fn t67_what_runs_is_not_believed_from_what_anybody_can_write() {
    let github = shop();
    approved(&github, "bo");
    let world = ask(&github).world;
    let head = sha("51");
    let arguments = ["facts", "--github", REPOSITORY, "--environment", "production", "--commit", &head];
    let said = world.run(&[&arguments[..], &["--run", "900"]].concat());
    let facts: Value = serde_json::from_str(&said.out).unwrap();
    let why = facts["release"]["changes"]["unavailable"].as_str().unwrap();
    assert!(why.contains("--since") && why.contains(&sha("b0")), "{why}");
    // One component is named, and the other is not.
    let said = world.run(&[&arguments[..], &["--run", "900", "--since", &format!("search={}", sha("b0"))]].concat());
    let facts: Value = serde_json::from_str(&said.out).unwrap();
    assert!(facts["release"]["changes"]["unavailable"].is_string());
    // Nor how it went.
    let deployment = &facts["deployments"][0];
    assert!(deployment["outcome"]["unavailable"].is_string() && deployment["finished_at"]["unavailable"].is_string());
    for name in ["outcome", "break_glass", "bypassed_by"] {
        assert!(facts["release"][name]["unavailable"].is_string(), "nobody looked at {name}");
    }
}

#[test]
fn what_runs_and_is_not_in_what_goes_is_said() {
    let github = shop();
    github.with(|world| world.commit("f1", "bo", &["b0"], &[("checkout/fix.rs", "1")]));
    let asked = ask_with(&github, &["--run", "900", "--since", &sha("f1")]);
    assert!(asked.why("/release/changes").contains("would be lost"), "{}", asked.why("/release/changes"));
}

#[test]
fn t05_the_push_that_brought_a_commit_is_looked_for_to_its_end() {
    // Somebody pushed c1 on Monday; on Friday a bot opens a branch at it, and more than a page lies between.
    let github = shop();
    github.with(|world| {
        world.activity.get_mut(REPOSITORY).unwrap()[0] =
            ["2026-12-01T09:00:00Z", &sha("b0"), &sha("c1"), "push", "bo"].map(str::to_owned);
        for at in 0..150 {
            world.push(&format!("2026-12-01T1{}:{:02}:00Z", at / 60, at % 60), "b0", "b0", "push", "eve");
        }
        world.push("2026-12-02T09:00:00Z", "0", "c1", "branch_creation", "helper[bot]");
    });
    approved(&github, "bo");
    let asked = ask(&github);
    assert_eq!(asked.commit("c1")["pushed_by"], "github:bo");
    holds(&asked, "pushed commit");
    // It goes on further than is read.
    github.page(1);
    let asked = ask(&github);
    assert!(asked.commit("c1")["pushed_by"]["unavailable"].is_string(), "{}", asked.commit("c1"));
    // GitHub made what it descends from, and nothing older need be read.
    github.with(|world| world.push("2026-12-01T08:59:00Z", "0", "b0", "pr_merge", "carla"));
    github.page(100);
    github.forget();
    assert_eq!(ask(&github).commit("c1")["pushed_by"], "github:bo");
    let pages = github.asked().iter().filter(|it| it.path.ends_with("/activity")).count();
    assert_eq!(pages, 2, "and not the one of January");
}

#[test]
fn t05_who_is_gone_and_a_fork_that_may_not_be_read_leave_no_pusher() {
    let github = shop();
    github.with(|world| world.activity.get_mut(REPOSITORY).unwrap()[0][4] = "gone".to_owned());
    github.with(|world| world.push("2026-12-02T09:00:00Z", "0", "c1", "branch_creation", "carla"));
    let asked = ask(&github);
    assert!(asked.commit("c1")["pushed_by"]["unavailable"].is_string(), "{}", asked.commit("c1"));
    let github = shop();
    github.with(|world| world.pulls.get_mut(&12).unwrap().fork = Some("eve/shop".to_owned()));
    let asked = ask(&github);
    assert!(asked.commit("c1")["pushed_by"]["unavailable"].is_string(), "{}", asked.commit("c1"));
}

#[test]
fn t08_a_head_that_was_pushed_over_taints_who_wrote_it_and_nobody_else() {
    let github = shop();
    github.with(|world| {
        world.commit("c0", "bo", &["b0"], &[("checkout/basket.rs", "0")]);
        world.pulls.get_mut(&12).unwrap().force_pushes.push(sha("c0"));
        world.push("2026-12-01T08:00:00Z", "b0", "c0", "push", "bo");
    });
    approved(&github, "carla");
    let asked = ask(&github);
    assert_eq!(asked.commit("c0")["co_authors"], Value::Null);
    let (code, text) = asked.decided();
    assert_eq!(code, 0, "{text}");
    github.with(|world| world.runs[0].reviews.clear());
    approved(&github, "bo");
    holds(&ask(&github), "bo");
}

#[test]
fn t17_what_was_dismissed_is_what_it_was_and_lifts_no_rejection() {
    let github = shop();
    github.with(|world| {
        let review = world.review(12, "R1", "bo", "CHANGES_REQUESTED", "c1", "2026-12-01T11:00:00Z");
        review["body"] = json!("it loses the baskets of everybody");
        world.review(12, "R2", "bo", "DISMISSED", "c1", "2026-12-01T12:00:00Z");
    });
    approved(&github, "carla");
    // Nothing says what it was.
    assert!(ask(&github).why("/acts").contains("R2"));
    github.with(|world| {
        world.event(
            12,
            json!({"__typename": "ReviewDismissedEvent", "previousReviewState": "CHANGES_REQUESTED",
            "review": {"__typename": "PullRequestReview", "id": "R2"}}),
        );
    });
    let asked = ask(&github);
    assert_eq!(asked.act("R2")["does"], json!({"reject": {}}));
    assert_eq!(asked.act("R2")["standing"], "dismissed");
    holds(&asked, "bo rejects it");
}

#[test]
fn w4_a_rejection_is_heard_however_it_is_written() {
    for (at, (body, reason)) in [
        ("/countersign reject production", Value::Null),
        ("/countersign reject production:too slow", json!("too slow")),
        ("/countersign reject Production checkout: no", json!("checkout no")),
        ("/countersign reject", Value::Null),
    ]
    .into_iter()
    .enumerate()
    {
        let github = shop();
        github.with(|world| {
            world.comment(12, "C1", "carla", body, "2026-12-02T11:30:00Z");
        });
        approved(&github, "bo");
        let asked = ask(&github);
        assert_eq!(asked.act("C1")["does"], json!({"reject": {}}), "{at}: {body}");
        assert_eq!(asked.act("C1")["reason"], reason, "{body}");
        holds(&asked, "carla rejects it");
    }
    // A fence of one kind is not closed by the other.
    let github = shop();
    github.with(|world| {
        let body = "```\n~~~\n/countersign reject production: no\n```\nhm";
        world.comment(12, "C1", "carla", body, "2026-12-02T11:00:00Z");
    });
    assert!(ask(&github).facts["acts"].as_array().unwrap().is_empty());
}

#[test]
fn t18_a_rejection_that_is_edited_away_or_deleted_is_not_unsaid() {
    let github = shop();
    approved(&github, "bo");
    github.with(|world| {
        world.comment(12, "C1", "carla", "/countersign reject production: too slow", "2026-12-02T11:00:00Z");
        world.edit_comment(12, "C1", "hm", "2026-12-02T11:10:00Z");
    });
    let asked = ask(&github);
    assert_eq!((&asked.act("C1")["does"], &asked.act("C1")["standing"]), (&json!({"reject": {}}), &json!("edited")));
    holds(&asked, "carla rejects it");
    // Its history was struck.
    github.with(|world| world.pulls.get_mut(&12).unwrap().comments[0]["userContentEdits"][1]["diff"] = Value::Null);
    assert!(ask(&github).why("/acts").contains("struck"));
    // What somebody deletes himself he takes back; what somebody else deletes is lost.
    let deleted = |by: &str| {
        let github = shop();
        approved(&github, "bo");
        let event =
            json!({"__typename": "CommentDeletedEvent", "actor": actor(by), "deletedCommentAuthor": actor("carla")});
        github.with(|world| world.event(12, event));
        ask(&github)
    };
    assert_eq!(deleted("carla").decided().0, 0);
    assert!(deleted("ana").why("/acts").contains("deleted"));
    // Whoever requested changes has no account any longer.
    let github = shop();
    github.with(|world| {
        world.review(12, "R1", "nobody", "CHANGES_REQUESTED", "c1", "2026-12-01T11:00:00Z");
    });
    assert!(ask(&github).why("/acts").contains("no account"));
}

#[test]
fn t11_whoever_opened_it_or_was_ever_assigned_is_whom_a_bot_works_for() {
    let github = shop();
    github.with(|world| world.edit("c1", |commit| commit.author = "helper[bot]".to_owned()));
    assert_eq!(ask(&github).commit("c1")["on_behalf_of"], json!(["github:ana"]), "ana opened it");
    github.with(|world| {
        world.pulls.get_mut(&12).unwrap().author = "helper[bot]".to_owned();
    });
    let why = ask(&github).commit("c1")["on_behalf_of"]["unavailable"].clone();
    assert!(why.as_str().unwrap().contains("for whom"), "{why}");
    approved(&github, "bo");
    github.with(|world| world.event(12, json!({"__typename": "UnassignedEvent", "assignee": actor("bo")})));
    let asked = ask(&github);
    assert_eq!(asked.commit("c1")["on_behalf_of"], json!(["github:bo"]), "he took himself off");
    holds(&asked, "had commit");
}

#[test]
fn t19_whoever_may_not_come_in_any_longer_is_not_active() {
    for gone in ["outside", "suspended"] {
        let github = shop();
        approved(&github, "bo");
        assert_eq!(ask(&github).facts["accounts"]["github:bo"]["active"], true);
        github.with(|world| {
            let list = if gone == "outside" { &mut world.outside } else { &mut world.suspended };
            list.push("bo".to_owned());
        });
        let asked = ask(&github);
        assert_eq!(asked.facts["accounts"]["github:bo"]["active"], false, "{gone}");
        holds(&asked, "deactivated");
    }
    // Of who did nothing nobody asked.
    let asked = ask(&shop());
    assert!(asked.facts["accounts"]["github:ana"]["active"]["unavailable"].is_string());
}

#[test]
fn t01_t31_whoever_starts_a_run_again_started_it_too() {
    let github = shop();
    approved(&github, "bo");
    github.with(|world| world.attempts.insert(900, (2, "bo".to_owned())));
    let asked = ask(&github);
    let why = asked.why("/release/trigger");
    assert!(why.contains("ana") && why.contains("bo"), "{why}");
    holds(&asked, "who started the deployment");
    github.with(|world| world.attempts.insert(900, (2, "ana".to_owned())));
    assert_eq!(ask(&github).decided().0, 0);
}

#[test]
fn a_run_that_is_started_again_asks_people_from_then_on() {
    let github = shop();
    github.with(|world| {
        world.attempts.insert(900, (2, "ana".to_owned()));
        world.started.insert(900, "2026-12-20T08:00:00Z".to_owned());
    });
    let asked = ask(&github);
    let release = &asked.facts["release"];
    assert_eq!(release["submitted_at"], "2026-12-02T10:01:00Z", "the run is the same");
    assert_eq!(release["asked_since"], "2026-12-20T08:00:00Z");
}

#[test]
fn t25_an_approval_of_the_environment_is_of_what_ran_then() {
    let github = shop();
    approved(&github, "bo");
    assert_eq!(ask(&github).decided().0, 0);
    // Something else was deployed here since the run began.
    let back = [("SUCCESS".to_owned(), "2026-12-02T11:00:00Z".to_owned())];
    github.with(|world| {
        world.commit("a1", "carla", &[], &[("checkout/basket.rs", "0")]);
        let deployment = Deployment {
            environment: "production".to_owned(),
            commit: sha("a1"),
            statuses: [&[("IN_PROGRESS".to_owned(), "2026-12-02T10:59:00Z".to_owned())], &back[..]].concat(),
        };
        world.deployments.push(deployment);
    });
    let asked = ask(&github);
    assert_eq!(asked.act("DR_900_0")["saw"]["changes"], json!({}));
    assert_eq!(asked.decided().0, 10);
    // A rejection is of now, and an approval of before: GitHub does not say when.
    let github = shop();
    github.with(|world| {
        world.runs[0].reviews.push(("bo".to_owned(), "REJECTED".to_owned(), "production".to_owned()));
        world.comment(12, "C1", "bo", "/countersign approve production", "2026-12-02T10:01:00Z");
    });
    holds(&ask(&github), "bo rejects it");
}

#[test]
fn t16_a_file_is_absent_only_where_the_default_branch_can_be_read() {
    let github = shop();
    let client = client(&github);
    let file = || run(client.file(REPOSITORY, ".countersign/policy.yml"));
    assert!(file().is_absent());
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), "version: 1".to_owned()));
    let found = file();
    assert_eq!(found.known().unwrap().bytes, b"version: 1");
    assert!(found.known().unwrap().from.contains(&sha("51")), "the commit from which it came");
    github.with(|world| {
        world.contents.clear();
        world.branches.clear();
    });
    assert!(file().unavailable().is_some());
}

#[test]
fn a_commit_that_is_gone_has_no_content() {
    let github = shop();
    github.with(|world| world.deployments[0].commit = sha("dead"));
    let asked = ask(&github);
    let content = &asked.facts["deployments"][0]["components"]["checkout"]["content"];
    assert!(content["unavailable"].is_string(), "{content}");
}

#[test]
fn t10_whoever_goes_by_githubs_name_without_its_signature_is_nobody() {
    let github = shop();
    approved(&github, "bo");
    github.with(|world| world.edit("51", |commit| commit.unsigned = true));
    let asked = ask(&github);
    assert_eq!(asked.commit("51")["committer"], Value::Null);
    assert_eq!(asked.decided().0, 10);
}
