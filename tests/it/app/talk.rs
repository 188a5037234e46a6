//! What is said on pull requests before anything is deployed, and what becomes of comments, seen from outside.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{App, ago, asks, id, payload, shop, takes, told, until};
use crate::support::github::world::sha;
use crate::support::github::{Github, Trouble};
use crate::support::served::Served;

/// `bo` opens pull request 13 upon what `ana` brought; production runs `b0`.
pub(super) fn proposed() -> Github {
    let github = shop();
    github.with(|world| {
        world.commit("c2", "bo", &["51"], &[("checkout/basket.rs", "3")]);
        world.edit("c2", |it| it.date = ago(4));
        world.propose(13, "bo", "51", &["c2"]);
        world.push(&ago(4), "51", "c2", "push", "bo");
    });
    github
}

/// What our App has written of a kind.
pub(super) fn written(github: &Github, kind: &str) -> Vec<Value> {
    github.with(|world| world.written.iter().filter(|(of, _)| of == kind).map(|(_, it)| it.clone()).collect())
}

fn checks(github: &Github) -> Vec<Value> {
    written(github, "check-runs")
}

fn title(check: &Value) -> String {
    check["output"]["title"].as_str().unwrap().to_owned()
}

fn summary(check: &Value) -> String {
    check["output"]["summary"].as_str().unwrap().to_owned()
}

fn replies(github: &Github, number: u64) -> Vec<String> {
    let found = written(github, &format!("issues/{number}/comments"));
    found.iter().map(|it| it["body"].as_str().unwrap().to_owned()).collect()
}

/// GitHub says that something of a pull request happened.
pub(super) fn happens(served: &Served, number: u64) {
    let one = payload(json!({"action": "created", "issue": {"number": number, "pull_request": {}}}));
    takes(served, "issue_comment", &id(), &one);
}

/// Posts and edits so far.
fn said(github: &Github) -> usize {
    let posts = |it: &&crate::support::github::Asked| it.method != "GET" && it.path.contains("/repos/");
    github.asked().iter().filter(posts).count()
}

#[test]
fn a_pull_request_says_what_its_release_needs_and_who_is_asked() {
    let github = proposed();
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("a check", || !checks(&github).is_empty());
    let check = checks(&github).remove(0);
    assert_eq!(title(&check), "production: needs carla to approve");
    // It is no obstacle to a merge: people are still to be asked, and that is said.
    assert_eq!((check["status"].as_str(), check["conclusion"].as_str()), (Some("completed"), Some("neutral")));
    assert_eq!(check["head_sha"], sha("c2"));
    let text = summary(&check);
    assert!(text.contains("0 of 1 approvals from shop-owner"), "{text}");
    assert!(text.contains("bo contributed"), "{text}");
    assert!(!text.contains("staging"), "nobody is asked for staging: {text}");

    // What does not change it is not said again; what does edits the one check.
    let before = said(&github);
    github.with(|world| world.comment(13, "IC_1", "ana", "looks good to me", &ago(1)).is_null());
    happens(&served, 13);
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(said(&github), before);
    github.with(|world| world.edit("c2", |it| it.co_authors.push("carla".to_owned())));
    happens(&served, 13);
    until("an edit", || checks(&github)[0]["conclusion"] == "action_required");
    assert_eq!(checks(&github).len(), 1, "one check for a head");
    assert_eq!(title(&checks(&github)[0]), "production: nobody is left who could approve this");

    // Whoever is started next has only the record to know it from. What was told has to stand there: else it waits until
    // nobody holds its destination any longer.
    let waits = || app.world.run(&["db", "list", "outbox", "--database", "sqlite:record.db"]).out.contains("waiting");
    until("an end of what was told", || !waits());
    drop(served);
    let before = said(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("sweeps", || app.events("started").len() == 2);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(said(&github), before);
    // Another head has a check of its own.
    github.with(|world| {
        world.commit("c3", "bo", &["c2"], &[("checkout/basket.rs", "4")]);
        world.edit("c3", |it| it.date = ago(1));
        world.push(&ago(1), "c2", "c3", "push", "bo");
        world.edit("c2", |it| it.co_authors.clear());
        world.propose(13, "bo", "51", &["c2", "c3"]);
    });
    until("a check on the new head", || checks(&github).len() == 2);
    assert_eq!(checks(&github)[1]["head_sha"], sha("c3"));
    assert_eq!(title(&checks(&github)[1]), "production: needs carla to approve");
}

#[test]
fn what_is_not_known_is_never_a_success_and_what_is_met_is_one() {
    let github = proposed();
    let app = App::new(&github);
    // Whoever carries no roster does not know since when anybody is in the team.
    let served = app.start_with(&app.options_without("--roster"), &["--sweep", "300"]);
    until("a check", || !checks(&github).is_empty());
    assert_eq!(checks(&github)[0]["conclusion"], "neutral", "{}", title(&checks(&github)[0]));
    drop(served);
    let changed = super::POLICY.replace("accountable: 1 }", "accountable: 1, counts_from: [review, environment] }");
    github.with(|world| {
        world.contents.insert(".countersign/policy.yml".to_owned(), changed);
        world.review(13, "R1", "carla", "APPROVED", "c2", &ago(1)).is_null()
    });
    let _served = app.start(&["--sweep", "1"]);
    until("a success", || checks(&github)[0]["conclusion"] == "success");
    assert_eq!(title(&checks(&github)[0]), "production: needs nothing more");
    // A branch that nothing is released from, or a policy that cannot be read, is no success.
    github.with(|world| {
        world.contents.insert(".countersign/policy.yml".to_owned(), "version: 1\ngates: 7\n".to_owned());
        world.review(13, "R2", "ana", "COMMENTED", "c2", &ago(1)).is_null()
    });
    until("doubt", || checks(&github)[0]["conclusion"] == "neutral");
    assert!(summary(&checks(&github)[0]).contains("mistakes"), "{}", summary(&checks(&github)[0]));
    assert_eq!(checks(&github).len(), 1);
}

#[test]
fn nothing_is_said_where_nobody_wrote_a_policy() {
    let github = proposed();
    github.with(|world| world.contents.clear());
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("a look", || github.asked().iter().filter(|it| it.path.ends_with("/pulls")).count() > 2);
    assert_eq!(said(&github), 0);
}

#[test]
fn a_check_whose_answer_was_lost_is_looked_for_before_it_is_made_again() {
    let github = proposed();
    github.trouble("/check-runs", Trouble::Lost);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "300"]);
    let ended = || app.events("effect_attempted").iter().any(|it| it["outcome"] == "done");
    until("the end of it", ended);
    assert_eq!(checks(&github).len(), 1);
}

