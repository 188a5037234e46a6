//! From what GitLab holds to a decision, through the command: `countersign facts`, then `countersign decide`. The stories
//! are those of the GitHub tests, and come to the same.

use serde_json::{Value, json};

use super::shop::{Asked, DEPLOYMENT, ask, open, shop};
use crate::forge::github::shop as hub;
use crate::support::github::world::sha;
use crate::support::gitlab::Gitlab;
use crate::support::gitlab::world::{PROJECT, Plan};

/// `bo` lets the deployment go.
fn bo_votes(gitlab: &Gitlab) {
    gitlab.with(|world| world.vote(DEPLOYMENT, "bo", "approved", "2026-12-02T11:00:00Z")).unwrap();
}

#[test]
fn a_release_is_what_changed_since_what_runs_and_a_vote_lets_it_go() {
    let gitlab = shop();
    let asked = ask(&gitlab);
    let release = &asked.facts["release"];
    assert_eq!((&release["forge"], &release["repository"]), (&json!("gitlab"), &json!(PROJECT)));
    assert_eq!(release["trigger"], "gitlab:ana");
    assert_eq!(
        release["reference"],
        json!({"name": "refs/heads/main", "reaches": true, "on_default": true, "resolves_to": sha("51")})
    );
    assert_eq!(release["submitted_at"], "2026-12-02T10:01:00Z");
    // People are asked since its job came up to the environment: it may be one of an old pipeline that is tried again.
    assert_eq!(release["asked_since"], "2026-12-02T10:02:00Z");
    let changes = release["changes"].as_array().unwrap();
    assert_eq!(changes.len(), 1, "{changes:?}");
    assert_eq!(changes[0]["id"], "acme/shop!12");
    assert_eq!(changes[0]["files"], json!(["checkout/basket.rs"]));
    assert_eq!(changes[0]["lines"], 2);
    assert_eq!(changes[0]["landed"]["tree"], changes[0]["content"], "nothing else was merged meanwhile");
    // Only what the changes touch goes.
    assert_eq!(release["components"].as_object().unwrap().keys().collect::<Vec<_>>(), ["checkout"]);
    let (wrote, squashed) = (asked.commit("c1"), asked.commit("51"));
    assert_eq!((&wrote["author"], &wrote["pushed_by"]), (&json!("gitlab:ana"), &json!("gitlab:ana")));
    // GitLab wrote the squashed commit down, and who pressed the button wrote nothing.
    let forge = json!("gitlab:(gitlab)");
    assert_eq!((&squashed["committer"], &squashed["pushed_by"]), (&forge, &forge));
    assert_eq!(asked.facts["accounts"]["gitlab:(gitlab)"]["kind"], "forge");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("0 of 1"), "{text}");

    // Nothing but reading, and nothing beside the path that the server is below.
    for it in gitlab.asked() {
        let reads = it.method == "GET" || (it.method == "POST" && it.path == "/git/api/graphql");
        assert!(reads && it.path.starts_with("/git/api/"), "{it:?}");
    }

    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    assert_eq!(asked.act(&format!("vote-{DEPLOYMENT}-1001"))["via"], "environment");
    let (code, text) = asked.decided();
    assert_eq!(code, 0, "{text}");
}

/// What is decided, with the names of one forge instead of the other's.
fn plain(text: &str) -> String {
    let text = text
        .replace("gitlab", "forge")
        .replace("github", "forge")
        .replace("GitLab", "Forge")
        .replace("GitHub", "Forge");
    text.replace("forge:acme/", "forge:@acme/").replace("!12", "#12").replace("web-flow", "(forge)")
}

#[test]
fn the_same_story_decides_the_same_on_both_forges() {
    let summary = |text: String| plain(text.lines().next().unwrap_or_default());
    let (github, gitlab) = (hub::shop(), shop());
    let both = || (hub::ask(&github).decided(), ask(&gitlab).decided());
    let (one, other) = both();
    assert_eq!((one.0, summary(one.1)), (other.0, summary(other.1)));
    // The author's own vote counts on neither. GitLab itself would not take it of whoever started the deployment.
    github.with(|world| world.runs[0].reviews.push(("ana".to_owned(), "APPROVED".to_owned(), "production".to_owned())));
    gitlab.with(|world| {
        assert!(world.vote(DEPLOYMENT, "ana", "approved", "2026-12-02T11:00:00Z").is_err());
        world.deployments[1].votes.push(("ana".to_owned(), "approved".to_owned(), "2026-12-02T11:00:00Z".to_owned()));
    });
    let (one, other) = both();
    assert_eq!(one.0, 10, "{}", one.1);
    assert_eq!((one.0, summary(one.1)), (other.0, summary(other.1)));
    github.with(|world| world.runs[0].reviews.push(("bo".to_owned(), "APPROVED".to_owned(), "production".to_owned())));
    bo_votes(&gitlab);
    let (one, other) = both();
    assert_eq!(one.0, 0, "{}", one.1);
    assert_eq!((one.0, summary(one.1)), (other.0, summary(other.1)));
}

