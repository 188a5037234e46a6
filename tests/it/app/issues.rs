//! Change records and incidents as issues, seen from outside: by what GitHub was told, and by what it has.

use std::time::Duration;

use super::{App, POLICY, RUN, ago, asks, shop, told, until};
use crate::support::github::issues::BOT;
use crate::support::github::world::{Deployment, Rule, sha};
use crate::support::github::{Github, Trouble};

/// Reviews of the change approve it, and its record is an issue.
pub fn policy(more: &str) -> String {
    POLICY.replace("accountable: 1 }", "accountable: 1, counts_from: [review] }") + more
}

const CHANGE: &str =
    "change: { system: issues, needs: [risk_assessment, backout_plan], proceeds_in: [Implement], create: true }\n";

pub fn with_policy(github: &Github, policy: String) {
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
}

/// What was decided last, in plain words.
pub fn says(app: &App) -> String {
    let last = app.events("release_decided").pop();
    let summary = last.map(|event| event["summary"].as_str().unwrap().to_owned()).unwrap_or_default();
    summary.replace("<code>", "").replace("</code>", "")
}

pub fn hears(app: &App, what: &str) {
    until(&format!("`{what}`"), || says(app).contains(what));
}

/// What a person writes under the heading of a field, instead of what stands there.
fn fills(github: &Github, number: u64, by: &str, field: &str, text: &str) {
    github.with(|world| {
        world.edit_issue(number, by, |before| {
            let (head, rest) = before.split_once(&format!("### {field}\n")).unwrap();
            let end = rest.find("\n#").unwrap();
            format!("{head}### {field}\n\n{text}\n{}", &rest[end..])
        });
    });
}

/// The one change record.
fn record(github: &Github) -> u64 {
    until("a change record", || !github.with(|world| world.labelled("change")).is_empty());
    github.with(|world| {
        let found = world.labelled("change");
        assert_eq!(found.len(), 1, "{found:?}");
        found[0]
    })
}

fn labels(github: &Github, number: u64) -> Vec<String> {
    github.with(|world| world.issues[&number].labels.clone())
}

#[test]
fn c1_c2_a_change_record_is_opened_filled_advanced_and_closed_untouched_by_hand() {
    let github = shop();
    with_policy(&github, policy(CHANGE));
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    let number = record(&github);
    let text = github.with(|world| world.text(number));
    assert!(text.contains("`checkout`") && text.contains("#12") && text.contains("### backout_plan"), "{text}");
    // C2: what the template says is nothing, and people are told what is missing.
    hears(&app, "risk_assessment of acme/shop");
    assert!(says(&app).contains("says nothing beyond its template"), "{}", says(&app));
    until("a state", || labels(&github, number).contains(&"change:Assess".to_owned()));

    // T69: who wrote the release does not assess its risk, and words for nothing are nothing.
    fills(&github, number, "ana", "risk_assessment", "A price may be wrong for a few minutes.");
    hears(&app, "risk_assessment of acme/shop#13 was written by ana: wrote commit");
    fills(&github, number, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, "backout_plan of acme/shop#13 says nothing beyond its template");
    fills(&github, number, "carla", "backout_plan", "N/A");
    std::thread::sleep(Duration::from_secs(2));
    hears(&app, "backout_plan of acme/shop#13 says nothing beyond its template");
    fills(&github, number, "carla", "backout_plan", "Deploy tag 2.3.0 again; ten minutes.");
    hears(&app, "0 of 1 approvals from shop-owner");
    until("a state", || labels(&github, number) == ["change", "change:Authorize"]);
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved", "{}", says(&app));
    assert!(labels(&github, number).contains(&"change:Implement".to_owned()), "{:?}", labels(&github, number));

    // After the release it is closed with what came of it: not by a status that whoever may push writes.
    let deployment = github.with(|world| {
        let statuses = vec![("FAILURE".to_owned(), ago(1)), ("IN_PROGRESS".to_owned(), ago(1))];
        world.deployments.push(Deployment { environment: "production".to_owned(), commit: sha("51"), statuses });
        world.deploys(RUN, "production", &ago(0))
    });
    github.with(|world| world.writes_status(&deployment, "FAILURE", &ago(0)));
    until("that it is looked at", || labels(&github, number).contains(&"change:Review".to_owned()));
    std::thread::sleep(Duration::from_secs(3));
    assert!(github.with(|world| world.issues[&number].closed_at.is_none()), "{:?}", labels(&github, number));
    github.with(|world| world.ends(&deployment, "SUCCESS", &ago(0)));
    until("an end", || github.with(|world| world.issues[&number].closed_at.is_some()));
    assert_eq!(labels(&github, number), ["change", "change:Successful"]);
    let by = github.with(|world| world.issues[&number].events.clone());
    assert!(by.iter().all(|event| event["actor"]["login"] == BOT.trim_end_matches("[bot]")), "{by:?}");
    drop(served);

    // Whoever starts next opens no other, and says nothing twice.
    let comments = || github.with(|world| world.issues[&number].comments.len());
    let before = comments();
    let _served = app.start(&["--sweep", "1"]);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!((comments(), record(&github)), (before, number));
}

