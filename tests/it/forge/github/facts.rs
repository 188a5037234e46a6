//! From what GitHub holds to a decision, through the command: `countersign facts`, then `countersign decide`.

use std::collections::BTreeMap;

use countersign::forge::{Question, Source as _};
use countersign::model::facts::Fact;
use serde_json::{Value, json};

use super::client::{client, run};

use super::shop::{Asked, POLICY, ask, ask_with, busy, shop};
use crate::support::github::world::{REPOSITORY, Rule, Run, sha};
use crate::support::github::{Github, TOKEN, Trouble};
use crate::support::run::World;

#[test]
fn a_release_is_what_changed_since_what_runs_and_a_review_lets_it_go() {
    let github = shop();
    let asked = ask(&github);
    let release = &asked.facts["release"];
    assert_eq!(release["repository"], REPOSITORY);
    assert_eq!(release["trigger"], "github:ana");
    assert_eq!(
        release["reference"],
        json!({"name": "refs/heads/main", "reaches": true, "on_default": true, "resolves_to": sha("51")})
    );
    assert_eq!(release["submitted_at"], "2026-12-02T10:01:00Z");
    assert_eq!(release["asked_since"], json!(null), "its first attempt was started when it was made");
    let changes = release["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["id"], "acme/shop#12");
    assert_eq!(changes[0]["files"], json!(["checkout/basket.rs"]));
    assert_eq!(changes[0]["landed"]["tree"], changes[0]["content"], "nothing else was merged meanwhile");
    // Only what the changes touch goes.
    assert_eq!(release["components"].as_object().unwrap().keys().collect::<Vec<_>>(), ["checkout"]);
    let (wrote, squashed) = (asked.commit("c1"), asked.commit("51"));
    assert_eq!((&wrote["author"], &wrote["pushed_by"]), (&json!("github:ana"), &json!("github:ana")));
    // GitHub wrote the squashed commit down, and who pressed the button wrote nothing.
    assert_eq!(
        (&squashed["committer"], &squashed["pushed_by"]),
        (&json!("github:web-flow"), &json!("github:web-flow"))
    );
    assert_eq!(asked.facts["accounts"]["github:web-flow"]["kind"], "forge");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("0 of 1"), "{text}");

    github.with(|world| {
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let (code, text) = ask(&github).decided();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_cold_question_takes_five_calls_with_what_was_deployed_before() {
    let github = shop();
    let asked = ask_with(&github, &["--run", "900", "--since", &sha("b0"), "--reference", "refs/heads/main"]);
    assert_eq!(asked.said.code, 0, "{}", asked.said.err);
    let paths: Vec<String> = github.asked().into_iter().map(|it| it.path).collect();
    // One is for the run. What was deployed before, and what that contains, is asked with all else.
    assert_eq!(paths.len(), 5, "{paths:?}");
    assert!(asked.said.err.contains("asked GitHub 5 times"), "{}", asked.said.err);
}

/// So many pull requests of one commit each, and a team of 100.
pub fn many(count: u64) -> (Github, Question) {
    let github = Github::start();
    github.with(|world| {
        world.commit("b0", "carla", &[], &[("checkout/basket.rs", "0")]);
        let mut before = "b0".to_owned();
        for number in 1..=count {
            let (head, landed) = (format!("c{number:03}"), format!("d{number:03}"));
            let changed = [("checkout/basket.rs", format!("{number}"))];
            let changed: Vec<(&str, &str)> = changed.iter().map(|(path, text)| (*path, text.as_str())).collect();
            world.commit(&head, "ana", &[&before], &changed);
            world.commit(&landed, "ana", &[&before], &changed);
            world.pull(number, "ana", &before, &[&head], &landed);
            let at = |minutes: u64| format!("2026-12-01T{:02}:{:02}:00Z", minutes / 60, minutes % 60);
            world.push(&at(number * 2), &before, &head, "push", "ana");
            world.push(&at(number * 2 + 1), &before, &landed, "pr_merge", "bo");
            before = landed;
        }
        world.branches.insert("refs/heads/main".to_owned(), sha(&format!("d{count:03}")));
        let members: Vec<String> = (0..100).map(|at| format!("member{at}")).collect();
        for login in &members {
            world.user(login, "User");
        }
        world.teams.insert("acme/shop-leads".to_owned(), members);
    });
    let question = Question {
        repository: REPOSITORY.to_owned(),
        environment: "production".to_owned(),
        promoted_from: Vec::new(),
        commit: sha(&format!("d{count:03}")),
        reference: Some("refs/heads/main".to_owned()),
        run: None,
        components: [("checkout".to_owned(), vec!["checkout".to_owned()])].into(),
        running: [("checkout".to_owned(), Fact::Known(sha("b0")))].into(),
        history: false,
        logins: Vec::new(),
        groups: vec!["github:@acme/shop-leads".to_owned()],
        acts: Vec::new(),
        signers: Vec::new(),
        roster: BTreeMap::new(),
    };
    (github, question)
}

#[test]
fn what_a_history_does_not_list_is_asked_by_its_name() {
    let (github, question) = many(130);
    let whole = run(client(&github).gather(&question)).unwrap();
    github.forget();
    // With what was deployed before a history is asked as well, of a hundred commits.
    let question = Question { history: true, ..question };
    let with = run(client(&github).gather(&question)).unwrap();
    let texts: Vec<String> =
        github.asked().iter().filter_map(|it| it.body["query"].as_str().map(str::to_owned)).collect();
    assert_eq!(texts.iter().filter(|text| text.contains("history(")).count(), 1);
    let named =
        |sha: &str| texts.iter().filter(|text| text.contains(&format!("object(oid: \"{sha}\") {{ ...commit"))).count();
    assert_eq!((named(&sha("d030")), named(&sha("d031"))), (1, 0));
    assert_eq!(with.changes.known().unwrap().len(), 130);
    assert_eq!(with.changes, whole.changes);
    assert_eq!(with.acts, whole.acts);
}

#[test]
fn what_can_not_be_asked_in_one_question_is_asked_in_several() {
    let (github, question) = many(12);
    let question = Question { history: true, ..question };
    let whole = run(client(&github).gather(&question)).unwrap();
    // GitHub gives up at the opening, and at the pull requests beside all else.
    let page = "<html>We couldn't respond to your request in time.</html>";
    for text in ["history(", "p7: pullRequest"] {
        for _ in 0..4 {
            github.trouble(text, Trouble::Answer(502, Vec::new(), page.to_owned()));
        }
        let parts = run(client(&github).gather(&question)).unwrap();
        assert_eq!(github.troubles(), 0);
        assert_eq!(parts.changes, whole.changes);
        assert_eq!(parts.deployments, whole.deployments);
    }
}

#[test]
fn a_file_takes_one_question_and_a_link_is_what_it_leads_to() {
    let github = Github::start();
    github.with(|world| {
        world.branches.insert("refs/heads/main".to_owned(), sha("51"));
        for (path, text) in [("plain.yml", "version: 1\n"), ("link.yml", "version: 1 # elsewhere\n")] {
            world.contents.insert(path.to_owned(), text.to_owned());
        }
        world.links.push("link.yml".to_owned());
    });
    let client = client(&github);
    let read = |path: &str| run(client.file(REPOSITORY, path));
    assert_eq!(read("plain.yml").known().unwrap().bytes, b"version: 1\n");
    assert_eq!(github.asked().len(), 1);
    assert_eq!(read("link.yml").known().unwrap().bytes, b"version: 1 # elsewhere\n");
    assert_eq!(github.asked().len(), 3, "REST knows where it leads");
    assert!(read("none.yml").is_absent());
}

/// 100 pull requests of one commit each, and a team of 100.
#[test]
fn a_hundred_commits_and_a_hundred_members_take_five_calls_and_two_when_nothing_happened() {
    let (github, question) = many(100);
    let client = client(&github);
    let cold = run(client.gather(&question)).unwrap();
    assert_eq!(cold.changes.known().unwrap().len(), 100);
    assert_eq!(cold.groups["github:@acme/shop-leads"].known().unwrap().len(), 100);
    let commits = cold.changes.known().unwrap().iter().flat_map(|it| it.change.commits.known().unwrap());
    let pushed: Vec<bool> = commits.map(|commit| commit.pushed_by.known().is_some()).collect();
    assert_eq!((pushed.len(), pushed.iter().all(|known| *known)), (200, true), "all of them are somebody's");
    // The pushes take two pages.
    let first = client.calls();
    assert_eq!((first.rest, first.graphql, first.revalidated), (3, 2, 0));
    let warm = run(client.gather(&question)).unwrap();
    assert_eq!(warm.changes, cold.changes);
    let second = client.calls();
    assert_eq!((second.rest - first.rest, second.graphql - first.graphql, second.revalidated), (0, 2, 3));
}

#[test]
fn a_change_has_its_title_its_labels_to_the_last_page_and_the_issues_that_it_closes() {
    let github = shop();
    let title = "Faster baskets \u{202e}";
    github.with(|world| {
        let pull = world.pulls.get_mut(&12).unwrap();
        title.clone_into(&mut pull.title);
        pull.labels = ["speed", "checkout", "needs-docs"].map(str::to_owned).to_vec();
        pull.closes = vec![Some(9), Some(7)];
    });
    let asked = ask(&github);
    let change = asked.change("acme/shop#12");
    assert_eq!(change["title"], title);
    assert_eq!(change["labels"], json!(["checkout", "needs-docs", "speed"]));
    assert_eq!(change["issues"], json!(["acme/shop#7", "acme/shop#9"]));
    let calls = github.asked().len();
    // Each list has a page of its own for what is left of it.
    github.page(2);
    assert_eq!(*ask(&github).change("acme/shop#12"), *change);
    assert!(github.asked().len() > 2 * calls);
    github.page(100);

    // None of them is known to be none; one that may not be seen leaves the others unknown, and keeps nobody from the rest.
    github.with(|world| {
        let pull = world.pulls.get_mut(&12).unwrap();
        pull.labels.clear();
        pull.closes = vec![Some(7), None];
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    let change = asked.change("acme/shop#12");
    assert_eq!(change["labels"], Value::Null);
    assert!(change["issues"]["unavailable"].is_string(), "{change}");
    assert_eq!(change["files"], json!(["checkout/basket.rs"]));
    assert_eq!(asked.decided().0, 0);
}

#[test]
fn t05_whoever_pushed_contributed_whatever_the_commit_says() {
    let github = shop();
    github.with(|world| {
        world.activity.get_mut(REPOSITORY).unwrap()[0][4] = "bo".to_owned();
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    assert_eq!(asked.commit("c1")["pushed_by"], "github:bo");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("pushed commit"), "{text}");
}

#[test]
fn a_branch_beside_the_default_one_says_whether_that_has_the_commit_too() {
    let github = shop();
    github.with(|world| {
        world.branches.insert("refs/heads/hotfix".to_owned(), sha("51"));
        world.branches.insert("refs/heads/main".to_owned(), sha("b0"));
        world.runs[0].branch = "hotfix".to_owned();
    });
    let reference = |asked: &Asked| asked.facts["release"]["reference"].clone();
    let hotfix = json!({"name": "refs/heads/hotfix", "reaches": true, "on_default": false, "resolves_to": sha("51")});
    assert_eq!(reference(&ask(&github)), hotfix);
    github.with(|world| world.branches.remove("refs/heads/main"));
    assert!(
        reference(&ask(&github))["on_default"]["unavailable"].is_string(),
        "nobody says what the default branch is"
    );
}

#[test]
fn t05_a_push_that_nobody_knows_of_holds() {
    let github = shop();
    github.with(|world| {
        world.activity.get_mut(REPOSITORY).unwrap().remove(0);
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    // The merge reaches the commit too, and did not bring it.
    assert!(asked.commit("c1")["pushed_by"]["unavailable"].is_string(), "{}", asked.commit("c1"));
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn t04_t06_authors_whom_nobody_knows_hold_and_trailers_exclude() {
    let github = shop();
    github.with(|world| {
        world.edit("c1", |commit| commit.co_authors.push("bo".to_owned()));
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    assert_eq!(asked.commit("c1")["co_authors"], json!(["github:bo"]));
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("co-authored"), "{text}");

    let github = shop();
    github.with(|world| {
        world.edit("c1", |commit| commit.author = "nobody".to_owned());
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    assert_eq!(asked.commit("c1")["author"], Value::Null);
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn t08_whoever_wrote_a_head_that_was_pushed_over_contributed() {
    let github = shop();
    github.with(|world| {
        world.commit("c0", "bo", &["b0"], &[("checkout/basket.rs", "0")]);
        world.pulls.get_mut(&12).unwrap().force_pushes.push(sha("c0"));
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    assert_eq!(asked.commit("c0")["author"], "github:bo");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
}

#[test]
fn t10_t11_a_bot_is_known_by_its_type_and_works_for_those_to_whom_it_is_assigned() {
    let github = shop();
    github.with(|world| {
        world.edit("c1", |commit| {
            commit.author = "helper[bot]".to_owned();
            commit.committer = "helper[bot]".to_owned();
        });
        let pull = world.pulls.get_mut(&12).unwrap();
        pull.author = "helper[bot]".to_owned();
        pull.assignees.push("bo".to_owned());
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    assert_eq!(asked.commit("c1")["author"], "github:helper[bot]");
    assert_eq!(asked.commit("c1")["on_behalf_of"], json!(["github:bo"]));
    assert_eq!(asked.facts["accounts"]["github:helper[bot]"]["kind"], "app");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("had commit"), "{text}");
}

#[test]
fn t13_whoever_may_have_come_into_the_team_since_does_not_count() {
    let github = shop();
    github.with(|world| {
        world.teams.get_mut("acme/shop-leads").unwrap().push("dana".to_owned());
        world.runs[0].reviews.push(("dana".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    let members = asked.facts["groups"]["github:@acme/shop-leads"].as_array().unwrap();
    let joined = |login: &str| members.iter().find(|member| member["account"] == login).unwrap()["joined"].clone();
    assert_eq!(joined("github:bo"), Value::Null);
    assert!(joined("github:dana")["unavailable"].is_string());
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
}

#[test]
fn t17_t18_dismissed_reviews_and_edited_comments_never_count() {
    let github = shop();
    github.with(|world| {
        world.review(12, "R1", "bo", "APPROVED", "c1", "2026-12-01T11:00:00Z");
        world.review(12, "R2", "bo", "DISMISSED", "c1", "2026-12-01T12:00:00Z");
        world.review(12, "R3", "carla", "CHANGES_REQUESTED", "c1", "2026-12-01T13:00:00Z");
        let was = json!({"__typename": "ReviewDismissedEvent", "previousReviewState": "APPROVED", "review": {"__typename":
            "PullRequestReview", "id": "R2"}});
        world.event(12, was);
        world.comment(12, "C1", "bo", "hm", "2026-12-02T11:00:00Z");
        world.edit_comment(12, "C1", "/countersign approve production", "2026-12-02T11:30:00Z");
        world.comment(
            12,
            "C2",
            "eve",
            "> /countersign approve production\n```\n/countersign approve production\n```\nno",
            "2026-12-02T11:00:00Z",
        );
        world.comment(12, "C3", "bo", "/countersign approve production: looks right", "2026-12-02T11:45:00Z");
    });
    let asked = ask(&github);
    let acts = asked.facts["acts"].as_array().unwrap();
    let of = |id: &str| acts.iter().find(|act| act["id"] == id).unwrap_or_else(|| panic!("no act {id}"));
    let content = asked.facts["release"]["changes"][0]["content"].clone();
    assert_eq!(of("R1")["saw"]["changes"], json!({"acme/shop#12": content}));
    assert_eq!(of("R2")["standing"], "dismissed");
    assert_eq!(of("R3")["does"], json!({"reject": {}}));
    assert_eq!(of("C1")["standing"], "edited");
    assert!(acts.iter().all(|act| act["id"] != "C2"), "a quotation and a block of code are no commands");
    assert_eq!(of("C3")["standing"], "stands");
    assert_eq!(of("C3")["reason"], "looks right");
    assert_eq!(of("C3")["saw"]["changes"], json!({"acme/shop#12": content}), "it was merged by then");
}

#[test]
fn every_list_is_read_to_its_last_page() {
    let github = shop();
    github.page(1);
    github.with(|world| {
        world.commit("c2", "dana", &["c1"], &[("checkout/basket.rs", "2"), ("checkout/b.rs", "1")]);
        world.edit("51", |commit| commit.files.extend([("checkout/b.rs".to_owned(), String::new())]));
        let files = world.commits[&sha("c2")].files.clone();
        world.edit("51", |commit| commit.files = files);
        world.edit("c2", |commit| commit.pulls.push(12));
        let pull = world.pulls.get_mut(&12).unwrap();
        pull.commits.push(sha("c2"));
        pull.head = sha("c2");
        pull.files.push("checkout/b.rs".to_owned());
        world.push("2026-12-01T09:30:00Z", "c1", "c2", "push", "dana");
        for at in 0..5 {
            world.review(12, &format!("R{at}"), "eve", "COMMENTED", "c2", "2026-12-01T11:00:00Z");
            world.comment(12, &format!("C{at}"), "eve", "hm", "2026-12-01T11:00:00Z");
        }
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    let asked = ask(&github);
    assert_eq!(asked.commit("c2")["author"], "github:dana");
    assert_eq!(asked.facts["release"]["changes"][0]["files"], json!(["checkout/basket.rs", "checkout/b.rs"]));
    assert_eq!(asked.facts["groups"]["github:@acme/shop-leads"].as_array().unwrap().len(), 2);
    assert_eq!(asked.facts["acts"].as_array().unwrap().iter().filter(|act| act["via"] == "review").count(), 5);
    let (code, text) = asked.decided();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_may_not_be_seen_is_said_and_holds() {
    let github = shop();
    github.with(|world| {
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
    });
    github.hide("acme/shop-leads");
    let asked = ask(&github);
    let group = &asked.facts["groups"]["github:@acme/shop-leads"];
    assert!(group["unavailable"].as_str().unwrap().contains("permission"), "{group}");
    assert_eq!(asked.decided().0, 10);

    let github = shop();
    for _ in 0..4 {
        github.trouble("compare", Trouble::Answer(502, vec![], String::new()));
    }
    let asked = ask(&github);
    assert!(asked.facts["release"]["changes"]["unavailable"].is_string());
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn a_commit_without_a_pull_request_is_a_change_of_its_own() {
    let github = shop();
    github.with(|world| {
        world.commit("d1", "dana", &["51"], &[("search/index.rs", "2")]);
        world.push("2026-12-02T10:30:00Z", "51", "d1", "push", "dana");
        world.branches.insert("refs/heads/main".to_owned(), sha("d1"));
        world.runs[0].commit = sha("d1");
    });
    let world = World::with_policy(POLICY).variable("COUNTERSIGN_GITHUB_TOKEN", TOKEN);
    let (head, url) = (sha("d1"), github.url());
    let arguments = ["facts", "--github", REPOSITORY, "--environment", "production", "--commit", &head, "--run", "900"];
    let said = world.run(&[&arguments[..], &["--github-url", &url, "--since", &sha("b0")]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let facts: Value = serde_json::from_str(&said.out).unwrap();
    let changes = facts["release"]["changes"].as_array().unwrap();
    let direct = changes.iter().find(|change| change["direct"] == true).unwrap();
    assert_eq!(direct["id"], sha("d1"));
    assert_eq!(direct["files"], json!(["search/index.rs"]));
    assert_eq!(direct["lines"], 10);
    assert_eq!(direct["commits"][0]["pushed_by"], "github:dana");
    // T67: each component is judged since it ran last itself.
    let since = ["--since", &format!("checkout={}", sha("51")), "--since", &format!("search={}", sha("b0"))];
    let said = world.run(&[&arguments[..], &["--github-url", &url], &since].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let facts: Value = serde_json::from_str(&said.out).unwrap();
    let changes = facts["release"]["changes"].as_array().unwrap();
    let names: Vec<&str> = changes.iter().map(|change| change["id"].as_str().unwrap()).collect();
    assert_eq!(names, [sha("d1")], "checkout runs pull request 12 already");
}

#[test]
fn what_a_command_lacks_is_said_and_no_secret_is() {
    let github = shop();
    let asked = ask_with(&github, &[]);
    assert_eq!(asked.said.code, 2, "{}", asked.said.err);
    assert!(asked.said.err.contains("name the run or the instant"), "{}", asked.said.err);
    let asked = ask_with(&github, &["--run", "900", "--since", "kitchen=b0"]);
    assert_eq!(asked.said.code, 2);
    assert!(asked.said.err.contains("no component `kitchen`"), "{}", asked.said.err);
    github.revoke();
    let asked = ask_with(&github, &["--run", "900"]);
    assert_eq!(asked.said.code, 3);
    assert!(
        asked.said.err.contains("does not take the token") && !asked.said.err.contains("canary"),
        "{}",
        asked.said.err
    );
}

#[test]
fn what_the_forge_does_not_know_is_filled_in_and_what_it_said_stays() {
    let github = shop();
    let world = World::with_policy(POLICY)
        .variable("COUNTERSIGN_GITHUB_TOKEN", TOKEN)
        .variable("COUNTERSIGN_GITHUB_URL", &github.url());
    world.write("more.json", r#"{"release": {"trigger": "github:carla", "documented": true}, "incidents": []}"#);
    let head = sha("51");
    let arguments = ["facts", "--github", REPOSITORY, "--environment", "production", "--commit", &head];
    let said = world.run(&[&arguments[..], &["--run", "900", "--with", "more.json"]].concat());
    assert_eq!(said.code, 0, "{}", said.err);
    let facts: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(facts["release"]["trigger"], "github:ana");
    assert_eq!((&facts["release"]["documented"], &facts["incidents"]), (&json!(true), &json!([])));
    world.write("more.json", r#"{"nonsense": 1}"#);
    let said = world.run(&[&arguments[..], &["--run", "900", "--with", "more.json"]].concat());
    assert_eq!(said.code, 2);
}

#[test]
fn t28_what_landed_is_the_clean_merge_of_what_was_reviewed_or_names_where_it_differs() {
    let asked = ask(&busy(&[("checkout/basket.rs", "2")]));
    let landed = |asked: &Asked| {
        let changes = asked.facts["release"]["changes"].as_array().unwrap();
        changes.iter().find(|change| change["id"] == "acme/shop#12").unwrap()["landed"].clone()
    };
    let clean = landed(&asked);
    assert_ne!(clean["tree"], clean["reviewed"]);
    assert_eq!(clean["tree"], clean["clean_merge"], "{clean}");
    // Something else came in with it, or something of the other side was lost.
    for (with, path) in [
        (&[("checkout/basket.rs", "2"), ("checkout/more.rs", "1")][..], "checkout"),
        (&[("checkout/basket.rs", "3")], "checkout"),
        (&[("checkout/basket.rs", "2"), ("search/index.rs", "5")], "search"),
    ] {
        let edited = landed(&ask(&busy(with)));
        assert!(edited["clean_merge"]["unavailable"].is_string(), "{edited}");
        assert_eq!(edited["differs"], json!([path]), "{edited}");
    }
}

#[test]
fn t09_a_merge_that_somebody_edited_is_his_and_a_clean_one_nobodys() {
    for (index, merge) in [("9", "clean"), ("7", "edited")] {
        let github = busy(&[("checkout/basket.rs", "2")]);
        github.with(|world| {
            world.commit("d2", "bo", &["c1", "a9"], &[("search/index.rs", index)]);
            world.edit("d2", |commit| commit.committer = "web-flow".to_owned());
            world.edit("d2", |commit| commit.pulls.push(12));
            let pull = world.pulls.get_mut(&12).unwrap();
            pull.commits.push(sha("d2"));
            pull.head = sha("d2");
            world.push("2026-12-02T09:30:00Z", "c1", "d2", "push", "bo");
        });
        let asked = ask(&github);
        assert_eq!(asked.commit("d2")["merge"], merge, "{}", asked.commit("d2"));
    }
}

#[test]
fn what_is_decided_now_answers_the_deployment_that_waits() {
    let github = shop();
    // The command decides by the machine's clock, which has to be after everything that people did.
    github.with(|world| {
        world.runs[0].created_at = "2026-11-20T10:01:00Z".to_owned();
        world.rules.insert((900, "production".to_owned()), Rule::default());
    });
    let rule = || github.with(|world| world.rules[&(900, "production".to_owned())].clone());
    let answer = |world: &World, run: &str, more: &[&str]| {
        let (head, base) = (sha("51"), sha("b0"));
        let mut arguments = vec!["answer", "--github", REPOSITORY, "--environment", "production", "--commit", &head];
        arguments.extend(["--since", &base, "--run", run, "--artifact", "checkout=none", "--with", "known.json"]);
        arguments.extend(["--roster", "roster.yml"]);
        arguments.extend(more);
        world.run(&arguments)
    };
    let world = ask(&github).world;
    let said = answer(&world, "900", &[]);
    assert_eq!((said.code, said.out.as_str()), (10, "production, run 900: told why it is held\n"), "{}", said.err);
    assert!(said.err.contains("leaves no record"), "{}", said.err);
    assert!(rule().reports[0].contains("0 of 1 approvals"), "{:?}", rule());
    assert_eq!(rule().decided, None);
    github.with(|world| {
        world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned()));
        let other = Run { id: 901, commit: sha("b0"), ..world.runs[0].clone() };
        world.runs.push(other);
        world.rules.insert((901, "production".to_owned()), Rule::default());
    });
    // T31, T32: the decision is about one commit, and opens no run of another.
    let said = answer(&world, "901", &[]);
    assert_ne!(said.code, 0, "{}", said.out);
    // T14: the policy before a change that nobody approved yet holds beside it.
    world.write("strict.yml", POLICY.replace("github:@acme/shop-leads", "github:carla"));
    let said = answer(&world, "900", &["--policy-before", "strict.yml"]);
    assert_eq!(said.code, 10, "{}", said.out);
    // The record comes first: what cannot be recorded is not answered.
    let said = answer(&world, "900", &["--database", "sqlite:/nowhere/at/all.db", "--log-key", "absent.key"]);
    assert_ne!(said.code, 0, "{}", said.out);
    assert_eq!(rule().decided, None);
    assert_eq!(world.run(&["log", "key", "new", "--name", "log.example/releases", "--output", "log.key"]).code, 0);
    let said = answer(&world, "900", &["--database", "sqlite:record.db", "--log-key", "log.key"]);
    assert_eq!((said.code, said.out.as_str()), (0, "production, run 900: opened\n"), "{}", said.err);
    assert!(!said.err.contains("leaves no record"), "{}", said.err);
    assert_eq!(rule().decided.unwrap().0, "approved");
    // Once more: somebody decided, and nobody can tell from here what.
    let said = answer(&world, "900", &[]);
    assert_eq!(said.code, 3, "{}", said.out);
    assert!(said.out.contains("no longer waits"), "{}", said.out);
}
