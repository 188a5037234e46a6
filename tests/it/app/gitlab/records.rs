//! Change records, incidents and agendas as GitLab's issues, seen from outside: by what GitLab was told, and by what it has.

use std::time::Duration;

use super::{APP, App, DEPLOYMENT, PIPELINE, asks, policy, shop, status, told, votes};
use crate::app::{ago, until};
use crate::support::github::world::sha;
use crate::support::gitlab::{Gitlab, reply};

const CHANGE: &str =
    "change: { system: issues, needs: [risk_assessment, backout_plan], proceeds_in: [Implement], create: true }\n";
const ASSESSMENT: &str =
    "change: { system: issues, needs: [risk_assessment], proceeds_in: [Implement], create: true }\n";

fn with_policy(gitlab: &Gitlab, more: &str) {
    let policy = policy() + more;
    gitlab.with(|world| world.git.contents.insert(".countersign/policy.yml".to_owned(), policy));
}

/// What was decided last, in plain words.
fn says(app: &App) -> String {
    let last = app.events("release_decided").pop();
    let summary = last.map(|event| event["summary"].as_str().unwrap().to_owned()).unwrap_or_default();
    summary.replace("<code>", "").replace("</code>", "")
}

fn hears(app: &App, what: &str) {
    until(&format!("`{what}`"), || says(app).contains(what));
}

/// What a person writes under the heading of a field, instead of what stands there.
fn fills(gitlab: &Gitlab, number: u64, by: &str, field: &str, text: &str) {
    gitlab.with(|world| {
        world.edit_issue(number, by, |before| {
            let (head, rest) = before.split_once(&format!("### {field}\n")).unwrap();
            let end = rest.find("\n#").unwrap();
            format!("{head}### {field}\n\n{text}\n{}", &rest[end..])
        });
    });
}

/// The one change record, once its text is written.
fn record(gitlab: &Gitlab) -> u64 {
    let written = || {
        gitlab.with(|world| {
            let found = world.labelled("change");
            assert!(found.len() < 2, "{found:?}");
            found.first().copied().filter(|number| world.issues[number].description.contains("### risk_assessment"))
        })
    };
    until("a change record", || written().is_some());
    written().unwrap()
}

fn labels(gitlab: &Gitlab, number: u64) -> Vec<String> {
    gitlab.with(|world| world.issues[&number].labels.clone())
}

fn notes(gitlab: &Gitlab, number: u64) -> Vec<String> {
    let says = |note: &serde_json::Value| note["body"].as_str().unwrap().to_owned();
    gitlab.with(|world| world.issues[&number].notes.iter().filter(|it| it["system"] == false).map(says).collect())
}