/// Run 900 is started again.
fn again(github: &Github, attempt: u64) {
    github.with(|world| {
        world.attempts.insert(RUN, (attempt, "ana".to_owned()));
        world.rules.insert((RUN, "production".to_owned()), Rule::default());
    });
}

#[test]
fn c1_a_commit_that_failed_gets_a_record_of_its_own_when_it_is_to_go_again() {
    let github = shop();
    with_policy(&github, policy("change: { needs: [risk_assessment], proceeds_in: [Implement], create: true }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let first = record(&github);
    fills(&github, first, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, "0 of 1 approvals");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    super::ledger::goes(&app, &github, RUN, "FAILURE");
    until("an end", || labels(&github, first) == ["change", "change:Unsuccessful"]);
    assert!(github.with(|world| world.issues[&first].closed_at.is_some()));
    // It is asked for once more: what was filled in and approved was for the time that failed.
    again(&github, 2);
    until("another record", || github.with(|world| world.labelled("change").len()) == 2);
    let second = github.with(|world| world.labelled("change")[1]);
    hears(&app, &format!("risk_assessment of acme/shop#{second} says nothing"));
    fills(&github, second, "carla", "risk_assessment", "A price may be wrong for a minute.");
    hears(&app, "0 of 1 approvals");
    assert_eq!(told(&github).decided, None);
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R2", "bo", "APPROVED", "c1", &ago(0)).is_null());
    std::thread::sleep(Duration::from_millis(1_100));
    super::ledger::goes(&app, &github, RUN, "SUCCESS");
    until("an end", || labels(&github, second) == ["change", "change:Successful"]);
    assert_eq!(github.with(|world| world.labelled("change").len()), 2);
}

#[test]
fn c1_a_record_that_somebody_closed_stops_its_commit_after_it_failed_as_well() {
    let github = shop();
    with_policy(&github, policy("change: { needs: [risk_assessment], proceeds_in: [Implement], create: true }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let first = record(&github);
    fills(&github, first, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, "0 of 1 approvals");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    until("an answer", || told(&github).decided.is_some());
    // It is stopped too late for its deployment, which fails.
    github.with(|world| world.close_issue(first, "carla"));
    super::ledger::goes(&app, &github, RUN, "FAILURE");
    until("what came of it", || labels(&github, first) == ["change", "change:Unsuccessful"]);
    again(&github, 2);
    hears(&app, "0 of 1 approvals");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R2", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, &format!("acme/shop#{first} is in state Closed"));
    assert_eq!(record(&github), first, "no other is opened in its place");
    let said = github.with(|world| world.issues[&first].comments.len());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(github.with(|world| world.issues[&first].comments.len()), said);
    assert_eq!(told(&github).decided, None);
}

#[test]
fn c1_a_planned_window_is_written_on_the_record_by_whom_the_policy_names_and_waited_for() {
    let github = shop();
    with_policy(&github, policy("change: { needs: [risk_assessment], create: true }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let number = record(&github);
    fills(&github, number, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, "0 of 1 approvals");
    fills(&github, number, "ana", "window", "2026-01-01 00:00 to 2099-01-01 00:00");
    hears(&app, &format!("the planned window of acme/shop#{number} was written by ana: wrote commit"));
    fills(&github, number, "carla", "window", "tonight");
    hears(&app, "it is no window; write one as");
    let from = chrono::Utc::now() + chrono::Duration::seconds(15);
    let text = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let window = format!("{} to {}", text(from), text(from + chrono::Duration::hours(1)));
    fills(&github, number, "carla", "window", &window);
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, &format!("the planned window of acme/shop#{number} begins"));
    until("a state", || labels(&github, number).contains(&"change:Scheduled".to_owned()));
    until("an answer", || told(&github).decided.is_some());
    assert!(chrono::Utc::now().timestamp() >= from.timestamp(), "{}", says(&app));
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn c1_an_issue_that_people_opened_is_taken_up_as_the_record_that_it_says_it_is() {
    let github = shop();
    with_policy(&github, policy("change: { system: issues, needs: [risk_assessment], proceeds_in: [Implement] }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "no change record is linked; open an issue with the label change");
    let text = |of: &str| {
        format!(
            "### release\n\n{of}\n\n### risk_assessment\n\nA price may be wrong for some minutes.\n\n### fixes\n\nnothing\n"
        )
    };
    let other = github.with(|world| world.issue("carla", "Another", &text("#12 to `staging`"), &["change"]));
    let number = github.with(|world| world.issue("carla", "Baskets", &text("#12 to `production`."), &["change"]));
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, &format!("acme/shop#{number} has no state"));
    let said = |of: u64| github.with(|world| world.issues[&of].comments.clone());
    assert!(said(number)[0]["body"].as_str().unwrap().contains("This is the change record of"), "{:?}", said(number));
    // A later one takes nobody's place, and a contributor brings it into no state.
    github.with(|world| world.issue("ana", "Mine", &text("#12 to `production`"), &["change", "change:Implement"]));
    github.with(|world| world.label(number, "ana", "change:Implement"));
    hears(&app, "was brought into state Implement by ana");
    github.with(|world| {
        world.unlabel(number, "ana", "change:Implement");
        world.label(number, "carla", "change:Implement");
    });
    super::ledger::goes(&app, &github, RUN, "SUCCESS");
    until("an end", || github.with(|world| world.issues[&number].closed_at.is_some()));
    assert_eq!(labels(&github, number), ["change", "change:Successful"]);
    assert!(said(other).is_empty() && github.with(|world| world.issues[&other].closed_at.is_none()));
}

#[test]
fn t69_what_the_opener_of_a_record_wrote_counts_only_if_he_had_no_hand_in_the_release() {
    let github = shop();
    with_policy(&github, policy("change: { system: issues, needs: [risk_assessment] }\n"));
    let text = "### release\n\n5100000 to production\n\n### risk_assessment\n\nNothing can go wrong here.\n";
    let number = github.with(|world| world.issue("ana", "Baskets", text, &["change"]));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, &format!("risk_assessment of acme/shop#{number} was written by ana: wrote commit"));
    assert_eq!(told(&github).decided, None);
}

#[test]
fn c1_a_crash_between_opening_a_record_and_knowing_it_opens_no_second_one() {
    let github = shop();
    with_policy(&github, policy(CHANGE));
    asks(&github);
    // The issue is made, and its answer never comes; what is read back fails too, as if the app were gone.
    github.trouble("\"title\":\"Change", Trouble::Lost);
    github.trouble("/issues", Trouble::Answer(502, vec![], String::new()));
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "says nothing beyond its template");
    assert_eq!(github.with(|world| world.issues.len()), 1);
}

#[test]
fn c1_what_looks_like_a_record_is_none_and_whoever_closes_ours_holds_the_release() {
    let github = shop();
    with_policy(&github, policy("change: { needs: [risk_assessment], create: true }\n"));
    asks(&github);
    // Somebody has copied the title, the label and the mark of one.
    let mark = format!(
        "### risk_assessment\nNone at all, really.\n\n<!-- countersign change recordgithubacme/shop{}production -->",
        sha("51")
    );
    let copied = github.with(|world| world.issue("ana", "Change: shop 510000000000 to production", &mark, &["change"]));
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("ours", || !github.with(|world| world.labelled("change:Assess")).is_empty());
    hears(&app, "risk_assessment of acme/shop#14 says nothing");
    assert_eq!(labels(&github, copied), ["change"]);
    fills(&github, 14, "carla", "risk_assessment", "Somebody may pay twice.");
    hears(&app, "0 of 1 approvals");
    github.with(|world| world.close_issue(14, "ana"));
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, "acme/shop#14 is in state Closed");
    assert!(told(&github).decided.is_none());
}

#[test]
fn f11_while_records_cannot_be_read_nothing_goes_and_what_was_closed_meanwhile_does_not_go_either() {
    let github = shop();
    with_policy(&github, policy("change: { needs: [risk_assessment], proceeds_in: [Implement], create: true }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let number = record(&github);
    fills(&github, number, "carla", "risk_assessment", "A price may be wrong for some minutes.");
    hears(&app, "0 of 1 approvals");
    std::thread::sleep(Duration::from_millis(1_100));
    // What keeps the records is down, and then says so under a status that means that all is well.
    let asked = format!("issue(number: {number})");
    let fine = r#"{"errors": [{"message": "Something went wrong while executing your query."}]}"#;
    for (status, body) in [(502, "<html>Bad gateway</html>"), (200, fine)].repeat(40) {
        github.trouble(&asked, Trouble::Answer(status, vec![], body.to_owned()));
    }
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, "the change record could not be read");
    assert_eq!(told(&github).decided, None, "{}", says(&app));
    // Somebody closes it while nobody can see that.
    github.with(|world| world.close_issue(number, "carla"));
    github.mend();
    hears(&app, &format!("acme/shop#{number} is in state Closed"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(told(&github).decided, None, "{}", says(&app));
}

#[test]
fn c1_where_the_app_is_not_to_open_a_record_there_is_none() {
    let github = shop();
    with_policy(&github, policy("change: { proceeds_in: [Approved] }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "no change record");
    std::thread::sleep(Duration::from_secs(2));
    assert!(github.with(|world| world.issues.is_empty()));
}

#[test]
fn t69_a_state_that_a_contributor_gives_lets_nothing_go_and_one_of_a_role_holder_does() {
    let github = shop();
    with_policy(&github, policy("change: { needs: [risk_assessment], proceeds_in: [Approved], create: true }\n"));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let number = record(&github);
    until("a state", || labels(&github, number).contains(&"change:Assess".to_owned()));
    let states = |by: &str, from: &str| {
        github.with(|world| {
            world.unlabel(number, by, from);
            world.label(number, by, "change:Approved");
        });
    };
    states("ana", "change:Assess");
    fills(&github, number, "carla", "risk_assessment", "Somebody may pay twice.");
    hears(&app, "0 of 1 approvals");
    assert!(app.world.read("app.log").contains("release_decided"));
    until("that it is told", || {
        app.events("release_decided").pop().unwrap()["summary"].as_str().unwrap().contains("1 other")
    });
    // Approved as it is, the state alone is left, and our App gives it one of its own.
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    until("an answer", || told(&github).decided.is_some());
    let last = github.with(|world| {
        world.issues[&number].events.iter().rev().find(|it| it["label"]["name"] == "change:Approved").cloned()
    });
    assert_eq!(last.unwrap()["actor"]["login"], BOT.trim_end_matches("[bot]"));
}

#[test]
fn c1_a_record_that_is_kept_elsewhere_is_not_known_and_holds() {
    let github = shop();
    with_policy(
        &github,
        policy("change: { system: servicenow, create: true }\nincidents: { system: pagerduty, block_at: 2 }\n"),
    );
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "the policy has them in servicenow");
    assert!(github.with(|world| world.issues.is_empty()));
    assert!(told(&github).decided.is_none(), "{RUN}");
}

/// An incident of a severity that affects the shop, called so by whoever is on duty.
fn incident(github: &Github, severity: &str) -> u64 {
    github.with(|world| {
        for login in ["olu", "ivy"] {
            world.user(login, "User");
        }
        world.issue("olu", "the basket is empty", "since ten", &["incident", severity, "service:checkout"])
    })
}

const INCIDENTS: &str = "incidents: { system: issues, severity: { P1: 1, P2: 2, P3: 3 }, block_at: 2, blocks: affected_components, unless: release.fixes(incident), confirmed_by: commander }\n";

fn with_incidents() -> String {
    policy(INCIDENTS).replace("roles:\n", "roles:\n  commander: { members: [\"user:ivy\", \"user:ana\"] }\n")
}

#[test]
fn c3_t69_an_incident_issue_holds_until_who_commands_says_that_it_is_over() {
    let github = shop();
    with_policy(&github, with_incidents());
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    let number = incident(&github, "P2");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    let open = format!("acme/shop#{number} (P2, severity 2) is open and affects checkout");
    hears(&app, &open);
    // Whoever commands and had a hand in the release calls nothing off, whatever he does to it.
    github.with(|world| {
        world.unlabel(number, "ana", "P2");
        world.label(number, "ana", "P3");
        world.close_issue(number, "ana");
        world.unlabel(number, "ana", "incident");
    });
    std::thread::sleep(Duration::from_secs(3));
    assert!(told(&github).decided.is_none());
    drop(served);
    // Nor does it help that whoever starts next has never seen its label.
    let _served = app.start(&["--sweep", "1"]);
    std::thread::sleep(Duration::from_secs(3));
    assert!(told(&github).decided.is_none(), "{}", says(&app));
    hears(&app, &open);
    // A change that says that it fixes it closes it in the name of whoever merges that, who said nothing of the incident.
    github.with(|world| {
        world.label(number, "ivy", "incident");
        let closed = serde_json::json!({"__typename": "ClosedEvent", "createdAt": ago(0), "actor": world.actor("ivy"),
            "closer": {"__typename": "PullRequest"}});
        world.issues.get_mut(&number).unwrap().events.push(closed);
    });
    std::thread::sleep(Duration::from_secs(3));
    assert!(told(&github).decided.is_none(), "{}", says(&app));
    github.with(|world| {
        world.issues.get_mut(&number).unwrap().closed_at = None;
        let reopened =
            serde_json::json!({"__typename": "ReopenedEvent", "createdAt": ago(0), "actor": world.actor("ivy")});
        world.issues.get_mut(&number).unwrap().events.push(reopened);
        world.close_issue(number, "ivy");
    });
    until("an answer", || told(&github).decided.is_some());
}

#[test]
fn c3_an_incident_that_nobody_asked_beside_is_not_forgotten_with_its_label() {
    let github = shop();
    with_policy(&github, with_incidents());
    let number = incident(&github, "P2");
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    until("that it is known", || !app.events("incident_recorded").is_empty());
    // Nothing waited yet when its label was taken away, and whoever starts next has never seen it.
    github.with(|world| world.unlabel(number, "ana", "incident"));
    drop(served);
    let _served = app.start(&["--sweep", "1"]);
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    hears(&app, &format!("acme/shop#{number} (P2, severity 2) is open and affects checkout"));
    assert_eq!(app.events("incident_recorded").len(), 1);
    let listed = app.world.run(&["db", "list", "incidents", "--database", "sqlite:record.db"]);
    assert!(listed.out.contains(&format!("incident\t{number}\t")), "{}{}", listed.out, listed.err);
    // By the word of who commands it is over.
    github.with(|world| {
        world.label(number, "ivy", "incident");
        world.close_issue(number, "ivy");
    });
    until("an answer", || told(&github).decided.is_some());
}

#[test]
fn c3_incidents_of_another_repository_hold_as_well() {
    let github = shop();
    with_policy(
        &github,
        with_incidents().replace("{ system: issues, severity", "{ system: issues, repository: acme/ops, severity"),
    );
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    let number = github.with(|world| {
        for login in ["olu", "ivy"] {
            world.user(login, "User");
        }
        // One of this repository is none.
        world.issue("olu", "not there", "", &["incident", "P1", "service:checkout"]);
        world.in_ops(|world| {
            world.issue("olu", "the first of it", "", &["question"]);
            world.issue("olu", "the basket is empty", "since ten", &["incident", "P2", "service:checkout"])
        })
    });
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, &format!("acme/ops#{number} (P2, severity 2) is open and affects checkout"));
    assert!(!says(&app).contains("acme/shop#"), "{}", says(&app));
    github.with(|world| world.in_ops(|world| world.close_issue(number, "ana")));
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(told(&github).decided, None, "{}", says(&app));
    github.with(|world| {
        world.in_ops(|world| {
            let reopened =
                serde_json::json!({"__typename": "ReopenedEvent", "createdAt": ago(0), "actor": world.actor("ivy")});
            let issue = world.issues.get_mut(&number).unwrap();
            issue.closed_at = None;
            issue.events.push(reopened);
            world.close_issue(number, "ivy");
        });
    });
    until("an answer", || told(&github).decided.is_some());
}

#[test]
fn c3_a_fix_that_who_commands_confirms_goes_beside_its_incident() {
    let github = shop();
    with_policy(&github, with_incidents() + "change: { create: true }\n");
    let number = incident(&github, "P2");
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let record = record(&github);
    fills(&github, record, "carla", "fixes", &format!("#{number}"));
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, "is open and affects checkout");
    let before = app.looks();
    until("more looks", || app.looks() > before + 2);
    assert_eq!(told(&github).decided, None, "{}", says(&app));
    let confirm = format!("/countersign confirm production 510000000000 acme/shop#{number}");
    github.with(|world| world.comment(12, "IC_a", "ana", &confirm, &ago(0)).is_null());
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(told(&github).decided, None, "{}", says(&app));
    github.with(|world| world.comment(12, "IC_b", "ivy", &confirm, &ago(0)).is_null());
    until("an answer", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
}

#[test]
fn c3_what_anybody_makes_worse_holds_and_what_is_small_does_not() {
    let github = shop();
    with_policy(&github, with_incidents());
    let number = incident(&github, "P3");
    github.with(|world| world.label(number, "bo", "P1"));
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "(P1, severity 1) is open");
    github.with(|world| world.unlabel(number, "ivy", "P1"));
    until("an answer", || told(&github).decided.is_some());
}

#[test]
fn c3_an_incident_of_which_a_page_cannot_be_read_holds() {
    let github = shop();
    with_policy(&github, with_incidents());
    let number = incident(&github, "P3");
    github.with(|world| (0..5).for_each(|at| world.label(number, "olu", &format!("note-{at}"))));
    asks(&github);
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(1)).is_null());
    // Lists have further pages, and the second of its events never comes.
    github.page(2);
    for _ in 0..8 {
        github.trouble(&format!("i: issue(number: {number})"), Trouble::Answer(502, vec![], String::new()));
    }
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "the open incidents could not be read");
    until("that it can be read", || github.troubles() == 0);
    until("an answer", || told(&github).decided.is_some());
}

/// An issue of another repository that says of which releases it is the record.
fn elsewhere(github: &Github, of: &str) -> u64 {
    let text = format!(
        "### release\n\n{of} to `production`\n\n### risk_assessment\n\nA price may be wrong for some minutes.\n\n### fixes\n\nnothing\n"
    );
    github.with(|world| world.in_ops(|world| world.issue("carla", "Baskets", &text, &["change"])))
}

const ELSEWHERE: &str =
    "change: { system: issues, repository: acme/ops, needs: [risk_assessment], proceeds_in: [Implement] }\n";

/// The labels and the comments of an issue of that repository, and whether it is open.
fn there(github: &Github, number: u64) -> (Vec<String>, Vec<String>, bool) {
    github.with(|world| {
        world.in_ops(|world| {
            let issue = &world.issues[&number];
            let said = issue.comments.iter().map(|it| it["body"].as_str().unwrap().to_owned());
            (issue.labels.clone(), said.collect(), issue.closed_at.is_none())
        })
    })
}

#[test]
fn c1_one_record_covers_releases_of_several_repositories_and_is_closed_by_the_last() {
    let github = shop();
    with_policy(&github, policy(ELSEWHERE));
    asks(&github);
    // One of this repository is none, nor is one that names a change of another.
    github.with(|world| world.issue("carla", "Here", "### release\n\n#12 to production\n", &["change"]));
    let other = elsewhere(&github, "#12, acme/ledger#12");
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    hears(&app, "no change record is linked; open an issue with the label change in acme/ops");
    let number = elsewhere(&github, "acme/shop#12 and acme/ledger#7");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(12, "R1", "bo", "APPROVED", "c1", &ago(0)).is_null());
    hears(&app, &format!("acme/ops#{number} has no state"));
    github.with(|world| world.in_ops(|world| world.label(number, "ana", "change:Implement")));
    hears(&app, "was brought into state Implement by ana");
    github.with(|world| {
        world.in_ops(|world| {
            world.unlabel(number, "ana", "change:Implement");
            world.label(number, "carla", "change:Implement");
        });
    });
    super::ledger::goes(&app, &github, RUN, "SUCCESS");
    // What it names of another repository has yet to come to its end.
    let ended = || there(&github, number).1.iter().any(|said| said.contains("its deployment ended well"));
    until("what came of it", ended);
    std::thread::sleep(Duration::from_secs(3));
    let (labels, said, open) = there(&github, number);
    assert!(open && labels == ["change", "change:Implement"], "{labels:?}");
    assert_eq!(said.len(), 2, "{said:#?}");
    assert_eq!(there(&github, other).1.len(), 0);
    // One that names nothing else is closed.
    super::next_release(&github);
    let last = elsewhere(&github, "acme/shop#13");
    github.with(|world| world.in_ops(|world| world.label(last, "carla", "change:Implement")));
    hears(&app, "0 of 1 approvals");
    std::thread::sleep(Duration::from_millis(1_100));
    github.with(|world| world.review(13, "R2", "carla", "APPROVED", "c2", &ago(0)).is_null());
    super::ledger::goes(&app, &github, super::NEXT, "SUCCESS");
    until("an end", || !there(&github, last).2);
    assert_eq!(there(&github, last).0, ["change", "change:Successful"]);
}

#[test]
fn c1_a_record_is_opened_in_the_repository_that_keeps_them_for_all() {
    let github = shop();
    with_policy(&github, policy(&CHANGE.replace("system: issues,", "system: issues, repository: acme/ops,")));
    asks(&github);
    github.with(|world| world.in_ops(|world| world.issue("olu", "something", "", &["question"])));
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    let opened = || github.with(|world| world.in_ops(|world| world.labelled("change")));
    until("a record", || !opened().is_empty());
    let number = opened()[0];
    hears(&app, &format!("risk_assessment of acme/ops#{number} says nothing"));
    let text = github.with(|world| world.in_ops(|world| world.text(number)));
    assert!(text.contains("acme/shop#12"), "{text}");
    assert!(github.with(|world| world.issues.is_empty()));
    github.with(|world| world.in_ops(|world| world.close_issue(number, "ana")));
    hears(&app, &format!("acme/ops#{number}"));
    assert_eq!(told(&github).decided, None);
}
