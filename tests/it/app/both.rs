//! What people try, written once and tried on both forges: the same acts come to the same decision.

use super::{POLICY, ago, gitlab, until};
use crate::support::github::world::{World as Git, address, sha};

/// One forge on which `ana` wrote what is to go to production, and `bo` or `carla` may approve it.
trait Stage {
    const NAME: &'static str;
    /// The commits, people and files that are alike everywhere.
    fn git<T>(&self, edit: impl FnOnce(&mut Git) -> T) -> T;
    /// Somebody writes on the change that is released, so many minutes ago.
    fn writes(&self, who: &str, text: &str, minutes: i64);
    /// Somebody writes there, and it says something else since.
    fn rewrites(&self, who: &str, first: &str, then: &str);
    /// Who pushed the commit of the change, instead of who wrote it.
    fn pushed_by(&self, who: &str);
    /// Somebody is named beside the author of the change.
    fn co_author(&self, who: &str);
    /// Somebody comes into the group of those who lead the shop.
    fn joins(&self, who: &str);
    /// Starts the app, and says what it decided: whether it opened production, and in which words. It waits for as many
    /// looks as are needed.
    fn decided(&self, goes: bool) -> (bool, String);
}

struct OnGithub(crate::support::github::Github);
struct OnGitlab(crate::support::gitlab::Gitlab);

fn plain(event: Option<serde_json::Value>) -> String {
    let summary = event.map(|event| event["summary"].as_str().unwrap().to_owned()).unwrap_or_default();
    summary.replace("<code>", "").replace("</code>", "")
}

impl Stage for OnGithub {
    const NAME: &'static str = "github";

    fn git<T>(&self, edit: impl FnOnce(&mut Git) -> T) -> T {
        self.0.with(edit)
    }

    fn writes(&self, who: &str, text: &str, minutes: i64) {
        self.0.with(|world| {
            let id = format!("IC_{}", world.pulls[&12].comments.len());
            world.comment(12, &id, who, text, &ago(minutes));
        });
    }

    fn rewrites(&self, who: &str, first: &str, then: &str) {
        self.writes(who, first, 2);
        self.0.with(|world| {
            let id = format!("IC_{}", world.pulls[&12].comments.len() - 1);
            world.edit_comment(12, &id, then, &ago(1));
        });
    }

    fn pushed_by(&self, who: &str) {
        self.0.with(|world| {
            for entry in world.activity.values_mut().flatten().filter(|entry| entry[2] == sha("c1")) {
                who.clone_into(&mut entry[4]);
            }
        });
    }

    fn co_author(&self, who: &str) {
        self.0.with(|world| world.edit("c1", |commit| commit.co_authors.push(who.to_owned())));
    }

    fn joins(&self, who: &str) {
        self.0.with(|world| world.teams.get_mut("acme/shop-leads").unwrap().push(who.to_owned()));
    }

    fn decided(&self, goes: bool) -> (bool, String) {
        super::asks(&self.0);
        let app = super::App::new(&self.0);
        let _served = app.start(&["--sweep", "1"]);
        if goes {
            until("an answer", || super::told(&self.0).decided.is_some());
        } else {
            until("some looks", || app.looks() > 1);
        }
        let opened = super::told(&self.0).decided.is_some_and(|(state, _)| state == "approved");
        (opened, plain(app.events("release_decided").pop()))
    }
}

impl Stage for OnGitlab {
    const NAME: &'static str = "gitlab";

    fn git<T>(&self, edit: impl FnOnce(&mut Git) -> T) -> T {
        self.0.with(|world| edit(&mut world.git))
    }

    fn writes(&self, who: &str, text: &str, minutes: i64) {
        self.0.with(|world| {
            world.note(12, who, text, &ago(minutes));
        });
    }

    fn rewrites(&self, who: &str, first: &str, then: &str) {
        self.writes(who, first, 2);
        self.0.with(|world| {
            let note = world.requests.get_mut(&12).unwrap().notes.last_mut().unwrap();
            note["body"] = then.into();
            note["updated_at"] = ago(1).into();
        });
    }

    fn pushed_by(&self, who: &str) {
        self.0.with(|world| {
            for push in world.pushes.iter_mut().filter(|push| push.after == Some(sha("c1"))) {
                who.clone_into(&mut push.by);
            }
        });
    }

    fn co_author(&self, who: &str) {
        self.0.with(|world| {
            let address = address(who, world.id(who));
            world.message("c1", &format!("a change\n\nCo-authored-by: {who} <{address}>"));
            world.public.push(who.to_owned());
        });
    }

    fn joins(&self, who: &str) {
        let came = (who.to_owned(), 40, ago(0));
        self.0.with(|world| world.groups.get_mut("acme/shop-leads").unwrap().push(came));
    }

