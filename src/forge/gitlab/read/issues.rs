//! Issues with all that became of them, every list to its last page.
//!
//! An issue, its notes and what its description was come from GraphQL: each change of the description leaves a note, which says
//! who, when, and what it was from then on. Who gave it labels, closed and opened it come from REST, in lists of their own.
//!
//! GitLab tells nobody what a description was before the first change of it. Of issues of ours that is known: they begin with
//! [`SEED`], and get their text by a change. It keeps no earlier text of a note, and no word of one that was deleted.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::people::{Accounts, User};
use super::{Project, escaped};
use crate::forge::gitlab::client::{Client, Fault, unread};
use crate::forge::records::{Comment, Event, Happened, Issue, Read, Version};
use crate::model::facts::Account;

/// What an issue of ours says before its text is written.
pub(in crate::forge::gitlab) const SEED: &str = "Countersign is about to write here.";
/// How many pages of notes an issue may have.
const PAGES: usize = 100;

const QUESTION: &str = "query($project: ID!, $iid: String!, $after: String) { project(fullPath: $project) { issue(iid: $iid) { \
    state description createdAt lastEditedAt author { id username } labels(first: 100) { nodes { title } pageInfo { hasNextPage } } \
    notes(first: 100, after: $after) { count nodes { id system body createdAt lastEditedAt author { id username } \
    systemNoteMetadata { descriptionVersion { description } } } pageInfo { hasNextPage endCursor } } } } }";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    state: String,
    description: Option<String>,
    created_at: DateTime<Utc>,
    last_edited_at: Option<DateTime<Utc>>,
    author: Option<Named>,
    labels: Labels,
    notes: Notes,
}

/// An account as GraphQL names it: `gid://gitlab/User/7`.
#[derive(Deserialize)]
struct Named {
    id: String,
    username: String,
}