#[test]
fn what_was_said_before_a_kill_is_not_said_again_after_it() {
    let github = proposed();
    github.with(|world| world.comment(12, "IC_1", "carla", "/countersign frob", &ago(1)).is_null());
    let app = App::new(&github);
    let served = app.start(&["--sweep", "1"]);
    // Killed as soon as GitHub has both, which may be before the record says so.
    let end = Instant::now() + Duration::from_secs(40);
    while checks(&github).is_empty() || replies(&github, 12).is_empty() {
        assert!(Instant::now() < end, "it says nothing");
        std::thread::sleep(Duration::from_micros(200));
    }
    drop(served);
    // Whoever was killed holds what he was at for a minute.
    let served = app.start(&["--sweep", "1"]);
    let ended = |to: &str| app.events("effect_attempted").iter().any(|it| it["to"] == to && it["outcome"] == "done");
    let end = Instant::now() + Duration::from_secs(80);
    while !(ended("aside github:acme/shop#12") && ended("aside github:acme/shop#13")) {
        assert!(Instant::now() < end, "it does not end: {:?}", app.events("effect_attempted"));
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(served);
    assert_eq!((checks(&github).len(), replies(&github, 12).len()), (1, 1));
    let verified = app.world.run(&["log", "verify", "--database", "sqlite:record.db", "--log-key", "log.pub"]);
    assert_eq!(verified.code, 0, "{}{}", verified.out, verified.err);
}

#[test]
fn a_waiting_deployment_goes_before_everything_that_is_said_on_changes() {
    let github = proposed();
    github.with(|world| {
        for at in 0..40_u64 {
            let short = format!("e{at:02}");
            world.commit(&short, "bo", &["51"], &[("checkout/basket.rs", &short)]);
            world.edit(&short, |it| it.date = ago(4));
            world.push(&ago(4), "51", &short, "push", "bo");
            world.propose(100 + at, "bo", "51", &[&short]);
        }
    });
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("the first checks", || checks(&github).len() > 1);
    super::reviews_before(&github);
    takes(&served, "deployment_protection_rule", &id(), &super::waits(&github));
    until("an answer", || told(&github).decided.is_some());
    let before = checks(&github).len();
    assert!(before < 41, "the deployment waited for {before} checks");
    until("all checks", || checks(&github).len() == 41);
}

#[test]
fn t55_what_people_name_things_is_text_in_a_check_and_an_answer() {
    let github = proposed();
    let policy = super::POLICY.replace("shop-owner", "\"<img src=x> @acme/all [x](http://evil.example)\"");
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("a check", || !checks(&github).is_empty());
    let text = summary(&checks(&github)[0]);
    assert!(text.contains("<code>&lt;img src=x&gt; @acme/all [x](http://evil.example)</code>"), "{text}");
    let line = "/countersign approve prod @acme/all <!-- countersign x --> ![x](http://evil.example)";
    github.with(|world| world.comment(13, "IC_1", "carla", line, &ago(0)).is_null());
    happens(&served, 13);
    until("an answer", || !replies(&github, 13).is_empty());
    let text = replies(&github, 13).remove(0);
    assert_eq!(text.matches("<!--").count(), 1, "{text}");
    assert!(text.contains("<code>/countersign approve prod @acme/all"), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("/countersign")), "{text}");
}