#[test]
fn c1_c2_t69_a_change_record_is_opened_filled_advanced_and_closed_untouched_by_hand() {
    let gitlab = shop();
    with_policy(&gitlab, CHANGE);
    asks(&gitlab);
    let app = App::new(&gitlab);
    let served = app.start(&["--sweep", "1"]);
    let number = record(&gitlab);
    let text = gitlab.with(|world| world.issues[&number].description.clone());
    assert!(text.contains("`checkout`") && text.contains("!12") && text.contains("### backout_plan"), "{text}");
    // What the template says is nothing, and people are told what is missing.
    hears(&app, "risk_assessment of acme/shop");
    assert!(says(&app).contains("says nothing beyond its template"), "{}", says(&app));
    until("a state", || labels(&gitlab, number).contains(&"change:Assess".to_owned()));
    // Who wrote the release does not assess its risk.
    fills(&gitlab, number, "ana", "risk_assessment", "A price may be wrong for a few minutes.");
    hears(&app, &format!("risk_assessment of acme/shop#{number} was written by ana: wrote commit"));
    fills(&gitlab, number, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, &format!("backout_plan of acme/shop#{number} says nothing beyond its template"));
    fills(&gitlab, number, "carla", "backout_plan", "Deploy tag 2.3.0 again; ten minutes.");
    hears(&app, "0 of 1 approvals from shop-owner");
    until("a state", || labels(&gitlab, number) == ["change", "change:Authorize"]);
    std::thread::sleep(Duration::from_millis(1_100));
    votes(&gitlab, "bo");
    until("the job to be played", || status(&gitlab) == "success");
    // After the release it is closed with what came of it.
    until("an end", || gitlab.with(|world| world.issues[&number].closed_at.is_some()));
    assert_eq!(labels(&gitlab, number), ["change", "change:Successful"]);
    let by = gitlab.with(|world| world.issues[&number].label_events.clone());
    assert!(by.iter().all(|event| event["user"]["username"] == APP), "{by:?}");
    assert!(
        notes(&gitlab, number).iter().any(|note| note.contains("its deployment ended well")),
        "{:?}",
        notes(&gitlab, number)
    );
    // Merge requests and issues are counted apart, and nothing of it stands under the merge request of its number.
    assert_eq!(gitlab.with(|world| world.issues.len()), 1);
    drop(served);

    // Whoever starts next opens no other, and says nothing twice.
    let before = notes(&gitlab, number).len();
    let _served = app.start(&["--sweep", "1"]);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((notes(&gitlab, number).len(), gitlab.with(|world| world.issues.len())), (before, 1));
}

#[test]
fn c1_a_crash_between_opening_a_record_and_writing_it_opens_no_second_one() {
    let gitlab = shop();
    with_policy(&gitlab, ASSESSMENT);
    asks(&gitlab);
    // The issue is made; its text is not written, as if the app were gone.
    gitlab.trouble("/projects/77/issues/1", reply(502, &serde_json::json!({"message": "gone"})));
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    let number = record(&gitlab);
    hears(&app, "says nothing beyond its template");
    assert_eq!((number, gitlab.with(|world| world.issues.len())), (1, 1));
}

#[test]
fn t69_a_state_counts_from_role_holders_alone_and_whoever_closes_the_record_stops_the_release() {
    let gitlab = shop();
    with_policy(&gitlab, "change: { system: issues, needs: [risk_assessment], proceeds_in: [Implement] }\n");
    asks(&gitlab);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "no change record is linked; open an issue with the label change");
    let text = "### release\n\n!12 to `production`.\n\n### risk_assessment\n\nA price may be wrong for some minutes.\n\n### fixes\n\nnothing\n";
    let number = gitlab.with(|world| world.issue("carla", "Baskets", text, &["change"]));
    until("it to be taken up", || !notes(&gitlab, number).is_empty());
    std::thread::sleep(Duration::from_millis(1_100));
    votes(&gitlab, "bo");
    hears(&app, &format!("acme/shop#{number} has no state"));
    assert!(notes(&gitlab, number)[0].contains("This is the change record of"), "{:?}", notes(&gitlab, number));
    gitlab.with(|world| world.label(number, "ana", "change:Implement"));
    hears(&app, "was brought into state Implement by ana");
    assert_eq!(status(&gitlab), "blocked");
    // Whoever closes it stops the release, also where a merge request did that somebody merged.
    gitlab.with(|world| world.close_issue(number, "carla", Some(12)));
    hears(&app, &format!("acme/shop#{number} is in state Closed"));
    gitlab.with(|world| {
        world.reopen_issue(number, "carla");
        world.unlabel(number, "ana", "change:Implement");
        world.label(number, "carla", "change:Implement");
    });
    // What was approved before it was closed is approved no more.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(status(&gitlab), "blocked", "{}", says(&app));
    gitlab.with(|world| {
        world.note(12, "bo", &format!("/countersign approve production {}", sha("51")), &ago(-1));
    });
    assert_eq!(gitlab.with(|world| world.deployments.last().unwrap().id), DEPLOYMENT);
    assert!(told(&gitlab).iter().all(|(state, _)| state == "failed"), "{PIPELINE}");
}