    fn decided(&self, goes: bool) -> (bool, String) {
        gitlab::asks(&self.0);
        let app = gitlab::App::new(&self.0);
        let _served = app.start(&["--sweep", "1"]);
        if goes {
            until("the job to be played", || gitlab::status(&self.0) == "success");
        } else {
            until("some looks", || app.decisions() + app.events("release_unchanged").len() > 1);
        }
        (gitlab::status(&self.0) == "success", plain(app.events("release_decided").pop()))
    }
}

fn on_github() -> OnGithub {
    OnGithub(super::shop())
}

/// GitLab's own rules ask for nobody but the app, so that what people write alone decides.
fn on_gitlab() -> OnGitlab {
    let gitlab = gitlab::shop();
    gitlab.with(|world| {
        let own = crate::support::gitlab::world::Rule::of(crate::support::gitlab::APP);
        world.rules.insert("production".to_owned(), vec![own]);
    });
    OnGitlab(gitlab)
}

/// The policy with something else in it; whom it names is named as the forge does.
fn policy<S: Stage>(stage: &S, edit: impl Fn(&str) -> String) {
    stage.git(|git| {
        let text = git.contents.get_mut(".countersign/policy.yml").unwrap();
        let edited = edit(text).replace("FORGE:", &format!("{}:", S::NAME));
        assert_ne!(*text, edited, "the policy is as it was");
        *text = edited;
    });
}

/// The command that approves what goes.
fn approves() -> String {
    format!("/countersign approve production {}", sha("51"))
}

