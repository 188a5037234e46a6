//! What people try, written once and tried on both forges: the same acts come to the same decision.

use super::{POLICY, ago, gitlab, until};
use crate::support::github::world::{World as Git, sha};

/// One forge on which `ana` wrote what is to go to production, and `bo` or `carla` may approve it.
trait Stage {
    const NAME: &'static str;
    /// The commits, people and files that are alike everywhere.
    fn git<T>(&self, edit: impl FnOnce(&mut Git) -> T) -> T;
    /// Somebody writes on the change that is released, so many minutes ago.
    fn writes(&self, who: &str, text: &str, minutes: i64);
    /// Somebody writes there, and it says something else since.
    fn rewrites(&self, who: &str, first: &str, then: &str);
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

/// The command that approves what goes.
fn approves() -> String {
    format!("/countersign approve production {}", sha("51"))
}

/// One row: who does what, whether it goes then, and words of the decision.
fn tried<S: Stage>(stage: impl Fn() -> S) {
    let check = |name: &str, given: &dyn Fn(&S), goes: bool, says: &str| {
        let stage = stage();
        given(&stage);
        let (opened, words) = stage.decided(goes);
        assert_eq!(opened, goes, "{name} on {}: {words}", S::NAME);
        assert!(words.contains(says), "{name} on {}: `{says}` is not in {words}", S::NAME);
    };
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

#[test]
fn t01_t32_the_table_holds_on_github() {
    assert!(POLICY.contains("accountable: 1"));
    tried(on_github);
}

#[test]
fn t01_t32_the_table_holds_on_gitlab() {
    tried(on_gitlab);
}