#[test]
fn t05_whoever_pushed_contributed_whatever_the_commit_says() {
    let gitlab = shop();
    gitlab.with(|world| "bo".clone_into(&mut world.pushes[1].by));
    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("c1")["pushed_by"], "gitlab:bo");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("pushed commit"), "{text}");
}

#[test]
fn t05_a_push_that_nobody_knows_of_holds() {
    let gitlab = shop();
    gitlab.with(|world| world.pushes.remove(1));
    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    // The merge reaches the commit too, and did not bring it.
    assert!(asked.commit("c1")["pushed_by"]["unavailable"].is_string(), "{}", asked.commit("c1"));
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn t05_what_a_push_of_many_branches_may_have_brought_was_pushed_by_nobody_who_is_known() {
    let gitlab = shop();
    gitlab.with(|world| world.push_many("2025-12-01T09:00:00Z", "eve"));
    bo_votes(&gitlab);
    let pushed = |gitlab: &Gitlab| ask(gitlab).commit("c1")["pushed_by"].clone();
    assert!(pushed(&gitlab)["unavailable"].is_string(), "it may have been there with what it descends from");
    // GitLab wrote what it descends from after that push.
    gitlab.with(|world| {
        world.open(11, "carla", "b0", "b0", "2025-12-31T10:00:00Z");
        let request = world.requests.get_mut(&11).unwrap();
        "merged".clone_into(&mut request.state);
        request.squash_commit = Some(sha("b0"));
        request.merged_at = Some("2026-01-01T10:00:00Z".to_owned());
    });
    assert_eq!(pushed(&gitlab), "gitlab:ana");
    assert_eq!(ask(&gitlab).decided().0, 0);
    gitlab.with(|world| world.push_many("2026-11-30T09:00:00Z", "eve"));
    assert!(pushed(&gitlab)["unavailable"].is_string());
    assert_eq!(ask(&gitlab).decided().0, 10);
}

#[test]
fn t04_t06_authors_whom_nobody_knows_hold_and_trailers_exclude() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.message("c1", "a change\n\nCo-Authored-By: Bo <bo@acme.example>");
        world.public.push("bo".to_owned());
    });
    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("c1")["co_authors"], json!(["gitlab:bo"]));
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("co-authored"), "{text}");
    // An address that its account does not show is nobody's that we know, and that holds.
    gitlab.with(|world| world.public.clear());
    let asked = ask(&gitlab);
    assert!(asked.commit("c1")["co_authors"]["unavailable"].as_str().unwrap().contains("public"));
    assert_eq!(asked.decided().0, 10);

    let gitlab = shop();
    gitlab.with(|world| world.git.edit("c1", |commit| commit.author = "nobody".to_owned()));
    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("c1")["author"], Value::Null);
    assert_eq!(asked.decided().0, 10);
}

#[test]
fn t08_whoever_wrote_a_head_that_was_pushed_over_contributed() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.git.commit("c0", "bo", &["b0"], &[("checkout/basket.rs", "0")]);
        let request = world.requests.get_mut(&12).unwrap();
        request.versions.insert(0, (sha("c0"), sha("b0"), "2026-12-01T08:00:00Z".to_owned()));
    });
    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("c0")["author"], "gitlab:bo");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
}

#[test]
fn t10_t11_a_bot_is_known_by_its_type_and_works_for_those_to_whom_it_is_assigned() {
    let gitlab = shop();
    gitlab.with(|world| {
        world.git.edit("c1", |commit| {
            commit.author = "helper".to_owned();
            commit.committer = "helper".to_owned();
        });
        let request = world.requests.get_mut(&12).unwrap();
        request.author = "helper".to_owned();
        request.assignees.push("bo".to_owned());
        world.note(12, "helper", "assigned to @bo", "2026-12-01T09:01:00Z")["system"] = json!(true);
    });
    bo_votes(&gitlab);
    let asked = ask(&gitlab);
    assert_eq!(asked.commit("c1")["on_behalf_of"], json!(["gitlab:bo"]));
    assert_eq!(asked.facts["accounts"]["gitlab:helper"]["kind"], "bot");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("had commit"), "{text}");
    // Whoever takes himself off was assigned all the same.
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().assignees.clear());
    assert_eq!(ask(&gitlab).commit("c1")["on_behalf_of"], json!(["gitlab:bo"]));
}