impl Named {
    fn user(&self) -> Option<User> {
        let id = self.id.rsplit('/').next()?.parse().ok()?;
        Some(User { id, username: self.username.clone() }).filter(|user| !user.is_gone())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Labels {
    nodes: Vec<Label>,
    page_info: Page,
}

#[derive(Deserialize)]
struct Label {
    title: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    has_next_page: bool,
    #[serde(default)]
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notes {
    count: usize,
    nodes: Vec<Option<Note>>,
    page_info: Page,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Note {
    id: String,
    system: bool,
    body: String,
    created_at: DateTime<Utc>,
    last_edited_at: Option<DateTime<Utc>>,
    author: Option<Named>,
    system_note_metadata: Option<Metadata>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    description_version: Option<Described>,
}

/// What the description was from then on.
#[derive(Deserialize)]
struct Described {
    description: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    iid: u64,
    closed_at: Option<DateTime<Utc>>,
}

/// A label that came or went.
#[derive(Deserialize)]
struct Labelling {
    user: Option<User>,
    created_at: DateTime<Utc>,
    /// Not there where the label itself is gone.
    label: Option<LabelOf>,
    action: String,
}

#[derive(Deserialize)]
struct LabelOf {
    name: String,
}

/// An end or a new beginning.
#[derive(Deserialize)]
struct Turn {
    user: Option<User>,
    created_at: DateTime<Utc>,
    state: String,
    source_commit: Option<String>,
    source_merge_request_id: Option<u64>,
}

/// The issues that have a label: those that are open, and those that were closed since an instant.
pub(in crate::forge::gitlab) async fn labelled(
    client: &Client,
    repository: &str,
    label: &str,
    since: DateTime<Utc>,
) -> Result<Vec<u64>, Fault> {
    let project = Project::find(client, repository).await?;
    let listed: Vec<Listed> = client.list(&format!("{}/issues?labels={}", project.path(), escaped(label))).await?;
    let counts = |it: &Listed| it.closed_at.is_none_or(|at| at >= since);
    Ok(listed.into_iter().filter(counts).map(|it| it.iid).collect())
}

/// These issues, whole, with what is known of everybody who did something there.
pub(in crate::forge::gitlab) async fn whole(client: &Client, repository: &str, numbers: &[u64]) -> Result<Read, Fault> {
    let project = Project::find(client, repository).await?;
    let own = client.app().await?;
    let mut reading = Reading { client, project, own, accounts: Accounts::default() };
    let mut issues = BTreeMap::new();
    for number in numbers {
        if let Some(issue) = reading.one(*number).await? {
            issues.insert(*number, issue);
        }
    }
    reading.accounts.access(client, &reading.project).await;
    Ok(Read { issues, accounts: reading.accounts.into_facts() })
}

struct Reading<'c> {
    client: &'c Client,
    project: Project,
    own: Option<u64>,
    accounts: Accounts,
}

impl Reading<'_> {
    /// An issue; `None` where there is none of that number.
    async fn one(&mut self, number: u64) -> Result<Option<Issue>, Fault> {
        let Some((raw, notes)) = self.asked(number).await? else { return Ok(None) };
        let author = self.person(raw.author.as_ref().and_then(Named::user)).await;
        let ours = self.own.is_some() && raw.author.as_ref().and_then(Named::user).map(|it| it.id) == self.own;
        let mut versions = Vec::new();
        let mut comments = Vec::new();
        for note in notes {
            let user = note.author.as_ref().and_then(Named::user);
            let is_own = user.as_ref().is_some_and(|user| Some(user.id) == self.own);
            let by = self.person(user).await;
            let described = note.system_note_metadata.and_then(|it| it.description_version);
            if let Some(described) = described {
                versions.push(Version { by, at: note.created_at, text: described.description });
            } else if !note.system {
                let by_person = !is_own && by.as_ref().is_some_and(|by| !self.accounts.is_bot(by));
                let edited_at = note.last_edited_at;
                comments.push(Comment {
                    id: note.id,
                    by,
                    by_person,
                    at: note.created_at,
                    texts: vec![note.body],
                    edited_at,
                    // What it said before is kept nowhere.
                    struck: edited_at.is_some(),
                });
            }
        }
        let text = raw.description.unwrap_or_default();
        let first = Version { by: author.clone(), at: raw.created_at, text: None };
        let versions = history(first, versions, (&text, raw.last_edited_at.is_some()), ours);
        let versions = versions.map_err(|says| self.unread(number, says))?;
        let open = raw.state == "opened";
        let labels: Vec<String> = raw.labels.nodes.into_iter().map(|label| label.title).collect();
        if raw.labels.page_info.has_next_page {
            return Err(self.unread(number, "GitLab does not list all of its labels"));
        }
        let events = self.events(number, (author.as_ref(), raw.created_at), &labels, open).await?;
        comments.sort_by_key(|comment| comment.at);
        Ok(Some(Issue {
            number,
            ours,
            author,
            at: raw.created_at,
            open,
            versions,
            events,
            comments,
            silenced: Vec::new(),
        }))
    }

    /// An issue by GraphQL, with its notes to the last page.
    async fn asked(&self, number: u64) -> Result<Option<(Raw, Vec<Note>)>, Fault> {
        let place = format!("issue {number}");
        let mut found: Option<(Raw, Vec<Note>)> = None;
        let mut after: Option<String> = None;
        for _ in 0..PAGES {
            let variables =
                json!({"project": self.project.path_with_namespace, "iid": number.to_string(), "after": after});
            let mut answer = self.client.ask(QUESTION, &variables).await?;
            let issue = match answer.pointer_mut("/project/issue").map(Value::take) {
                None => {
                    return Err(Fault::NotFound { what: format!("project `{}`", self.project.path_with_namespace) });
                }
                Some(Value::Null) => return Ok(None),
                Some(issue) => issue,
            };
            let mut raw: Raw = serde_json::from_value(issue).map_err(|error| unread(&place, &error.to_string()))?;
            let page: Option<Vec<Note>> = std::mem::take(&mut raw.notes.nodes).into_iter().collect();
            let page = page.ok_or_else(|| unread(&place, "a note of it may not be seen"))?;
            let (next, cursor) = (raw.notes.page_info.has_next_page, raw.notes.page_info.end_cursor.take());
            match &mut found {
                None => found = Some((raw, page)),
                Some((first, notes)) => {
                    notes.extend(page);
                    first.notes.count = raw.notes.count;
                }
            }
            if !next {
                let whole = found.as_ref().is_some_and(|(raw, notes)| raw.notes.count == notes.len());
                return if whole { Ok(found) } else { Err(unread(&place, "GitLab does not list all of its notes")) };
            }
            after = Some(cursor.ok_or_else(|| unread(&place, "a next page has no name"))?);
        }
        Err(unread(&place, "it has more pages of notes than are read"))
    }

    /// Somebody who did something; `None` where nobody has that account any longer.
    async fn person(&mut self, user: Option<User>) -> Option<Account> {
        match user {
            Some(user) if !user.is_gone() => Some(self.accounts.note(self.client, &user).await),
            _ => None,
        }
    }

    /// What became of its labels and its state, the earliest first.
    async fn events(
        &mut self,
        number: u64,
        (author, at): (Option<&Account>, DateTime<Utc>),
        labels: &[String],
        open: bool,
    ) -> Result<Vec<Event>, Fault> {
        let place = format!("{}/issues/{number}", self.project.path());
        let mut found = Vec::new();
        for it in self.client.list::<Labelling>(&format!("{place}/resource_label_events")).await? {
            // A label that is gone was of no state.
            let Some(label) = it.label else { continue };
            let what = match it.action.as_str() {
                "add" => Happened::Labelled(label.name),
                "remove" => Happened::Unlabelled(label.name),
                _ => continue,
            };
            found.push(Event { by: self.person(it.user).await, at: it.created_at, what });
        }
        for it in self.client.list::<Turn>(&format!("{place}/resource_state_events")).await? {
            let what = match it.state.as_str() {
                "closed" => Happened::Closed,
                "reopened" => Happened::Reopened,
                _ => continue,
            };
            // What closes it is a change that went in, or a commit: whoever merged that said nothing of the issue.
            let by_change = it.source_commit.is_some() || it.source_merge_request_id.is_some();
            let by = if by_change { None } else { self.person(it.user).await };
            found.push(Event { by, at: it.created_at, what });
        }
        found.sort_by_key(|event| event.at);
        from_the_beginning(&mut found, labels, author, at);
        match astray(&found, labels, open) {
            Some(says) => Err(self.unread(number, &says)),
            None => Ok(found),
        }
    }

    fn unread(&self, number: u64, says: &str) -> Fault {
        unread(&format!("issue {number} of {}", self.project.path_with_namespace), says)
    }
}

/// What a description was at each time. `edited` says whether GitLab calls it edited.
fn history(
    first: Version,
    mut changes: Vec<Version>,
    (text, edited): (&str, bool),
    ours: bool,
) -> Result<Vec<Version>, &'static str> {
    changes.sort_by_key(|version| version.at);
    let Some(last) = changes.last() else {
        return if edited {
            Err("GitLab does not tell what it was before it was edited; servers before version 16 do not")
        } else {
            Ok(vec![Version { text: Some(text.to_owned()), ..first }])
        };
    };
    if last.text.as_ref().is_some_and(|last| !same(last, text)) {
        return Err("its history does not end with its text");
    }
    // What an issue of ours is at first says nothing, and nobody else's words can be in it.
    if ours {
        let is_written = changes.first().is_some_and(|version| version.by == first.by);
        if !is_written {
            changes.insert(0, Version { text: Some(SEED.to_owned()), ..first });
        }
    } else {
        changes.insert(0, first);
    }
    Ok(changes)
}

/// Whether two texts are the same but for how their lines end.
fn same(one: &str, other: &str) -> bool {
    one.trim_end().lines().map(str::trim_end).eq(other.trim_end().lines().map(str::trim_end))
}

/// Adds what an issue was opened with: a label of which nothing says that it came is its author's.
fn from_the_beginning(events: &mut Vec<Event>, labels: &[String], author: Option<&Account>, at: DateTime<Utc>) {
    let mut began: Vec<String> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for event in events.iter() {
        match &event.what {
            Happened::Labelled(name) if !seen.contains(&name.as_str()) => seen.push(name),
            Happened::Unlabelled(name) if !seen.contains(&name.as_str()) => {
                seen.push(name);
                began.push(name.clone());
            }
            _ => {}
        }
    }
    began.extend(labels.iter().filter(|name| !seen.contains(&name.as_str())).cloned());
    let first = began.into_iter().map(|name| Event { by: author.cloned(), at, what: Happened::Labelled(name) });
    events.splice(0..0, first.collect::<Vec<_>>());
}

/// What keeps the events of an issue from being all of them: they do not come to its labels or its state.
fn astray(events: &[Event], labels: &[String], open: bool) -> Option<String> {
    let mut has: Vec<&str> = Vec::new();
    let mut is_open = true;
    for event in events {
        match &event.what {
            Happened::Labelled(name) => has.push(name),
            Happened::Unlabelled(name) => has.retain(|it| it != name),
            Happened::Closed => is_open = false,
            Happened::Reopened => is_open = true,
        }
    }
    if let Some(lost) = labels.iter().find(|label| !has.contains(&label.as_str())) {
        return Some(format!("who gave it the label `{lost}` is not listed"));
    }
    if let Some(left) = has.iter().find(|name| !labels.iter().any(|label| label == *name)) {
        return Some(format!("who took the label `{left}` from it is not listed"));
    }
    (is_open != open).then(|| "who closed or opened it is not listed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(at: i64, by: &str, text: Option<&str>) -> Version {
        let by = Some(Account::from(format!("gitlab:{by}").as_str()));
        Version { by, at: DateTime::from_timestamp(at, 0).unwrap(), text: text.map(str::to_owned) }
    }

    fn texts(versions: &[Version]) -> Vec<Option<&str>> {
        versions.iter().map(|version| version.text.as_deref()).collect()
    }

    #[test]
    fn what_nobody_tells_is_unknown_and_what_we_began_with_is_not() {
        let first = || version(0, "countersign", None);
        let written = || version(1, "countersign", Some("as we wrote it"));
        let changed = || version(2, "bo", Some("as bo did"));
        let (edited, untouched) = (("as bo did\n", true), ("as it was", false));
        let whole = history(first(), vec![changed(), written()], edited, true).unwrap();
        assert_eq!(texts(&whole), [Some("as we wrote it"), Some("as bo did")]);
        // Somebody was quicker than we: what he found was what we begin with.
        let early = history(first(), vec![changed()], edited, true).unwrap();
        assert_eq!(texts(&early), [Some(SEED), Some("as bo did")]);
        let theirs = history(first(), vec![changed()], edited, false).unwrap();
        assert_eq!(texts(&theirs), [None, Some("as bo did")]);
        assert_eq!(texts(&history(first(), Vec::new(), untouched, false).unwrap()), [Some("as it was")]);
        assert!(history(first(), Vec::new(), ("edited", true), false).is_err());
        assert!(history(first(), vec![changed()], ("something else", true), false).is_err());
    }

    #[test]
    fn labels_of_which_nothing_says_that_they_came_are_of_whoever_opened_it() {
        let by = |who: &str| Some(Account::from(format!("gitlab:{who}").as_str()));
        let at = |seconds: i64| DateTime::from_timestamp(seconds, 0).unwrap();
        let event = |seconds: i64, who: &str, what: Happened| Event { by: by(who), at: at(seconds), what };
        let mut events = vec![
            event(5, "bo", Happened::Unlabelled("change".to_owned())),
            event(6, "bo", Happened::Labelled("P1".to_owned())),
        ];
        let labels = ["P1".to_owned(), "incident".to_owned()];
        from_the_beginning(&mut events, &labels, by("ana").as_ref(), at(1));
        let began: Vec<_> = events.iter().filter(|event| event.at == at(1)).collect();
        assert!(began.iter().all(|event| event.by == by("ana")) && began.len() == 2, "{began:?}");
        assert_eq!(astray(&events, &labels, true), None);
        assert!(astray(&events, &labels, false).is_some());
        assert!(astray(&events, &labels[..1], true).is_some());
    }
}
