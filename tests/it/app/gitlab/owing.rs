//! What an emergency leaves to be done is called to mind on its merge request.

use chrono::{Duration, Timelike as _, Utc};
use chrono_tz::Tz;
use countersign::store::address::Address;
use serde_json::json;

use super::{APP, App, asks, policy, shop, status, votes};
use crate::app::{ago, until};
use crate::store::Database;
use crate::support::gitlab::Gitlab;
use crate::support::gitlab::world::{PROJECT, PROJECT_ID};
use crate::support::served::Served;

/// A change of the basket goes a way of its own, on which `bo` may let it go. Its validation is late at once.
pub fn of_emergencies() -> String {
    let then = "    then: { validate: { by: shop-owner, within: 1s, needs: evidence } } }";
    policy()
        .replace("roles:\n", "roles:\n  fixer: { members: [\"gitlab:bo\"] }\n")
        .replace(
            "shop-owner: { members: [\"gitlab:acme/shop-leads\"] }",
            "shop-owner: { members: [\"gitlab:acme/shop-leads\"], calendar: { hours: 24/7 } }",
        )
        .replace("routes:\n", &format!("routes:\n  urgent: {{ when: \"change.only('checkout/basket.rs')\", approvals: {{ fixer: 1 }},\n{then}\n"))
}

#[test]
fn n3_what_an_emergency_leaves_is_called_to_mind_on_its_merge_request() {
    let gitlab = shop();
    gitlab.with(|world| world.git.contents.insert(".countersign/policy.yml".to_owned(), of_emergencies()));
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    until("the job to be played", || status(&gitlab) == "success");
    let says = || {
        gitlab.with(|world| {
            let ours = world.requests[&12].notes.iter().filter(|note| note["author"]["username"] == APP);
            ours.filter(|note| note["body"].to_string().contains("is overdue")).count()
        })
    };
    until("a reminder", || says() == 1);
}

/// The texts that our account wrote under an issue.
fn told(gitlab: &Gitlab, number: u64) -> Vec<String> {
    gitlab.with(|world| {
        let ours = world.issues[&number].notes.iter();
        let ours = ours.filter(|note| note["author"]["username"] == APP && note["system"] == false);
        ours.map(|note| note["body"].as_str().unwrap().to_owned()).collect()
    })
}

/// Two sweeps and more.
fn sweeps() {
    std::thread::sleep(std::time::Duration::from_secs(3));
}

fn owed(gitlab: &Gitlab) -> Vec<u64> {
    gitlab.with(|world| world.labelled("obligation"))
}

fn says(served: &Served, gitlab: &Gitlab, who: &str, what: &str) {
    gitlab.with(|world| {
        world.note(12, who, what, &ago(0));
    });
    let noted = json!({
        "object_kind": "note",
        "object_attributes": {"noteable_type": "MergeRequest", "note": what},
        "merge_request": {"iid": 12},
        "project": {"id": PROJECT_ID, "path_with_namespace": PROJECT},
    });
    super::takes(served, &super::key(), &noted);
}

#[test]
fn n3_what_is_owed_is_an_issue_with_its_day_that_is_closed_by_the_word_that_meets_it() {
    let gitlab = shop();
    // Far enough that the day there is another than in UTC, whatever the hour is.
    let zone: Tz = if Utc::now().hour() < 12 { Tz::Etc__GMTPlus12 } else { Tz::Etc__GMTMinus12 };
    let text = of_emergencies().replace("within: 1s", "within: 3d") + &format!("calendar: {{ timezone: {zone} }}\n");
    gitlab.with(|world| world.git.contents.insert(".countersign/policy.yml".to_owned(), text));
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let served = app.start(&["--sweep", "1"]);
    until("the job to be played", || status(&gitlab) == "success");
    until("an issue", || owed(&gitlab).len() == 1);
    let number = owed(&gitlab)[0];
    until("its text", || gitlab.with(|world| world.issues[&number].description.contains("/countersign validate")));
    let (title, text, due) = gitlab.with(|world| {
        let issue = &world.issues[&number];
        (issue.title.clone(), issue.description.clone(), issue.due.clone())
    });
    assert!(title.starts_with("validate of shop") && title.ends_with("by shop-owner"), "{title}");
    assert!(text.contains("acme/shop!12") && text.contains("Closing it by hand meets nothing"), "{text}");
    let day = |ago: i64| {
        (Utc::now() + Duration::days(3) - Duration::minutes(ago)).with_timezone(&zone).date_naive().to_string()
    };
    assert!([day(0), day(5)].contains(&due.clone().unwrap_or_default()), "{due:?}");
    // Whoever closes it meets nothing, and neither it nor another is opened then, by whichever process looks.
    gitlab.with(|world| world.close_issue(number, "bo", None));
    drop(served);
    let served = app.start(&["--sweep", "1"]);
    sweeps();
    assert_eq!(owed(&gitlab), [number]);
    assert!(gitlab.with(|world| world.issues[&number].closed_at.is_some()));
    assert!(app.events("obligation_met").is_empty());
    gitlab.with(|world| world.reopen_issue(number, "bo"));
    let id = text.split("/countersign validate production ").nth(1).unwrap();
    let id = id.split_whitespace().next().unwrap();
    says(&served, &gitlab, "ana", &format!("/countersign validate production {id} https://runs.example/1"));
    sweeps();
    assert!(gitlab.with(|world| world.issues[&number].closed_at.is_none()), "its author does not meet it");
    says(&served, &gitlab, "carla", &format!("/countersign validate production {id} https://runs.example/1"));
    until("it to be closed", || gitlab.with(|world| world.issues[&number].closed_at.is_some()));
    assert_eq!(told(&gitlab, number).iter().filter(|text| text.contains("is met")).count(), 1);
    assert!(told(&gitlab, number).iter().any(|text| text.contains("carla")), "{:?}", told(&gitlab, number));
    sweeps();
    assert_eq!(owed(&gitlab), [number]);
}