#[test]
fn t13_whoever_came_into_the_group_meanwhile_does_not_count() {
    let gitlab = shop();
    gitlab.with(|world| {
        let dana = ("dana".to_owned(), 30, "2026-12-02T10:30:00Z".to_owned());
        world.groups.get_mut("acme/shop-leads").unwrap().push(dana);
        world.vote(DEPLOYMENT, "dana", "approved", "2026-12-02T11:00:00Z").unwrap();
    });
    let asked = ask(&gitlab);
    let members = asked.facts["groups"]["gitlab:acme/shop-leads"].as_array().unwrap();
    let joined = |login: &str| members.iter().find(|member| member["account"] == login).map(|it| it["joined"].clone());
    assert_eq!(joined("gitlab:bo"), Some(Value::Null));
    assert_eq!(joined("gitlab:dana").unwrap()["at"], "2026-12-02T10:30:00Z");
    assert_eq!(joined("gitlab:olga"), None, "minimal access makes nobody a member");
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
}

#[test]
fn t47_that_a_request_is_approved_as_a_whole_is_said_of_what_needs_nobody_and_approves_nothing() {
    // This GitLab answers `approved: true` whatever was asked, as real ones do where no rule asks for anybody.
    let gitlab = shop();
    let asked = ask(&gitlab);
    let approvals = |asked: &Asked| {
        let acts = asked.facts["acts"].as_array().cloned().unwrap_or_default();
        acts.iter().filter(|act| act["does"].to_string().contains("approve")).count()
    };
    assert_eq!(approvals(&asked), 0, "{}", asked.facts["acts"]);
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(text.contains("0 of 1 approvals"), "{text}");
    // One that somebody gave is his, and no more than that.
    gitlab.with(|world| {
        world.requests.get_mut(&12).unwrap().approvals.push(("bo".to_owned(), "2026-12-02T09:00:00Z".to_owned()));
    });
    assert_eq!(approvals(&ask(&gitlab)), 1);
}

#[test]
fn an_approval_is_of_what_was_there_when_it_was_given_and_a_push_resets_it() {
    let changes = |asked: &Asked, id: &str| asked.act(id)["saw"]["changes"]["acme/shop!12"].clone();
    for resets in [false, true] {
        let gitlab = open();
        gitlab.with(|world| {
            world.resets = resets;
            assert!(world.approve(12, "ana", "2026-12-01T10:00:00Z").is_err(), "authors approve nothing of theirs");
            world.approve(12, "bo", "2026-12-01T10:00:00Z").unwrap();
            assert!(world.approve(12, "bo", "2026-12-01T10:00:01Z").is_err(), "one vote a user");
            world.git.commit("c2", "ana", &["c1"], &[("checkout/basket.rs", "3")]);
            world.push("2026-12-01T11:00:00Z", "ana", "c1", "c2", Some((12, "b0")));
            world.approve(12, "carla", "2026-12-01T12:00:00Z").unwrap();
            world.git.commit("51", "ana", &["b0"], &[("checkout/basket.rs", "3")]);
            world.squash(12, "bo", "b0", "51", "2026-12-02T10:00:00Z");
            world.git.branches.insert("refs/heads/main".to_owned(), sha("51"));
        });
        let asked = ask(&gitlab);
        let content = asked.facts["release"]["changes"][0]["content"].clone();
        assert_eq!(changes(&asked, "approval-12-1002"), content);
        let acts = asked.facts["acts"].as_array().unwrap();
        let early = acts.iter().find(|act| act["id"] == "approval-12-1001");
        if resets {
            assert_eq!(early, None);
        } else {
            // It stays where the project is set so, and is of what is not there any longer.
            assert_ne!(early.unwrap()["saw"]["changes"]["acme/shop!12"], content);
        }
        // Older servers tell in a note alone when it was.
        gitlab.with(|world| world.tells_when = false);
        assert_eq!(changes(&ask(&gitlab), "approval-12-1002"), content);
    }
}

#[test]
fn t17_t18_a_command_in_a_note_counts_and_an_edited_one_never() {
    let gitlab = shop();
    let head = sha("51");
    gitlab.with(|world| {
        let command = format!("/countersign approve production {}: looks right", &head[..12]);
        world.note(12, "bo", &command, "2026-12-02T11:00:00Z");
        let edited = world.note(12, "carla", &command, "2026-12-02T11:00:00Z");
        edited["updated_at"] = json!("2026-12-02T11:30:00Z");
        world.note(12, "eve", &format!("> {command}\n```\n{command}\n```\nno"), "2026-12-02T11:00:00Z");
    });
    let asked = ask(&gitlab);
    let notes: Vec<&Value> =
        asked.facts["acts"].as_array().unwrap().iter().filter(|act| act["via"] == "command").collect();
    assert_eq!(notes.len(), 2, "a quotation and a block of code are no commands: {notes:?}");
    assert_eq!((&notes[0]["by"], &notes[0]["standing"]), (&json!("gitlab:bo"), &json!("stands")));
    assert_eq!((&notes[1]["by"], &notes[1]["standing"]), (&json!("gitlab:carla"), &json!("edited")));
    assert_eq!(notes[0]["reason"], "looks right");
    let (code, text) = asked.decided();
    assert_eq!(code, 0, "{text}");
    // Without the one that stands the edited one lets nothing go.
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().notes.remove(0));
    assert_eq!(ask(&gitlab).decided().0, 10);
}