/// Comments that do not count, each with a part of what is answered.
const REFUSED: [(&str, &str, &str); 10] = [
    ("bo", "/countersign aprove production", "write <code>/countersign approve ENVIRONMENT"),
    ("bo", "/countersign approve", "does not name the environment"),
    ("bo", "/countersign approve production c2000000", "wrote commit"),
    ("dora", "/countersign approve production c2000000", "shop-owner"),
    ("carla", "/countersign approve production", "say which commit you mean"),
    ("carla", "/countersign approve prod", "the policy has no environment <code>prod"),
    ("carla", "/countersign approve staging", "asks nobody"),
    ("carla", "/countersign reject production", "without a reason"),
    ("carla", "/countersign withdraw production R_9", "nothing that anybody did here"),
    ("carla", "/countersign tick production walk: the door is locked", "ticks nothing off"),
];

#[test]
fn every_command_that_does_not_count_is_answered_once_with_its_reason() {
    let github = proposed();
    github.with(|world| {
        world.user("dora", "User");
        for (at, (who, says, _)) in REFUSED.iter().enumerate() {
            // Each on a pull request of its own, so that none is beyond the rate.
            let (number, short) = (200 + at as u64, format!("d{at:02}"));
            world.commit(&short, "bo", &["51"], &[("checkout/basket.rs", &short)]);
            world.edit(&short, |it| it.date = ago(4));
            world.push(&ago(4), "51", &short, "push", "bo");
            world.propose(number, "bo", "51", &[&short]);
            let says = says.replace("c2000000", &sha(&short)[..12]);
            world.comment(number, &format!("IC_{at}"), who, &says, &ago(1));
        }
    });
    let app = App::new(&github);
    let served = app.start(&["--sweep", "2"]);
    let answered = |at: usize| replies(&github, 200 + at as u64);
    until("all answers", || (0..REFUSED.len()).all(|at| !answered(at).is_empty()));
    for (at, (_, says, why)) in REFUSED.iter().enumerate() {
        assert!(answered(at)[0].contains(why), "{says}: {}", answered(at)[0]);
    }
    // Neither a sweep nor a restart answers anything again, nor does it answer itself.
    drop(served);
    let _served = app.start(&["--sweep", "1"]);
    std::thread::sleep(Duration::from_secs(6));
    for at in 0..REFUSED.len() {
        assert_eq!(answered(at).len(), 1, "{:?}", answered(at));
    }
}

#[test]
fn what_counts_is_marked_and_a_bot_is_never_answered() {
    let github = proposed();
    github.with(|world| {
        world.user("robot[bot]", "Bot");
        let approves = format!("/countersign approve production {} as shop-owner: read it", &sha("c2")[..12]);
        world.comment(13, "IC_1", "carla", &approves, &ago(1));
        world.comment(13, "IC_2", "robot[bot]", "/countersign approve production", &ago(1));
        world.comment(13, "IC_3", "ana", "I would say `/countersign approve production`", &ago(1));
        world.comment(13, "IC_4", "ana", "> /countersign approve production", &ago(1));
        world.comment(13, "IC_5", "ana", "/countersign frob production", &ago(2_000)).is_null()
    });
    let app = App::new(&github);
    let served = app.start(&["--sweep", "2"]);
    let thumbs = || written(&github, "issues/comments/13000/reactions");
    until("a mark", || !thumbs().is_empty());
    assert_eq!(thumbs()[0]["content"], "+1");
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(replies(&github, 13), Vec::<String>::new(), "neither bots, nor quotes, nor what is long past");
    assert_eq!(thumbs().len(), 1);
    // What is edited counts no longer, and whoever wrote it is told so.
    github.with(|world| world.edit_comment(13, "IC_1", "/countersign approve production", &ago(0)));
    happens(&served, 13);
    until("an answer", || !replies(&github, 13).is_empty());
    assert!(replies(&github, 13)[0].contains("edited"), "{:?}", replies(&github, 13));
}

