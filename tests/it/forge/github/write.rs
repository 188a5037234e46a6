//! What we tell GitHub: once, within its limits, and read back before it is repeated.

use countersign::forge::github::client::Client;
use countersign::forge::github::read::Repository;
use countersign::forge::github::write::check::{self, Button, Check, Standing};
use countersign::forge::github::write::issue::{self, End, Issue};
use countersign::forge::github::write::rule::REPORTS;
use countersign::forge::github::write::{comment, status};
use countersign::forge::{Answer, Forge as _, Given, Waiting, Why};

use super::client::{app, run};
use crate::support::github::world::{REPOSITORY, Rule, sha};
use crate::support::github::{Github, Trouble};

fn repository() -> Repository {
    Repository::parse(REPOSITORY).unwrap()
}

fn waiting(github: &Github) -> Waiting {
    github.with(|world| world.rules.insert((900, "production".to_owned()), Rule::default()));
    Waiting { repository: REPOSITORY.to_owned(), run: 900, environment: "production".to_owned() }
}

fn rule(github: &Github) -> Rule {
    github.with(|world| world.rules[&(900, "production".to_owned())].clone())
}

fn written(github: &Github, kind: &str) -> usize {
    github.with(|world| world.written.iter().filter(|(of, _)| of == kind).count())
}

#[test]
fn not_yet_is_a_report_and_a_report_decides_nothing() {
    let github = Github::start();
    let (waiting, client) = (waiting(&github), app(&github));
    for _ in 0..REPORTS {
        run(client.hold(&waiting, Why::plain(&"é".repeat(2_000)))).unwrap();
    }
    let held = rule(&github);
    assert_eq!((held.reports.len(), held.decided), (10, None));
    assert!(held.reports[0].ends_with('…'));
    assert!(run(client.hold(&waiting, Why::plain("one more"))).is_err(), "GitHub takes ten");
    assert_eq!(run(client.answer(&waiting, (Answer::Open, None), Why::plain("approved by bo"))), Ok(Given::Now));
    assert_eq!(rule(&github).decided, Some(("approved".to_owned(), "approved by bo".to_owned())));
}

#[test]
fn f10_an_answer_whose_receipt_was_lost_is_read_back_and_not_given_twice() {
    let github = Github::start();
    let (waiting, client) = (waiting(&github), app(&github));
    github.trouble("deployment_protection_rule", Trouble::Lost);
    assert_eq!(run(client.answer(&waiting, (Answer::Open, None), Why::plain("go"))), Ok(Given::NoLongerWaits));
    let posts = github.asked().iter().filter(|asked| asked.path.ends_with("deployment_protection_rule")).count();
    assert_eq!(posts, 1);
    // It did not arrive: it is given again.
    let again = Github::start();
    let (waiting, client) = (self::waiting(&again), app(&again));
    again.trouble("deployment_protection_rule", Trouble::Answer(502, vec![], String::new()));
    assert_eq!(run(client.answer(&waiting, (Answer::Open, None), Why::plain("go"))), Ok(Given::Now));
    assert_eq!(rule(&again).decided.unwrap().0, "approved");
    // What is decided is not decided otherwise.
    assert_eq!(run(client.answer(&waiting, (Answer::Reject, None), Why::plain("no"))), Ok(Given::NoLongerWaits));
    assert_eq!(rule(&again).decided.unwrap().0, "approved");
}

fn a_check() -> Check {
    Check {
        name: "countersign / production".to_owned(),
        commit: sha("51"),
        key: "acme/shop@51/production".to_owned(),
        standing: Standing::Open,
        title: "held".to_owned(),
        summary: "x".repeat(70_000),
        page: Some("https://countersign.example/r/1".to_owned()),
        buttons: (0..5)
            .map(|at| Button::new(&format!("Approve {at}"), "approve the release", "approve").unwrap())
            .collect(),
    }
}

#[test]
fn a_check_is_made_once_and_brought_up_to_date() {
    let github = Github::start();
    let client = app(&github);
    github.trouble("check-runs", Trouble::Lost);
    let number = run(check::make(&client, &repository(), &a_check())).unwrap();
    assert_eq!(written(&github, "check-runs"), 1);
    let good = Check { standing: Standing::Success, ..a_check() };
    github.trouble("check-runs", Trouble::Lost);
    run(check::update(&client, &repository(), number, &good)).unwrap();
    github.with(|world| {
        let check = &world.written[0].1;
        assert_eq!((&check["conclusion"], check["actions"].as_array().unwrap().len()), (&"success".into(), 3));
    });
    assert!(Button::new("a label that is much too long", "", "x").is_err());
}

fn wrote(client: &Client, key: &str) -> u64 {
    run(comment::write(client, &repository(), 12, key, "held: ask bo -->")).unwrap()
}

#[test]
fn a_comment_and_an_issue_are_written_once_for_their_key() {
    let github = Github::start();
    let client = app(&github);
    github.trouble("comments", Trouble::Lost);
    let first = wrote(&client, "a");
    assert_eq!(written(&github, "issues/12/comments"), 1);
    assert_ne!(wrote(&client, "b"), first);

    let issue = Issue {
        key: "change/7".to_owned(),
        title: "t".repeat(300),
        text: "why".to_owned(),
        labels: vec!["change".to_owned()],
    };
    github.trouble("issues", Trouble::Lost);
    let number = run(issue::open(&client, &repository(), &issue)).unwrap();
    assert_eq!(written(&github, "issues"), 1);
    run(issue::edit(&client, &repository(), number, &issue)).unwrap();
    github.trouble("issues", Trouble::Lost);
    run(issue::close(&client, &repository(), number, End::Done)).unwrap();
    github.with(|world| {
        let (_, issue) = world.written.iter().find(|(kind, _)| kind == "issues").unwrap();
        assert_eq!((&issue["state"], &issue["state_reason"]), (&"closed".into(), &"completed".into()));
    });
}

#[test]
fn t55_a_mark_that_somebody_copied_is_not_taken_for_ours() {
    let github = Github::start();
    let client = app(&github);
    wrote(&client, "a");
    github.with(|world| world.written[0].1["performed_via_github_app"] = serde_json::Value::Null);
    github.trouble("comments", Trouble::Answer(502, vec![], String::new()));
    wrote(&client, "a");
    assert_eq!(written(&github, "issues/12/comments"), 2);
}

#[test]
fn a_status_is_told_once() {
    let github = Github::start();
    let client = app(&github);
    github.trouble("statuses", Trouble::Lost);
    run(status::tell(&client, &repository(), 5, status::State::Success, &"x".repeat(200))).unwrap();
    assert_eq!(written(&github, "deployments/5/statuses"), 1);
}