/// One row: who does what, whether it goes then, and words of the decision.
fn tried<S: Stage>(stage: impl Fn() -> S, rows: fn(Check<'_, S>)) {
    rows(&|name, given, goes, says| {
        let stage = stage();
        given(&stage);
        let (opened, words) = stage.decided(goes);
        assert_eq!(opened, goes, "{name} on {}: {words}", S::NAME);
        assert!(words.contains(says), "{name} on {}: `{says}` is not in {words}", S::NAME);
    });
}

/// Approvals of whoever may not give them, and of what does not go.
fn of_approvals<S: Stage>(check: Check<'_, S>) {
    check("an owner approves", &|it| it.writes("bo", &approves(), 1), true, "production may proceed");
    check("T01: whoever wrote it approves", &|it| it.writes("ana", &approves(), 1), false, "0 of 1");
    check("T10: a bot approves", &|it| it.writes("helper", &approves(), 1), false, "0 of 1");
    check(
        "T16: there is no policy",
        &|it| {
            it.git(|git| git.contents.clear());
            it.writes("bo", &approves(), 1);
        },
        false,
        "no policy",
    );
    check(
        "T17: what was approved is rejected since",
        &|it| {
            it.writes("bo", &approves(), 2);
            it.writes("carla", &format!("/countersign reject production {}: it is wrong", sha("51")), 1);
        },
        false,
        "carla",
    );
    check("T18: an edited comment approves", &|it| it.rewrites("bo", "hm", &approves()), false, "0 of 1");
    check(
        "T19: whoever approved may not come in any longer",
        &|it| {
            it.writes("bo", &approves(), 1);
            it.git(|git| git.outside.push("bo".to_owned()));
        },
        false,
        "0 of 1",
    );
    check(
        "T25: another commit was approved",
        &|it| it.writes("bo", &format!("/countersign approve production {}", sha("b0")), 1),
        false,
        "0 of 1",
    );
    check(
        "T32: it was approved for staging",
        &|it| it.writes("bo", &format!("/countersign approve staging {}", sha("51")), 1),
        false,
        "0 of 1",
    );
    check(
        "a quotation approves nothing",
        &|it| it.writes("bo", &format!("> {}\n\nno", approves()), 1),
        false,
        "0 of 1",
    );
}

/// Whether a row holds: its name, what is given, whether it goes, and words of the decision.
type Check<'c, S> = &'c dyn Fn(&str, &dyn Fn(&S), bool, &str);

/// Whoever had a hand in it approves nothing, by whichever of his traces.
fn of_contributors<S: Stage>(check: Check<'_, S>) {
    let owner_approves = |stage: &S| stage.writes("bo", &approves(), 1);
    check(
        "T03: whoever wrote a commit of somebody else's change approves",
        &|it| {
            it.git(|git| git.edit("c1", |commit| "bo".clone_into(&mut commit.author)));
            owner_approves(it);
        },
        false,
        "0 of 1",
    );
    check(
        "T04: nobody knows who wrote a commit",
        &|it| {
            it.git(|git| git.edit("c1", |commit| "mallory".clone_into(&mut commit.author)));
            owner_approves(it);
        },
        false,
        "",
    );
    check(
        "T05: whoever pushed it under another's name approves",
        &|it| {
            it.pushed_by("bo");
            owner_approves(it);
        },
        false,
        "0 of 1",
    );
    check(
        "T06: whoever is named beside the author approves",
        &|it| {
            it.co_author("bo");
            owner_approves(it);
        },
        false,
        "0 of 1",
    );
    check(
        "T13: whoever came into the group since approves",
        &|it| {
            it.joins("dana");
            it.writes("dana", &approves(), 1);
        },
        false,
        "0 of 1",
    );
    check("whoever is no owner approves", &|it| it.writes("dana", &approves(), 1), false, "0 of 1");
    check(
        "T21: the author stands in for an owner",
        &|it| {
            policy(it, |text| format!("{text}delegation: {{ max: 14d }}\n"));
            let until = chrono::Utc::now() + chrono::Duration::days(2);
            let until = until.format("%Y-%m-%dT%H:%M:%SZ");
            let from = chrono::Utc::now() - chrono::Duration::minutes(3);
            let from = from.format("%Y-%m-%dT%H:%M:%SZ");
            let delegates =
                format!("/countersign delegate production shop-owner to {}:ana from {from} until {until}", S::NAME);
            it.writes("bo", &delegates, 4);
            it.writes("ana", &approves(), 1);
        },
        false,
        "0 of 1",
    );
    check(
        "T69: whoever wrote it ticks the checklist off",
        &|it| {
            let ready = "gates:\n  ready: { checklist: [\"rollback rehearsed\"], environments: [production] }\n";
            policy(it, |text| text.replace("gates:\n", ready));
            owner_approves(it);
            it.writes("ana", &format!("/countersign tick production {} ready: rollback rehearsed", sha("51")), 1);
        },
        false,
        "ready",
    );
}

/// What the policy asks is asked, of the place that it names and at the time that it names.
fn of_policies<S: Stage>(check: Check<'_, S>) {
    let owner_approves = |stage: &S| stage.writes("bo", &approves(), 1);
    check(
        "T12: one who holds two roles approves once",
        &|it| {
            policy(it, |text| {
                text.replace("roles:\n", "roles:\n  security: { members: [\"FORGE:bo\"] }\n")
                    .replace("{ accountable: 1 }", "{ accountable: 1, security: 1 }")
            });
            owner_approves(it);
        },
        false,
        "0 of 1",
    );
    check(
        "T16: the policy cannot be read",
        &|it| {
            policy(it, |text| format!("{text}routes: [\n"));
            owner_approves(it);
        },
        false,
        "policy",
    );
    check(
        "T33: it was approved for a place that is written otherwise",
        &|it| {
            it.writes("bo", &format!("/countersign approve Production {}", sha("51")), 2);
            it.writes("carla", &format!("/countersign approve pr\u{43e}duction {}", sha("51")), 1);
        },
        false,
        "0 of 1",
    );
    check(
        "T34: what goes is on no branch that may go",
        &|it| {
            it.git(|git| git.branches.insert("refs/heads/main".to_owned(), sha("b0")));
            owner_approves(it);
        },
        false,
        "main",
    );
    check(
        "T36: the approval is older than the policy lets it be",
        &|it| {
            policy(it, |text| text.replace("{ accountable: 1 }", "{ accountable: 1, expire: 1h }"));
            it.writes("bo", &approves(), 61);
        },
        false,
        "0 of 1",
    );
    check(
        "T38: a freeze began since",
        &|it| {
            let freeze =
                "calendar: { closed: { freeze: { hours: 24/7, environments: [production], stops: [deployment] } } }\n";
            policy(it, |text| format!("{text}{freeze}"));
            owner_approves(it);
        },
        false,
        "freeze",
    );
    check(
        "a block of code approves nothing",
        &|it| it.writes("bo", &format!("```\n{}\n```", approves()), 1),
        false,
        "0 of 1",
    );
}

#[test]
fn t01_t32_approvals_count_alike_on_github() {
    assert!(POLICY.contains("accountable: 1"));
    tried(on_github, of_approvals);
}

#[test]
fn t01_t32_approvals_count_alike_on_gitlab() {
    tried(on_gitlab, of_approvals);
}

#[test]
fn t03_t69_contributors_are_known_alike_on_github() {
    tried(on_github, of_contributors);
}

#[test]
fn t03_t69_contributors_are_known_alike_on_gitlab() {
    tried(on_gitlab, of_contributors);
}

#[test]
fn t12_t38_policies_ask_alike_on_github() {
    tried(on_github, of_policies);
}

#[test]
fn t12_t38_policies_ask_alike_on_gitlab() {
    tried(on_gitlab, of_policies);
}