#[test]
fn t69_what_an_edited_issue_of_peoples_said_first_is_not_known_and_holds_until_it_is_written_again() {
    let gitlab = shop();
    with_policy(&gitlab, "change: { system: issues, needs: [risk_assessment], proceeds_in: [Implement] }\n");
    asks(&gitlab);
    let text = "### release\n\n!12 to `production`.\n\n### risk_assessment\n\nNothing can go wrong here.\n\n### fixes\n\nnothing\n";
    let number = gitlab.with(|world| world.issue("ana", "Baskets", text, &["change"]));
    // `carla` changes something else: whose the assessment was, GitLab does not tell.
    gitlab.with(|world| world.edit_issue(number, "carla", |text| text.replace("\nnothing\n", "\nno incident\n")));
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "take it away, save, and write it again");
    fills(&gitlab, number, "carla", "risk_assessment", "-");
    fills(&gitlab, number, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    std::thread::sleep(Duration::from_millis(1_100));
    votes(&gitlab, "bo");
    hears(&app, "has no state");
}

#[test]
fn c3_t69_an_incident_holds_until_who_commands_says_that_it_is_over() {
    let gitlab = shop();
    let incidents = "incidents: { system: issues, severity: { P1: 1, P2: 2, P3: 3 }, block_at: 2, blocks: affected_components, \
        unless: release.fixes(incident), confirmed_by: commander }\n";
    let policy = (policy() + incidents)
        .replace("roles:\n", "roles:\n  commander: { members: [\"gitlab:ivy\", \"gitlab:ana\"] }\n");
    gitlab.with(|world| {
        for login in ["olu", "ivy"] {
            world.git.user(login, "User");
        }
        world.git.contents.insert(".countersign/policy.yml".to_owned(), policy);
    });
    asks(&gitlab);
    votes(&gitlab, "bo");
    let number = gitlab
        .with(|world| world.issue("olu", "the basket is empty", "since ten", &["incident", "P2", "service:checkout"]));
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    let open = format!("acme/shop#{number} (P2, severity 2) is open and affects checkout");
    hears(&app, &open);
    // Whoever commands and had a hand in the release calls nothing off, whatever he does to it.
    gitlab.with(|world| {
        world.unlabel(number, "ana", "P2");
        world.label(number, "ana", "P3");
        world.close_issue(number, "ana", None);
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(status(&gitlab), "blocked", "{}", says(&app));
    // A merge request that says that it fixes it closes it in the name of whoever merges that.
    gitlab.with(|world| {
        world.reopen_issue(number, "ivy");
        world.close_issue(number, "ivy", Some(12));
    });
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(status(&gitlab), "blocked", "{}", says(&app));
    gitlab.with(|world| {
        world.reopen_issue(number, "ivy");
        world.close_issue(number, "ivy", None);
    });
    until("the job to be played", || status(&gitlab) == "success");
}

#[test]
fn c1_what_is_not_read_to_its_last_page_is_no_record() {
    let gitlab = shop();
    with_policy(&gitlab, ASSESSMENT);
    asks(&gitlab);
    gitlab.page(2);
    let app = App::new(&gitlab);
    let _served = app.start(&["--sweep", "1"]);
    let number = record(&gitlab);
    for at in 0..5 {
        gitlab.with(|world| world.say(number, "bo", &format!("note {at}")));
    }
    fills(&gitlab, number, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, "0 of 1 approvals from shop-owner");
    // Who gave it a label is listed no longer.
    gitlab.with(|world| world.issues.get_mut(&number).unwrap().label_events.clear());
    gitlab.with(|world| world.label(number, "carla", "extra"));
    gitlab.with(|world| world.issues.get_mut(&number).unwrap().labels.retain(|it| it != "extra"));
    hears(&app, "who took the label extra from it is not listed");
}
