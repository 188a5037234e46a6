//! Pull requests: everything of each, every list to its last page.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::people::Actor;
use super::question::{Part, Second};
use super::touched::TouchedFile;
use super::{Repository, unread};
use crate::forge::github::client::{Answer, Client, Fault};

/// How many pull requests one question is about: GitHub counts at most 500,000 entries that could be listed.
const AT_ONCE: usize = 100;
/// How many further pages one list may have.
const ROUNDS: usize = 100;

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageInfo {
    pub(super) has_next_page: bool,
    pub(super) end_cursor: Option<String>,
}

/// One page of a list. An entry that is `null` is one that we may not see.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    #[serde(rename = "pageInfo")]
    pub(super) info: PageInfo,
    #[serde(default)]
    pub(super) total_count: Option<usize>,
    pub(super) nodes: Option<Vec<Option<T>>>,
}

/// A list that GitHub says the length of.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Counted<T> {
    #[serde(default)]
    pub(super) total_count: Option<usize>,
    pub(super) nodes: Option<Vec<Option<T>>>,
}

impl<T> Counted<T> {
    /// The entries, if all of them are here.
    pub(super) fn whole(self) -> Option<Vec<T>> {
        let entries: Vec<T> = self.nodes?.into_iter().collect::<Option<_>>()?;
        (self.total_count.is_none_or(|count| count == entries.len())).then_some(entries)
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Oid {
    pub(super) oid: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Login {
    pub(super) login: String,
}

/// Whom git names, and whom GitHub takes that for.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct GitActor {
    pub(super) email: Option<String>,
    pub(super) user: Option<Login>,
}

/// A commit with everybody whom it names.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GraphCommit {
    pub(super) oid: String,
    pub(super) tree: Oid,
    pub(super) parents: Counted<Oid>,
    pub(super) author: Option<GitActor>,
    pub(super) committer: Option<GitActor>,
    pub(super) authors: Counted<GitActor>,
    pub(super) signature: Option<Signed>,
}

impl GraphCommit {
    /// Whether GitHub itself made it: by its own signature, which no address and no name can stand for.
    pub(super) fn is_forges(&self) -> bool {
        self.signature.as_ref().is_some_and(|signed| signed.is_valid && signed.was_signed_by_git_hub)
    }
}

/// Whether a commit's signature holds, and whether it is GitHub's.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Signed {
    is_valid: bool,
    was_signed_by_git_hub: bool,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Held {
    pub(super) commit: GraphCommit,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct File {
    pub(super) path: String,
    pub(super) change_type: String,
}

impl File {
    /// Whether it had another name, which GraphQL does not say.
    fn moved(&self) -> bool {
        matches!(self.change_type.as_str(), "RENAMED" | "COPIED")
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reviewed {
    pub(super) tree: Oid,
}

/// A review of a pull request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Review {
    pub(super) id: String,
    pub(super) author: Option<Actor>,
    pub(super) state: String,
    pub(super) submitted_at: Option<DateTime<Utc>>,
    pub(super) last_edited_at: Option<DateTime<Utc>>,
    pub(super) body: String,
    pub(super) user_content_edits: Option<Counted<Edit>>,
    pub(super) commit: Option<Reviewed>,
}

/// A comment on a pull request.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Comment {
    pub(super) id: String,
    pub(super) author: Option<Actor>,
    pub(super) body: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_edited_at: Option<DateTime<Utc>>,
    pub(super) user_content_edits: Option<Counted<Edit>>,
}

/// What a comment or a review said at one time. The oldest is what was written first.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Edit {
    /// The whole text; left out where somebody struck it from the history.
    pub(super) diff: Option<String>,
}

/// What happened to a pull request, of what matters here.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(super) enum Event {
    /// A head was pushed over.
    #[serde(rename = "HeadRefForcePushedEvent", rename_all = "camelCase")]
    ForcePush { before_commit: Option<Oid> },
    /// A review was dismissed.
    #[serde(rename = "ReviewDismissedEvent", rename_all = "camelCase")]
    Dismissed { previous_review_state: String, review: Option<Id> },
    /// A comment was deleted.
    #[serde(rename = "CommentDeletedEvent", rename_all = "camelCase")]
    Deleted { actor: Option<Actor>, deleted_comment_author: Option<Actor> },
    /// It was assigned to somebody.
    #[serde(rename = "AssignedEvent")]
    Assigned { assignee: Option<Actor> },
    /// It was taken from somebody.
    #[serde(rename = "UnassignedEvent")]
    Unassigned { assignee: Option<Actor> },
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Id {
    pub(super) id: String,
}

/// A label.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Label {
    pub(super) name: String,
}