#[test]
fn commands_on_what_waits_are_judged_by_its_decision() {
    let github = shop();
    asks(&github);
    let app = App::new(&github);
    let served = app.start(&["--sweep", "300"]);
    until("a report", || !told(&github).reports.is_empty());
    let comment = |id: &str, who: &str, says: &str| {
        github.with(|world| world.comment(12, id, who, says, &ago(0)).is_null());
        happens(&served, 12);
    };
    comment("IC_1", "ana", "/countersign approve production 510000000000\n/countersign why");
    until("an answer", || replies(&github, 12).len() == 1);
    let text = replies(&github, 12).remove(0);
    assert!(text.contains("contributed") || text.contains("wrote"), "{text}");
    assert!(text.contains("held before production"), "why is answered: {text}");
    assert!(text.contains("<code>bo</code>") && text.contains("<code>carla</code>"), "who can: {text}");
    comment("IC_2", "bo", "/countersign approve production 510000000000 as shop-owner: read it");
    until("it opens", || told(&github).decided.is_some());
    assert_eq!(told(&github).decided.unwrap().0, "approved");
    // What opened it counts, although nothing waits any longer.
    until("a mark", || !written(&github, "issues/comments/12001/reactions").is_empty());
    comment("IC_3", "carla", "/countersign reject production: too late");
    until("another answer", || replies(&github, 12).len() == 2);
    assert!(replies(&github, 12)[1].contains("no deployment of this change waits"), "{:?}", replies(&github, 12));
}

#[test]
fn answers_on_one_pull_request_are_bounded() {
    let github = proposed();
    github.with(|world| {
        for at in 0..30 {
            world.comment(13, &format!("IC_{at}"), "carla", "/countersign frob", &ago(1));
        }
    });
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("the first answers", || replies(&github, 13).len() >= 10);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(replies(&github, 13).len(), 10);
    // Whoever writes many keeps nobody else from being answered.
    github.with(|world| world.comment(13, "IC_99", "ana", "/countersign reject production", &ago(0)).is_null());
    until("an answer to somebody else", || replies(&github, 13).len() == 11);
    assert!(replies(&github, 13)[10].contains("reject production"), "{:?}", replies(&github, 13));
}

#[test]
fn checks_and_answers_lead_to_the_pages() {
    let github = proposed();
    asks(&github);
    let app = App::new(&github);
    let _served = super::pages::serve(&app, &[]);
    until("a check", || !checks(&github).is_empty());
    let list = format!("{}/?repository=acme/shop&forge=github", super::pages::ORIGIN);
    assert_eq!(checks(&github)[0]["details_url"], list);
    until("a report", || !told(&github).reports.is_empty());
    github.with(|world| {
        world.comment(12, "IC_1", "ana", "/countersign approve production 510000000000", &ago(0)).is_null()
    });
    until("an answer", || !replies(&github, 12).is_empty());
    let page = format!("{}{}&forge=github", super::pages::ORIGIN, super::pages::RELEASE).replace('&', "&amp;");
    let text = replies(&github, 12).remove(0);
    assert!(text.contains(&format!("<a href=\"{page}\">")), "{text}");
    assert!(text.contains("does not count"), "{text}");
}

#[test]
fn an_item_that_is_ticked_off_counts_while_others_are_open() {
    let github = shop();
    let policy = super::POLICY.replace(
        "components:",
        "  ready: { checklist: [\"rollback rehearsed\", \"on-call told\"], environments: [production] }\ncomponents:",
    );
    github.with(|world| world.contents.insert(".countersign/policy.yml".to_owned(), policy));
    asks(&github);
    let app = App::new(&github);
    let _served = app.start(&["--sweep", "1"]);
    until("a report", || !told(&github).reports.is_empty());
    let line = "/countersign tick production 510000000000 ready: rollback rehearsed";
    github.with(|world| world.comment(12, "IC_1", "bo", line, &ago(0)).is_null());
    until("a mark", || !written(&github, "issues/comments/12000/reactions").is_empty());
    github.with(|world| {
        world.comment(12, "IC_2", "ana", &line.replace("rollback rehearsed", "on-call told"), &ago(0)).is_null()
    });
    until("an answer", || !replies(&github, 12).is_empty());
    assert!(replies(&github, 12)[0].contains("ticks nothing off"), "{:?}", replies(&github, 12));
}