#[test]
fn without_approvals_of_deployments_that_is_said_and_a_note_approves() {
    let gitlab = shop();
    gitlab.with(|world| world.plan = Plan::Free);
    assert!(gitlab.with(|world| world.vote(DEPLOYMENT, "bo", "approved", "2026-12-02T11:00:00Z")).is_err());
    let asked = ask(&gitlab);
    assert!(asked.said.err.contains("need Premium"), "{}", asked.said.err);
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    let command = format!("/countersign approve production {}", sha("51"));
    gitlab.with(|world| {
        world.note(12, "bo", &command, "2026-12-02T11:00:00Z");
    });
    let (code, text) = ask(&gitlab).decided();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_reviewer_who_asked_for_changes_stops_it() {
    let gitlab = shop();
    bo_votes(&gitlab);
    gitlab.with(|world| {
        world.requests.get_mut(&12).unwrap().reviewers.push(("carla".to_owned(), "requested_changes".to_owned()));
        world.note(12, "carla", "requested changes", "2026-12-02T11:30:00Z")["system"] = json!(true);
    });
    let asked = ask(&gitlab);
    assert_eq!(asked.act("review-12-1002")["does"], json!({"reject": {}}));
    assert_eq!(asked.act("review-12-1002")["at"], "2026-12-02T11:30:00Z");
    let (code, text) = asked.decided();
    assert_ne!(code, 0, "{text}");
}

#[test]
fn whoever_asked_for_changes_is_heard_when_he_is_asked_again_or_not_at_all() {
    let gitlab = shop();
    bo_votes(&gitlab);
    gitlab.with(|world| {
        world.requests.get_mut(&12).unwrap().reviewers.push(("carla".to_owned(), "unreviewed".to_owned()));
        world.note(12, "carla", "requested changes", "2026-12-02T11:30:00Z")["system"] = json!(true);
    });
    let asked = ask(&gitlab);
    assert_eq!(asked.act("review-12-1002")["does"], json!({"reject": {}}));
    assert_ne!(asked.decided().0, 0, "{}", asked.decided().1);
    // Somebody took her from the reviewers altogether.
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().reviewers.clear());
    assert_ne!(ask(&gitlab).decided().0, 0);
    // Words of somebody else's are no note of GitLab's.
    gitlab.with(|world| world.requests.get_mut(&12).unwrap().notes[0]["system"] = json!(false));
    assert_eq!(ask(&gitlab).decided().0, 0);
    // What she approves afterwards takes its place.
    gitlab.with(|world| {
        world.requests.get_mut(&12).unwrap().notes[0]["system"] = json!(true);
        world.approve(12, "carla", "2026-12-02T11:45:00Z").unwrap();
    });
    let (code, text) = ask(&gitlab).decided();
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_note_that_was_edited_may_have_rejected_and_voids_what_its_writer_approved_before() {
    let gitlab = shop();
    bo_votes(&gitlab);
    gitlab.with(|world| {
        world.note(12, "bo", "looks fine after all", "2026-12-02T11:10:00Z");
        // Of somebody who approved nothing, and before the approval.
        world.note(12, "carla", "a typo", "2026-12-02T11:10:00Z")["updated_at"] = json!("2026-12-02T11:11:00Z");
        world.note(12, "bo", "earlier", "2026-12-02T10:50:00Z")["updated_at"] = json!("2026-12-02T11:11:00Z");
    });
    assert_eq!(ask(&gitlab).decided().0, 0);
    gitlab.with(|world| {
        world.requests.get_mut(&12).unwrap().notes[0]["updated_at"] = json!("2026-12-02T11:20:00Z");
    });
    let asked = ask(&gitlab);
    let (code, text) = asked.decided();
    assert_eq!(code, 10, "{text}");
    assert!(asked.said.err.contains("was edited"), "{}", asked.said.err);
    // He says it again.
    gitlab.with(|world| {
        world.note(12, "bo", &format!("/countersign approve production {}", sha("51")), "2026-12-02T11:30:00Z");
    });
    let (code, text) = ask(&gitlab).decided();
    assert_eq!(code, 0, "{text}");
}
