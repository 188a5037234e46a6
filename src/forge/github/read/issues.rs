//! Issues with all that became of them, every list to its last page: many in one question (GraphQL), and which there are
//! by one list (REST), for which whoever polls it pays nothing while it stays the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::file::escaped;
use super::people::{Accounts, Actor};
use super::pulls::{Counted, Page};
use super::question::quoted;
use super::{Repository, access, unread};
use crate::forge::github::client::{Client, Fault, Variables};
use crate::forge::records::{Comment, Event, Happened, Issue, Read, Silenced, Version};
use crate::model::facts::Account;

/// How many issues one question is about.
const AT_ONCE: usize = 50;
/// How many pages one list of an issue may have.
const PAGES: usize = 100;

const ACTOR: &str = "{ __typename login }";
const PAGE: &str = "totalCount pageInfo { hasNextPage endCursor }";

/// A list of an issue.
#[derive(Clone, Copy)]
enum Part {
    Edits,
    Events,
    Comments,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Edits => "userContentEdits",
            Self::Events => "timelineItems",
            Self::Comments => "comments",
        }
    }

    fn text(self, cursor: Option<&str>) -> String {
        let after = cursor.map(|cursor| format!(", after: {}", quoted(cursor))).unwrap_or_default();
        match self {
            Self::Edits => {
                format!(" userContentEdits(first: 100{after}) {{ {PAGE} nodes {{ editedAt editor {ACTOR} diff }} }}")
            }
            Self::Events => {
                let one = |kind: &str, more: &str| format!("... on {kind} {{ createdAt actor {ACTOR} {more} }}");
                format!(
                    " timelineItems(first: 100, itemTypes: [LABELED_EVENT, UNLABELED_EVENT, CLOSED_EVENT, REOPENED_EVENT, \
                     COMMENT_DELETED_EVENT]{after}) {{ {PAGE} nodes {{ __typename {} {} {} {} {} }} }}",
                    one("LabeledEvent", "label { name }"),
                    one("UnlabeledEvent", "label { name }"),
                    one("ClosedEvent", "closer { __typename }"),
                    one("ReopenedEvent", ""),
                    one("CommentDeletedEvent", &format!("deletedCommentAuthor {ACTOR}")),
                )
            }
            Self::Comments => format!(
                " comments(first: 100{after}) {{ {PAGE} nodes {{ id author {ACTOR} body createdAt lastEditedAt \
                 userContentEdits(first: 100) {{ totalCount nodes {{ diff }} }} }} }}"
            ),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    number: u64,
    viewer_did_author: bool,
    author: Option<Actor>,
    created_at: DateTime<Utc>,
    state: String,
    body: String,
    labels: Counted<Label>,
    user_content_edits: Option<Page<Edit>>,
    timeline_items: Page<Item>,
    comments: Page<RawComment>,
}

#[derive(Clone, Deserialize)]
struct Label {
    name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Edit {
    edited_at: DateTime<Utc>,
    editor: Option<Actor>,
    diff: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(rename = "__typename")]
    kind: String,
    created_at: DateTime<Utc>,
    actor: Option<Actor>,
    label: Option<Label>,
    deleted_comment_author: Option<Actor>,
    closer: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawComment {
    id: String,
    author: Option<Actor>,
    body: String,
    created_at: DateTime<Utc>,
    last_edited_at: Option<DateTime<Utc>>,
    user_content_edits: Option<Counted<Said>>,
}

#[derive(Deserialize)]
struct Said {
    diff: Option<String>,
}

#[derive(Deserialize)]
struct Listed {
    number: u64,
    closed_at: Option<DateTime<Utc>>,
    pull_request: Option<serde_json::Value>,
}

/// The issues that have a label: those that are open, and those that were closed since an instant.
pub async fn labelled(client: &Client, repository: &str, label: &str, since: DateTime<Utc>) -> Result<Vec<u64>, Fault> {
    let repository = Repository::parse(repository)?;
    let path = format!("/repos/{}/issues?state=all&labels={}", repository.path(), escaped(label));
    let listed = client.list::<Listed>(&path).await?.into_entries();
    let counts = |it: &Listed| it.pull_request.is_none() && it.closed_at.is_none_or(|at| at >= since);
    Ok(listed.into_iter().filter(counts).map(|it| it.number).collect())
}

/// These issues, whole, with what is known of everybody who did something there.
pub async fn whole(client: &Client, repository: &str, numbers: &[u64]) -> Result<Read, Fault> {
    let repository = Repository::parse(repository)?;
    let mut accounts = Accounts::default();
    let mut issues = BTreeMap::new();
    for some in numbers.chunks(AT_ONCE) {
        let mut text = String::new();
        for number in some {
            let parts = [Part::Edits, Part::Events, Part::Comments].map(|part| part.text(None)).concat();
            let _ = write!(
                text,
                " i{number}: issue(number: {number}) {{ number viewerDidAuthor author {ACTOR} createdAt state body \
                 labels(first: 100) {{ totalCount nodes {{ name }} }}{parts} }}"
            );
        }
        let answer = client.ask(&question(&text), &repository.variables()).await?;
        let canonical: String = answer.part(&["repository", "nameWithOwner"])?;
        if !canonical.eq_ignore_ascii_case(&repository.path()) {
            return Err(Fault::Setup(format!("`{}` is `{canonical}` now; name it so", repository.path())));
        }
        for number in some {
            match answer.part::<Raw>(&["repository", &format!("i{number}")]) {
                Ok(raw) => {
                    let reading = One { client, variables: repository.variables(), number: *number };
                    issues.insert(*number, reading.read(raw, &mut accounts).await?);
                }
                Err(Fault::NotFound { .. }) => {}
                Err(fault) => return Err(fault),
            }
        }
    }
    let said: Vec<Account> = accounts.people();
    for account in said {
        let active = access::is_active(client, &repository, account.login()).await;
        accounts.active(&account, active);
    }
    Ok(Read { issues, accounts: accounts.into_facts() })
}

fn question(text: &str) -> String {
    format!(
        "query($owner: String!, $name: String!) {{ repository(owner: $owner, name: $name) {{ nameWithOwner{text} }} }}"
    )
}

/// One issue that is being read.
struct One<'c> {
    client: &'c Client,
    variables: Variables,
    number: u64,
}

impl One<'_> {
    async fn read(&self, raw: Raw, accounts: &mut Accounts) -> Result<Issue, Fault> {
        let mut who = |actor: &Option<Actor>| actor.as_ref().map(|actor| accounts.actor(actor));
        let author = who(&raw.author);
        let edits = match raw.user_content_edits {
            Some(page) => self.rest(Part::Edits, page).await?,
            None => Vec::new(),
        };
        let versions = versions(edits, &raw.body, (author.as_ref(), raw.created_at), &mut who);
        let versions = versions.ok_or_else(|| self.unread("its history does not end with its text"))?;
        let mut silenced = Vec::new();
        let mut events = Vec::new();
        for item in self.rest(Part::Events, raw.timeline_items).await? {
            // What closes it is a change that went in, or a commit: whoever merged that said nothing of the issue.
            let by = if item.closer.is_some() { None } else { who(&item.actor) };
            let label = || item.label.clone().map(|label| label.name).ok_or_else(|| self.unread("a label has no name"));
            let what = match item.kind.as_str() {
                "LabeledEvent" => Happened::Labelled(label()?),
                "UnlabeledEvent" => Happened::Unlabelled(label()?),
                "ClosedEvent" => Happened::Closed,
                "ReopenedEvent" => Happened::Reopened,
                "CommentDeletedEvent" => {
                    let bots = item.deleted_comment_author.as_ref().is_some_and(|it| it.kind.as_deref() == Some("Bot"));
                    let of = who(&item.deleted_comment_author);
                    let own = by.is_some() && by == of;
                    if !(bots || own) {
                        silenced.push(Silenced { at: item.created_at, of });
                    }
                    continue;
                }
                _ => continue,
            };
            events.push(Event { by, at: item.created_at, what });
        }
        events.sort_by_key(|event| event.at);
        let labels = raw.labels.whole().ok_or_else(|| self.unread("GitHub does not list all of its labels"))?;
        let open = raw.state == "OPEN";
        if let Some(says) = astray(&events, &labels, open) {
            return Err(self.unread(&says));
        }
        let mut comments = Vec::new();
        for comment in self.rest(Part::Comments, raw.comments).await? {
            let by_person = comment.author.as_ref().is_some_and(|it| it.kind.as_deref() == Some("User"));
            let edited_at = comment.last_edited_at;
            let edited = edited_at.is_some();
            let cut = || self.unread("GitHub does not list every version of a comment");
            let before = match comment.user_content_edits {
                Some(edits) if edited => edits.whole().ok_or_else(cut)?,
                Some(_) | None => Vec::new(),
            };
            // The first version is in the history too, once there is a second.
            let struck = edited && (before.len() < 2 || before.iter().any(|it| it.diff.is_none()));
            // The newest comes first.
            let mut texts: Vec<String> = before.into_iter().rev().filter_map(|it| it.diff).collect();
            if texts.last() != Some(&comment.body) {
                texts.push(comment.body);
            }
            let by = who(&comment.author);
            comments.push(Comment { id: comment.id, by, by_person, at: comment.created_at, texts, edited_at, struck });
        }
        // GitHub names the earliest first, those of one second in their order.
        comments.sort_by_key(|comment| comment.at);
        Ok(Issue {
            number: raw.number,
            ours: raw.viewer_did_author,
            author,
            at: raw.created_at,
            open,
            versions,
            events,
            comments,
            silenced,
        })
    }

    fn unread(&self, says: &str) -> Fault {
        unread(&format!("issue {}", self.number), says)
    }

    /// A list to its last page.
    async fn rest<T: DeserializeOwned>(&self, part: Part, mut page: Page<T>) -> Result<Vec<T>, Fault> {
        let mut found = Vec::new();
        for _ in 0..PAGES {
            let count = page.total_count;
            for node in page.nodes.unwrap_or_default() {
                found.push(node.ok_or_else(|| self.unread("an entry of it may not be seen"))?);
            }
            if !page.info.has_next_page {
                return match count {
                    // GitHub counts in `timelineItems` what it was not asked for as well.
                    Some(count) if !matches!(part, Part::Events) && count != found.len() => {
                        Err(self.unread(&format!("GitHub lists {} of {count} {}", found.len(), part.name())))
                    }
                    _ => Ok(found),
                };
            }
            let cursor = page.info.end_cursor.ok_or_else(|| self.unread("a next page has no name"))?;
            let text = format!(" i: issue(number: {}) {{{} }}", self.number, part.text(Some(&cursor)));
            let answer = self.client.ask(&question(&text), &self.variables).await?;
            page = answer.part(&["repository", "i", part.name()])?;
        }
        Err(self.unread("it has more pages than are read"))
    }
}