/// The bodies by which issues were asked for.
fn made(gitlab: &Gitlab) -> usize {
    super::written(gitlab, "/issues").len()
}

#[test]
fn n3_an_issue_that_was_made_by_who_was_killed_before_it_was_written_down_is_found_again() {
    let gitlab = shop();
    let text = of_emergencies().replace("within: 1s", "within: 3d");
    gitlab.with(|world| world.git.contents.insert(".countersign/policy.yml".to_owned(), text));
    asks(&gitlab);
    votes(&gitlab, "bo");
    let mut app = App::new(&gitlab);
    let database = Database::postgres();
    if let Some(database) = &database {
        let Address::Postgres(url) = &database.address else { panic!("{:?}", database.address) };
        app.database.clone_from(url);
    }
    gitlab.mute(true);
    let mut served = app.start(&["--sweep", "1"]);
    // A second one beside it, where they can share the record.
    let beside = database.as_ref().map(|_| app.start(&["--sweep", "1"]));
    until("the job to be played", || status(&gitlab) == "success");
    until("an issue", || owed(&gitlab).len() == 1);
    let number = owed(&gitlab)[0];
    // It stands there, and nobody was told its number.
    assert!(app.events("record_opened").is_empty());
    served.child.kill().unwrap();
    served.child.wait().unwrap();
    drop(beside);
    gitlab.mute(false);
    let one = app.start(&["--sweep", "1"]);
    let other = database.as_ref().map(|_| app.start(&["--sweep", "1"]));
    // Whoever was killed held it for his minute.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(150);
    while app.events("record_opened").is_empty() {
        assert!(std::time::Instant::now() < end, "nobody took it over");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(app.events("record_opened")[0]["issue"], number);
    let text = gitlab.with(|world| world.issues[&number].description.clone());
    assert!(text.contains("/countersign validate production"), "its text was not written yet: {text}");
    sweeps();
    assert_eq!((owed(&gitlab), made(&gitlab)), (vec![number], 1));
    // What is said of it from then on is said there, once, by both.
    let id = text.split("/countersign validate production ").nth(1).unwrap();
    let id = id.split_whitespace().next().unwrap();
    says(&one, &gitlab, "carla", &format!("/countersign validate production {id} https://runs.example/1"));
    until("it to be closed", || gitlab.with(|world| world.issues[&number].closed_at.is_some()));
    sweeps();
    assert_eq!(told(&gitlab, number).iter().filter(|text| text.contains("is met")).count(), 1);
    assert_eq!(made(&gitlab), 1);
    drop(other);
}

#[test]
fn n3_where_issues_are_switched_off_what_is_owed_stands_in_the_record_and_nothing_is_given_up_aloud() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.settings.project["issues_access_level"] = json!("disabled");
        world.git.contents.insert(".countersign/policy.yml".to_owned(), of_emergencies());
    });
    asks(&gitlab);
    votes(&gitlab, "bo");
    let app = App::new(&gitlab);
    let served = app.start(&["--sweep", "1"]);
    until("the job to be played", || status(&gitlab) == "success");
    until("that it is told", || !app.events("record_without_issues").is_empty());
    sweeps();
    assert_eq!(app.events("record_without_issues").len(), 1, "once");
    assert_eq!(made(&gitlab), 0, "GitLab is not asked for what it will not do");
    let counted = String::from_utf8(served.ask("GET /metrics").2).unwrap();
    assert!(counted.contains("countersign_given_up 0"), "{counted}");
    let listed = app.world.run(&["db", "list", "outbox", "--database", "sqlite:record.db"]).out;
    assert_eq!(listed.lines().filter(|line| line.contains("\twaiting\t")).count(), 0, "{listed}");
    assert_eq!(listed.matches("issues are switched off there").count(), 1, "{listed}");
    // It is owed nevertheless: one who may say so meets it.
    let shown = app.world.run(&["log", "show", "--database", "sqlite:record.db", "--log-key", "log.pub"]).out;
    assert!(shown.contains("obligation"), "{shown}");
}