/// An issue that a pull request closes.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Closed {
    pub(super) number: u64,
    pub(super) repository: Named,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Named {
    pub(super) name_with_owner: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct MergeCommit {
    pub(super) oid: String,
    pub(super) tree: Oid,
    pub(super) parents: Counted<Oid>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Tip {
    pub(super) oid: String,
    pub(super) tree: Oid,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct HeldTip {
    pub(super) commit: Tip,
}

/// A pull request but for its lists.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pull {
    pub(super) number: u64,
    pub(super) title: String,
    pub(super) author: Option<Actor>,
    pub(super) merged: bool,
    pub(super) merged_at: Option<DateTime<Utc>>,
    pub(super) changed_files: usize,
    pub(super) additions: u64,
    pub(super) deletions: u64,
    pub(super) head_ref_oid: String,
    pub(super) base_ref_oid: String,
    pub(super) is_cross_repository: bool,
    pub(super) head_repository: Option<Named>,
    pub(super) assignees: Counted<Actor>,
    pub(super) merge_commit: Option<MergeCommit>,
    pub(super) head: Counted<HeldTip>,
}

/// A pull request with its lists, each whole or with what kept it from being so.
#[derive(Clone, Debug)]
pub(super) struct WholePull {
    pub(super) pull: Pull,
    pub(super) commits: Result<Vec<GraphCommit>, Fault>,
    /// The paths, and those from which files were moved.
    pub(super) files: Result<Vec<String>, Fault>,
    pub(super) reviews: Result<Vec<Review>, Fault>,
    pub(super) comments: Result<Vec<Comment>, Fault>,
    pub(super) events: Result<Vec<Event>, Fault>,
    pub(super) labels: Result<Vec<Label>, Fault>,
    /// The issues that it closes.
    pub(super) issues: Result<Vec<Closed>, Fault>,
}

/// A list that is being read, as JSON, until its last page was seen.
#[derive(Debug)]
enum Reading {
    Going { entries: Vec<Value>, cursor: String },
    Done(Vec<Value>),
    Failed(Fault),
}

impl Reading {
    fn begin() -> Self {
        Self::Going { entries: Vec::new(), cursor: String::new() }
    }

    /// Takes one more page.
    fn take(&mut self, page: Result<Page<Value>, Fault>, place: &str) {
        let Self::Going { entries, .. } = self else { return };
        let mut entries = std::mem::take(entries);
        *self = match page {
            Err(fault) => Self::Failed(fault),
            Ok(page) => {
                let nodes: Option<Vec<Value>> = page.nodes.unwrap_or_default().into_iter().collect();
                match (nodes, page.info.has_next_page, page.info.end_cursor) {
                    (None, ..) => Self::Failed(unread(place, "an entry of it may not be seen")),
                    (Some(nodes), false, _) => {
                        entries.extend(nodes);
                        match page.total_count {
                            Some(count) if count != entries.len() => {
                                let says = format!("it lists {} of {count}", entries.len());
                                Self::Failed(unread(place, &says))
                            }
                            _ => Self::Done(entries),
                        }
                    }
                    (Some(nodes), true, Some(cursor)) => {
                        entries.extend(nodes);
                        Self::Going { entries, cursor }
                    }
                    (Some(_), true, None) => Self::Failed(unread(place, "it has a next page and does not say which")),
                }
            }
        };
    }

    fn finish<T: DeserializeOwned>(self, place: &str) -> Result<Vec<T>, Fault> {
        match self {
            Self::Done(entries) => entries
                .into_iter()
                .map(|entry| serde_json::from_value(entry).map_err(|error| unread(place, &error.to_string())))
                .collect(),
            Self::Failed(fault) => Err(fault),
            Self::Going { .. } => Err(unread(place, "it has more pages than are read")),
        }
    }
}

/// Whether a question was too much for GitHub, which may answer less of it.
pub(super) fn is_too_much(fault: &Fault) -> bool {
    matches!(fault, Fault::Server { .. } | Fault::Network { .. } | Fault::TooLarge { .. } | Fault::Unreadable { .. })
}

/// Everything of these pull requests, by their numbers. Of some of them it may have been asked already, in an answer.
pub(super) async fn read(
    client: &Client,
    repository: &Repository,
    numbers: &[u64],
    asked: Option<(&Answer, &[u64])>,
) -> BTreeMap<u64, Result<WholePull, Fault>> {
    let overloaded = |pull: &Result<WholePull, Fault>| pull.as_ref().is_err_and(is_too_much);
    let mut found = BTreeMap::new();
    if let Some((answer, some)) = asked.filter(|(_, some)| !some.is_empty()) {
        let pulls = of_answer(client, repository, answer, some).await;
        if some.len() == 1 || !pulls.values().all(overloaded) {
            found.extend(pulls);
        }
    }
    let left: Vec<u64> = numbers.iter().filter(|number| !found.contains_key(number)).copied().collect();
    let mut next: Vec<&[u64]> = left.chunks(AT_ONCE).collect();
    while let Some(some) = next.pop() {
        let pulls = some_of(client, repository, some).await;
        // What GitHub does not answer in its time it may answer in halves.
        if some.len() > 1 && pulls.values().all(overloaded) {
            let (one, other) = some.split_at(some.len() / 2);
            next.extend([one, other]);
        } else {
            found.extend(pulls);
        }
    }
    found
}

async fn some_of(client: &Client, repository: &Repository, numbers: &[u64]) -> BTreeMap<u64, Result<WholePull, Fault>> {
    let mut question = Second::default();
    for number in numbers {
        question.whole(*number);
    }
    match client.ask(&question.text(), &repository.variables()).await {
        Ok(answer) => of_answer(client, repository, &answer, numbers).await,
        Err(fault) => numbers.iter().map(|number| (*number, Err(fault.clone()))).collect(),
    }
}

/// Pull requests of an answer, with their further pages.
async fn of_answer(
    client: &Client,
    repository: &Repository,
    answer: &Answer,
    numbers: &[u64],
) -> BTreeMap<u64, Result<WholePull, Fault>> {
    let mut pulls = BTreeMap::new();
    let mut lists: BTreeMap<(u64, Part), Reading> = BTreeMap::new();
    for number in numbers {
        let place = format!("p{number}");
        let pull = answer.part_beside::<Pull>(&["repository", &place], &Part::TOLD);
        for part in Part::ALL.into_iter().filter(|_| pull.is_ok()) {
            let mut reading = Reading::begin();
            reading.take(answer.part(&["repository", &place, part.name()]), part.name());
            lists.insert((*number, part), reading);
        }
        pulls.insert(*number, pull);
    }
    more_pages(client, repository, &mut lists).await;
    let mut listed: BTreeMap<u64, Result<Vec<File>, Fault>> = BTreeMap::new();
    for pull in pulls.values().flatten() {
        let files = lists.remove(&(pull.number, Part::Files)).unwrap_or_else(Reading::begin).finish("files");
        if files.iter().flatten().any(File::moved) {
            client.ahead(&format!("{}?per_page=100", files_of(repository, pull)));
        }
        listed.insert(pull.number, files);
    }
    let mut files = BTreeMap::new();
    for pull in pulls.values().flatten() {
        let none = || Err(unread("files", "they were not asked for"));
        let listed = listed.remove(&pull.number).unwrap_or_else(none);
        files.insert(pull.number, paths(client, repository, pull, listed).await);
    }
    let whole = |(number, pull): (u64, Result<Pull, Fault>)| {
        let mut list = |part: Part| lists.remove(&(number, part)).unwrap_or_else(Reading::begin);
        let whole = pull.map(|pull| WholePull {
            commits: list(Part::Commits)
                .finish("commits")
                .map(|held: Vec<Held>| held.into_iter().map(|it| it.commit).collect()),
            files: files.remove(&number).unwrap_or_else(|| Err(unread("files", "they were not asked for"))),
            reviews: list(Part::Reviews).finish("reviews"),
            comments: list(Part::Comments).finish("comments"),
            events: list(Part::Events).finish("the events"),
            labels: list(Part::Labels).finish("labels"),
            issues: list(Part::Issues).finish("the issues that it closes"),
            pull,
        });
        (number, whole)
    };
    pulls.into_iter().map(whole).collect()
}

/// Where the files of a pull request lie.
fn files_of(repository: &Repository, pull: &Pull) -> String {
    format!("/repos/{}/pulls/{}/files", repository.path(), pull.number)
}

/// The paths of files, those from which they were moved included: what leaves a component touches it.
async fn paths(
    client: &Client,
    repository: &Repository,
    pull: &Pull,
    listed: Result<Vec<File>, Fault>,
) -> Result<Vec<String>, Fault> {
    let listed = listed?;
    if listed.len() != pull.changed_files {
        return Err(unread("files", &format!("GitHub lists {} of {}", listed.len(), pull.changed_files)));
    }
    if !listed.iter().any(File::moved) {
        return Ok(listed.into_iter().map(|it| it.path).collect());
    }
    let place = files_of(repository, pull);
    let named: Vec<TouchedFile> = client.list(&place).await?.into_entries();
    let missing = listed.iter().find(|file| !named.iter().any(|it| it.filename == file.path));
    if let Some(file) = missing {
        return Err(unread(&place, &format!("it does not list `{}`, whose older name is not known", file.path)));
    }
    Ok(named.into_iter().flat_map(TouchedFile::paths).collect())
}

/// Reads on where lists have further pages, all lists of a round in one question.
async fn more_pages(client: &Client, repository: &Repository, lists: &mut BTreeMap<(u64, Part), Reading>) {
    for _ in 0..ROUNDS {
        let mut question = Second::default();
        for ((number, part), reading) in &*lists {
            if let Reading::Going { cursor, .. } = reading {
                question.part(*number, *part, cursor);
            }
        }
        if question.is_empty() {
            return;
        }
        let answer = client.ask(&question.text(), &repository.variables()).await;
        for ((number, part), reading) in
            lists.iter_mut().filter(|(_, reading)| matches!(reading, Reading::Going { .. }))
        {
            let place = format!("p{number}_{}", part.name());
            let page = match &answer {
                Ok(answer) => answer.part(&["repository", &place, part.name()]),
                Err(fault) => Err(fault.clone()),
            };
            reading.take(page, part.name());
        }
    }
}
