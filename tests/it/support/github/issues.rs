//! Issues of the fake GitHub: their texts with every version, labels and states with who changed them, comments.

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::world::{APP, REPOSITORY, World};
use super::{Asked, Reply, missing, reply};

/// The account of our App.
pub const BOT: &str = "countersign[bot]";

/// An issue.
#[derive(Clone, Debug, Default)]
pub struct Issue {
    pub author: String,
    pub created_at: String,
    pub title: String,
    pub closed_at: Option<String>,
    /// Who wrote it so, when, what: the earliest first.
    pub versions: Vec<(String, String, String)>,
    /// On its timeline, as GraphQL has it.
    pub events: Vec<Value>,
    pub labels: Vec<String>,
    /// As GraphQL has them.
    pub comments: Vec<Value>,
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl World {
    /// Somebody opens an issue.
    pub fn issue(&mut self, by: &str, title: &str, body: &str, labels: &[&str]) -> u64 {
        let last = self.issues.keys().chain(self.pulls.keys()).max().copied().unwrap_or_default();
        let number = last + 1;
        let issue = Issue {
            author: by.to_owned(),
            created_at: now(),
            title: title.to_owned(),
            versions: vec![(by.to_owned(), now(), body.to_owned())],
            ..Issue::default()
        };
        self.issues.insert(number, issue);
        for label in labels {
            self.label(number, by, label);
        }
        number
    }

    fn happens(&mut self, number: u64, by: &str, kind: &str, more: &Value) {
        let mut event = json!({"__typename": kind, "createdAt": now(), "actor": self.actor(by)});
        for (name, value) in more.as_object().into_iter().flatten() {
            event[name] = value.clone();
        }
        self.issues.get_mut(&number).unwrap().events.push(event);
    }

    /// Somebody who may gives an issue a label.
    pub fn label(&mut self, number: u64, by: &str, label: &str) {
        assert!(!self.outside.iter().any(|it| it == by), "{by} may not label");
        let issue = self.issues.get_mut(&number).unwrap();
        if !issue.labels.iter().any(|it| it == label) {
            issue.labels.push(label.to_owned());
            self.happens(number, by, "LabeledEvent", &json!({"label": {"__typename": "Label", "name": label}}));
        }
    }

    /// Somebody who may takes a label from an issue.
    pub fn unlabel(&mut self, number: u64, by: &str, label: &str) -> bool {
        assert!(!self.outside.iter().any(|it| it == by), "{by} may not label");
        let issue = self.issues.get_mut(&number).unwrap();
        let had = issue.labels.iter().any(|it| it == label);
        issue.labels.retain(|it| it != label);
        if had {
            self.happens(number, by, "UnlabeledEvent", &json!({"label": {"__typename": "Label", "name": label}}));
        }
        had
    }

    /// Somebody closes an issue: who wrote it, or who may write.
    pub fn close_issue(&mut self, number: u64, by: &str) {
        let issue = self.issues.get_mut(&number).unwrap();
        assert!(issue.author == by || !self.outside.iter().any(|it| it == by), "{by} may not close");
        if issue.closed_at.is_none() {
            issue.closed_at = Some(now());
            self.happens(number, by, "ClosedEvent", &json!({"closer": null}));
        }
    }

    /// Somebody edits the text of an issue.
    pub fn edit_issue(&mut self, number: u64, by: &str, edit: impl FnOnce(&str) -> String) {
        let issue = self.issues.get_mut(&number).unwrap();
        let text = edit(&issue.versions.last().unwrap().2);
        issue.versions.push((by.to_owned(), now(), text));
    }

    /// The text of an issue.
    pub fn text(&self, number: u64) -> String {
        self.issues[&number].versions.last().unwrap().2.clone()
    }

    /// Somebody writes under an issue.
    pub fn say(&mut self, number: u64, by: &str, body: &str) -> String {
        let at = self.issues[&number].comments.len();
        let id = format!("IC_i{number}_{at}");
        let author = self.actor(by);
        let comment = json!({"__typename": "IssueComment", "id": id, "author": author, "body": body, "createdAt": now(),
            "lastEditedAt": null, "userContentEdits": []});
        self.issues.get_mut(&number).unwrap().comments.push(comment);
        id
    }

    /// Somebody edits a comment under an issue.
    pub fn edit_said(&mut self, number: u64, id: &str, body: &str) {
        let comments = &mut self.issues.get_mut(&number).unwrap().comments;
        let comment = comments.iter_mut().find(|it| it["id"] == id).unwrap();
        let edit = |text: &Value| json!({"__typename": "UserContentEdit", "diff": text});
        comment["userContentEdits"] = json!([edit(&json!(body)), edit(&comment["body"])]);
        comment["body"] = json!(body);
        comment["lastEditedAt"] = json!(now());
    }

    /// Somebody deletes a comment under an issue.
    pub fn delete_said(&mut self, number: u64, by: &str, id: &str) {
        let comments = &mut self.issues.get_mut(&number).unwrap().comments;
        let at = comments.iter().position(|it| it["id"] == id).unwrap();
        let author = comments.remove(at)["author"].clone();
        self.happens(number, by, "CommentDeletedEvent", &json!({"deletedCommentAuthor": author}));
    }

    /// The issues that have a label, by number.
    pub fn labelled(&self, label: &str) -> Vec<u64> {
        let has = |issue: &Issue| issue.labels.iter().any(|it| it == label);
        self.issues.iter().filter(|(_, issue)| has(issue)).map(|(number, _)| *number).collect()
    }

    /// An issue as GraphQL has it.
    pub fn graph_issue(&self, number: u64, issue: &Issue) -> Value {
        let text = issue.versions.last().map(|(_, _, text)| text);
        let edit = |(by, at, text): &(String, String, String)| json!({"__typename": "UserContentEdit", "editedAt": at, "editor": self.actor(by), "diff": text});
        let edited = issue.versions.len() > 1;
        let edits: Vec<Value> = issue.versions.iter().rev().filter(|_| edited).map(edit).collect();
        let label = |name: &String| json!({"__typename": "Label", "name": name});
        json!({
            "__typename": "Issue", "number": number, "viewerDidAuthor": issue.author == BOT,
            "author": self.actor(&issue.author), "createdAt": issue.created_at,
            "state": if issue.closed_at.is_some() { "CLOSED" } else { "OPEN" }, "body": text,
            "labels": issue.labels.iter().map(label).collect::<Vec<_>>(), "userContentEdits": edits,
            "timelineItems": issue.events, "comments": issue.comments,
        })
    }

    /// An issue as REST has it.
    fn rest_issue(&self, number: u64) -> Value {
        let issue = &self.issues[&number];
        let app = (issue.author == BOT).then(|| json!({"id": APP.parse::<u64>().unwrap()}));
        json!({"number": number, "id": number, "title": issue.title, "body": self.text(number), "closed_at": issue.closed_at,
            "state": if issue.closed_at.is_some() { "closed" } else { "open" }, "performed_via_github_app": app,
            "labels": issue.labels.iter().map(|name| json!({"name": name})).collect::<Vec<_>>()})
    }

    /// The issues that a list asks for, the newest first.
    pub(super) fn listed_issues(&self, asked: &Asked) -> Vec<Value> {
        let label = asked.query.get("labels").map(|name| name.replace("%3A", ":"));
        let all = asked.query.get("state").map(String::as_str) == Some("all");
        let meant = |issue: &Issue| {
            (all || issue.closed_at.is_none())
                && label.as_ref().is_none_or(|label| issue.labels.iter().any(|it| it == label))
        };
        let found = self.issues.iter().rev().filter(|(_, issue)| meant(issue));
        found.map(|(number, _)| self.rest_issue(*number)).collect()
    }

    /// The comments under issues as REST lists them.
    pub(super) fn comments_of_issues(&self) -> Vec<Value> {
        let mut found = Vec::new();
        for (number, issue) in &self.issues {
            for (at, comment) in issue.comments.iter().enumerate() {
                let login = comment["author"]["login"].as_str().unwrap_or_default();
                let user = self.users.keys().find(|name| name.trim_end_matches("[bot]") == login);
                found.push(json!({
                    "id": number * 1_000 + at as u64, "node_id": comment["id"], "body": comment["body"],
                    "html_url": format!("https://github.example/{REPOSITORY}/issues/{number}#issuecomment-1"),
                    "issue_url": format!("https://github.example/api/v3/repos/{REPOSITORY}/issues/{number}"),
                    "user": user.map_or(Value::Null, |login| self.rest_user(login)),
                    "created_at": comment["createdAt"], "updated_at": comment["createdAt"],
                    "performed_via_github_app": null,
                }));
            }
        }
        found
    }
}

/// What our App does to issues; `None` where it is about something else.
pub(super) fn written(world: &mut World, method: &str, path: &[&str], body: &Value) -> Option<Reply> {
    let texts = |name: &str| -> Vec<String> {
        let list = body[name].as_array().into_iter().flatten();
        list.map(|it| it.as_str().unwrap().to_owned()).collect()
    };
    let number = path.get(1).and_then(|number| number.parse::<u64>().ok());
    let ours = number.filter(|number| world.issues.contains_key(number));
    let is_issue = path.first() == Some(&"issues") && (path.len() == 1 || ours.is_some());
    if is_issue && world.settings.permissions.get("issues").map(String::as_str) != Some("write") {
        return Some(reply(403, &json!({"message": "Resource not accessible by integration"})));
    }
    match (method, path) {
        ("POST", ["issues"]) => {
            let (title, text) = (body["title"].as_str()?.to_owned(), body["body"].as_str()?.to_owned());
            let labels = texts("labels");
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            let number = world.issue(BOT, &title, &text, &labels);
            let mut made = body.clone();
            made["id"] = json!(number);
            made["number"] = json!(number);
            made["performed_via_github_app"] = json!({"id": APP.parse::<u64>().unwrap()});
            world.written.push(("issues".to_owned(), made));
            Some(reply(201, &world.rest_issue(number)))
        }
        ("PATCH", ["issues", _]) => {
            let number = ours?;
            if let Some((_, made)) =
                world.written.iter_mut().find(|(kind, made)| kind == "issues" && made["number"] == number)
            {
                for (name, value) in body.as_object().unwrap() {
                    made[name] = value.clone();
                }
            }
            if let Some(text) = body["body"].as_str().filter(|text| *text != world.text(number)) {
                world.edit_issue(number, BOT, |_| text.to_owned());
            }
            if body["labels"].is_array() {
                let wanted = texts("labels");
                for label in world.issues[&number].labels.clone() {
                    if !wanted.contains(&label) {
                        world.unlabel(number, BOT, &label);
                    }
                }
                for label in &wanted {
                    world.label(number, BOT, label);
                }
            }
            if body["state"] == "closed" {
                world.close_issue(number, BOT);
            }
            Some(reply(200, &world.rest_issue(number)))
        }
        ("POST", ["issues", _, "labels"]) => {
            let number = ours?;
            for label in texts("labels") {
                world.label(number, BOT, &label);
            }
            Some(reply(200, &json!([])))
        }
        ("DELETE", ["issues", _, "labels", label]) => {
            let name = label.replace("%3A", ":").replace("%20", " ");
            Some(if world.unlabel(ours?, BOT, &name) { reply(200, &json!([])) } else { missing() })
        }
        ("POST", ["issues", _, "comments"]) => {
            world.say(ours?, BOT, body["body"].as_str()?);
            // It stands among what was written as well.
            None
        }
        _ => None,
    }
}