/// What a text was at each time, the earliest first. GitHub keeps what it was at first once somebody has edited it, and names
/// the newest first. `None` where that does not come to the text that it has.
fn versions(
    mut edits: Vec<Edit>,
    body: &str,
    (author, at): (Option<&Account>, DateTime<Utc>),
    who: &mut impl FnMut(&Option<Actor>) -> Option<Account>,
) -> Option<Vec<Version>> {
    if edits.is_empty() {
        return Some(vec![Version { by: author.cloned(), at, text: Some(body.to_owned()) }]);
    }
    // Of those of one second the order says which came first.
    edits.reverse();
    edits.sort_by_key(|edit| edit.edited_at);
    let version = |edit: Edit| Version { by: who(&edit.editor), at: edit.edited_at, text: edit.diff };
    let found: Vec<Version> = edits.into_iter().map(version).collect();
    let last = found.last()?;
    last.text.as_ref().is_none_or(|text| same(text, body)).then_some(found)
}

/// Whether two texts are the same but for how their lines end.
fn same(one: &str, other: &str) -> bool {
    one.lines().map(str::trim_end).eq(other.lines().map(str::trim_end))
}

/// What keeps the events of an issue from being all of them: they do not come to its labels or its state.
fn astray(events: &[Event], labels: &[Label], open: bool) -> Option<String> {
    let mut has: Vec<String> = Vec::new();
    let mut is_open = true;
    for event in events {
        match &event.what {
            Happened::Labelled(name) => has.push(name.to_lowercase()),
            Happened::Unlabelled(name) => has.retain(|it| *it != name.to_lowercase()),
            Happened::Closed => is_open = false,
            Happened::Reopened => is_open = true,
        }
    }
    let lost = labels.iter().find(|label| !has.contains(&label.name.to_lowercase()));
    match lost {
        Some(label) => Some(format!("who gave it the label `{}` is not listed", label.name)),
        None if is_open != open => Some("who closed or opened it is not listed".to_owned()),
        None => None,
    }
}
