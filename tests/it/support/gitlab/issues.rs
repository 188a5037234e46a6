//! Issues of the fake GitLab: descriptions with a note for every change, labels and states with who changed them, notes.

use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::world::{PROJECT, World};
use super::{Asked, Reply, missing, reply};

/// An issue.
#[derive(Clone, Debug, Default)]
pub struct Issue {
    pub author: String,
    pub created_at: String,
    pub title: String,
    pub closed_at: Option<String>,
    pub description: String,
    pub due: Option<String>,
    pub edited: bool,
    pub labels: Vec<String>,
    /// As GraphQL has them.
    pub notes: Vec<Value>,
    /// As REST has them.
    pub label_events: Vec<Value>,
    pub state_events: Vec<Value>,
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl World {
    fn by_graph(&self, login: &str) -> Value {
        json!({"id": format!("gid://gitlab/User/{}", self.id(login)), "username": login})
    }

    fn issue_mut(&mut self, number: u64) -> &mut Issue {
        self.issues.get_mut(&number).unwrap()
    }

    /// Somebody opens an issue. Issues are counted by themselves.
    pub fn issue(&mut self, by: &str, title: &str, text: &str, labels: &[&str]) -> u64 {
        let number = self.issues.keys().max().copied().unwrap_or_default() + 1;
        let issue = Issue {
            author: by.to_owned(),
            created_at: now(),
            title: title.to_owned(),
            description: text.to_owned(),
            ..Issue::default()
        };
        self.issues.insert(number, issue);
        for label in labels {
            self.label(number, by, label);
        }
        number
    }

    fn labelling(&mut self, number: u64, by: &str, label: &str, action: &str) {
        assert!(!self.git.outside.iter().any(|it| it == by), "{by} may not label");
        let event = json!({"id": 1, "user": self.basic(by), "created_at": now(), "resource_type": "Issue",
            "label": {"id": 1, "name": label}, "action": action});
        self.issue_mut(number).label_events.push(event);
    }

    pub fn label(&mut self, number: u64, by: &str, label: &str) {
        if !self.issues[&number].labels.iter().any(|it| it == label) {
            self.issue_mut(number).labels.push(label.to_owned());
            self.labelling(number, by, label, "add");
        }
    }

    pub fn unlabel(&mut self, number: u64, by: &str, label: &str) {
        if self.issues[&number].labels.iter().any(|it| it == label) {
            self.issue_mut(number).labels.retain(|it| it != label);
            self.labelling(number, by, label, "remove");
        }
    }

    /// Somebody closes an issue, or a merge request does that says so.
    pub fn close_issue(&mut self, number: u64, by: &str, merge_request: Option<u64>) {
        if self.issues[&number].closed_at.is_none() {
            let event = json!({"id": 1, "user": self.basic(by), "created_at": now(), "resource_type": "Issue",
                "state": "closed", "source_commit": null, "source_merge_request_id": merge_request});
            let issue = self.issue_mut(number);
            issue.closed_at = Some(now());
            issue.state_events.push(event);
        }
    }

    pub fn reopen_issue(&mut self, number: u64, by: &str) {
        let event = json!({"id": 1, "user": self.basic(by), "created_at": now(), "resource_type": "Issue",
            "state": "reopened", "source_commit": null, "source_merge_request_id": null});
        let issue = self.issue_mut(number);
        issue.closed_at = None;
        issue.state_events.push(event);
    }

    /// Somebody changes the description: a note says so, and what it is from then on.
    pub fn edit_issue(&mut self, number: u64, by: &str, edit: impl FnOnce(&str) -> String) {
        let text = edit(&self.issues[&number].description);
        if text == self.issues[&number].description {
            return;
        }
        let metadata = json!({"descriptionVersion": {"description": text}});
        self.noted(number, by, "changed the description", true, &metadata);
        let issue = self.issue_mut(number);
        issue.description = text;
        issue.edited = true;
    }

    fn noted(&mut self, number: u64, by: &str, body: &str, system: bool, metadata: &Value) {
        let id = format!("gid://gitlab/Note/{}", number * 1_000 + self.issues[&number].notes.len() as u64);
        let note = json!({"id": id, "system": system, "body": body, "createdAt": now(), "lastEditedAt": null,
            "author": self.by_graph(by), "systemNoteMetadata": metadata});
        self.issue_mut(number).notes.push(note);
    }

    /// Somebody writes under an issue.
    pub fn say(&mut self, number: u64, by: &str, body: &str) {
        self.noted(number, by, body, false, &Value::Null);
    }

    /// The issues that have a label, by number.
    pub fn labelled(&self, label: &str) -> Vec<u64> {
        let has = |issue: &Issue| issue.labels.iter().any(|it| it == label);
        self.issues.iter().filter(|(_, issue)| has(issue)).map(|(number, _)| *number).collect()
    }

    /// An issue as REST has it.
    fn rest_issue(&self, number: u64) -> Value {
        let issue = &self.issues[&number];
        json!({"id": 9_000 + number, "iid": number, "title": issue.title, "description": issue.description,
            "author": self.basic(&issue.author), "closed_at": issue.closed_at, "labels": issue.labels, "due_date": issue.due,
            "state": if issue.closed_at.is_some() { "closed" } else { "opened" }})
    }

    /// The issues that a list asks for, the newest first.
    pub(super) fn listed_issues(&self, asked: &Asked) -> Vec<Value> {
        let meant = |issue: &Issue| {
            asked.query("labels").is_none_or(|label| issue.labels.iter().any(|it| it == label))
                && asked.query("author_id").is_none_or(|id| self.id(&issue.author).to_string() == id)
        };
        let found = self.issues.iter().rev().filter(|(_, issue)| meant(issue));
        found.map(|(number, _)| self.rest_issue(*number)).collect()
    }

    /// One issue as GraphQL has it, with a page of its notes: the cursor is the number of those before.
    pub(super) fn graph_issue(&self, asked: &Asked, page: usize) -> Reply {
        let variables = &asked.body["variables"];
        assert_eq!(variables["project"], PROJECT);
        let number: u64 = variables["iid"].as_str().unwrap().parse().unwrap();
        let Some(issue) = self.issues.get(&number) else {
            return reply(200, &json!({"data": {"project": {"issue": null}}}));
        };
        let before: usize = variables["after"].as_str().map_or(0, |cursor| cursor.parse().unwrap());
        let end = (before + page.min(100)).min(issue.notes.len());
        let labels: Vec<Value> = issue.labels.iter().map(|title| json!({"title": title})).collect();
        let edited = issue.edited.then(now);
        reply(
            200,
            &json!({"data": {"project": {"issue": {
                "state": if issue.closed_at.is_some() { "closed" } else { "opened" }, "description": issue.description,
                "createdAt": issue.created_at, "lastEditedAt": edited, "author": self.by_graph(&issue.author),
                "labels": {"nodes": labels, "pageInfo": {"hasNextPage": false}},
                "notes": {"count": issue.notes.len(), "nodes": issue.notes[before..end],
                    "pageInfo": {"hasNextPage": end < issue.notes.len(), "endCursor": end.to_string()}},
            }}}}),
        )
    }
}

/// What somebody does to issues over REST.
pub(super) fn written(world: &mut World, who: &str, asked: &Asked, parts: &[&str]) -> Reply {
    let body = &asked.body;
    // A list, or its words with commas between them: GitLab takes both.
    let list = |name: &str| -> Vec<String> {
        if let Some(words) = body[name].as_array() {
            return words.iter().map(|word| word.as_str().unwrap().to_owned()).collect();
        }
        let text = body[name].as_str().unwrap_or_default();
        text.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect()
    };
    match (asked.method.as_str(), parts) {
        ("POST", ["issues"]) => {
            let labels = list("labels");
            let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
            let text = body["description"].as_str().unwrap();
            let number = world.issue(who, body["title"].as_str().unwrap(), text, &labels);
            if let Some(due) = body["due_date"].as_str() {
                // GitLab takes a day alone.
                assert!(chrono::NaiveDate::parse_from_str(due, "%Y-%m-%d").is_ok(), "{due}");
                world.issue_mut(number).due = Some(due.to_owned());
            }
            reply(201, &world.rest_issue(number))
        }
        ("PUT", ["issues", number]) => {
            let number: u64 = number.parse().unwrap();
            if !world.issues.contains_key(&number) {
                return missing("Issue");
            }
            if let Some(text) = body["description"].as_str() {
                world.edit_issue(number, who, |_| text.to_owned());
            }
            if body["labels"].is_string() || body["labels"].is_array() {
                let wanted = list("labels");
                for label in world.issues[&number].labels.clone() {
                    if !wanted.contains(&label) {
                        world.unlabel(number, who, &label);
                    }
                }
                for label in &wanted {
                    world.label(number, who, label);
                }
            }
            // What one request takes and gives is left as it is.
            let (gone, come) = (list("remove_labels"), list("add_labels"));
            for label in gone.iter().filter(|label| !come.contains(label)) {
                world.unlabel(number, who, label);
            }
            for label in &come {
                world.label(number, who, label);
            }
            if body["state_event"] == "close" {
                world.close_issue(number, who, None);
            }
            reply(200, &world.rest_issue(number))
        }
        ("POST", ["issues", number, "notes"]) => {
            let number: u64 = number.parse().unwrap();
            if !world.issues.contains_key(&number) {
                return missing("Issue");
            }
            world.say(number, who, body["body"].as_str().unwrap());
            reply(201, &json!({"id": 1}))
        }
        _ => missing("Page"),
    }
}

/// What is read of issues over REST: their lists.
pub(super) fn of_issue(world: &World, number: u64, what: &str) -> Option<Vec<Value>> {
    let issue = world.issues.get(&number)?;
    Some(match what {
        "resource_label_events" => issue.label_events.clone(),
        "resource_state_events" => issue.state_events.clone(),
        "notes" => {
            let note = |it: &Value| {
                let login = it["author"]["username"].as_str().unwrap();
                json!({"id": 1, "body": it["body"], "system": it["system"], "author": world.basic(login),
                    "created_at": it["createdAt"], "updated_at": it["createdAt"]})
            };
            issue.notes.iter().map(note).collect()
        }
        _ => return None,
    })
}
