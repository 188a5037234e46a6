//! The activity of a repository: an entry for each time that somebody pushed, the newest first. What was read of it is kept
//! ([`Newest`]), and the next who reads it goes back to where it meets that; what accounts are called that stand there is asked
//! anew by their ids, for whoever is renamed stays who he is.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use super::people::{Actor, RestUser};
use super::question::First;
use super::unread;
use crate::forge::github::client::{Answer, Client, Entry, Fault, Newest};
use crate::forge::graph::Graph;

/// How long before it lands a merge queue can have made what it lands: its checks have six hours.
const QUEUED: Duration = Duration::days(1);
/// How far back is read what nobody asks for yet, and how many entries at most.
const LOOK_BACK: Duration = Duration::days(7);
const MOST: usize = 500;
/// Of how many accounts can be asked at once what they are called.
const ACCOUNTS: usize = 100;

/// Whoever pushed.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Pusher {
    login: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    /// His id in GraphQL, which stays.
    node_id: Option<String>,
}

/// One entry of the activity.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Activity {
    #[serde(default)]
    id: u64,
    pub(super) before: String,
    pub(super) after: String,
    pub(super) timestamp: DateTime<Utc>,
    #[serde(rename = "activity_type")]
    kind: String,
    actor: Option<Pusher>,
}

impl Activity {
    /// Whether GitHub made a merge by it.
    pub(super) fn merges(&self) -> bool {
        matches!(self.kind.as_str(), "pr_merge" | "merge_queue_merge")
    }

    /// What GitHub made itself, and since when at the earliest that can have been there.
    fn made(&self) -> Option<(&str, DateTime<Utc>)> {
        match self.kind.as_str() {
            "pr_merge" => Some((&self.after, self.timestamp)),
            "merge_queue_merge" => Some((&self.after, self.timestamp - QUEUED)),
            _ => None,
        }
    }

    /// Who pushed; nobody, where the account is gone.
    pub(super) fn by(&self) -> Option<RestUser> {
        self.actor.as_ref().map(|actor| RestUser { login: actor.login.clone(), kind: actor.kind.clone() })
    }
}

/// How far back an activity has to be read: until nothing that is asked about can have been there before.
pub(super) struct Horizon<'g> {
    /// The commits that descend from each, those that are asked about alone.
    children: HashMap<&'g str, Vec<&'g str>>,
    /// The commits that can have been there still earlier.
    open: HashSet<&'g str>,
    /// What GitHub made, by the instant before which it was not there.
    made: BTreeSet<(DateTime<Utc>, String)>,
    seen: HashSet<&'g str>,
    read: usize,
}

impl<'g> Horizon<'g> {
    pub(super) fn new(graph: &'g Graph, asked: impl Iterator<Item = &'g str>) -> Self {
        let open: HashSet<&str> = asked.collect();
        let mut children: HashMap<&str, Vec<&str>> = HashMap::new();
        for (sha, parents) in graph.all() {
            for parent in parents {
                children.entry(parent.as_str()).or_default().push(sha);
            }
        }
        Self { children, open, made: BTreeSet::new(), seen: HashSet::new(), read: 0 }
    }

    /// Takes the entries that came since; whether these are enough.
    fn reached(&mut self, entries: &[Activity]) -> bool {
        for entry in entries.iter().skip(self.read) {
            self.made.extend(entry.made().map(|(sha, at)| (at, sha.to_owned())));
        }
        self.read = entries.len();
        let Some(oldest) = entries.last().map(|entry| entry.timestamp) else { return self.open.is_empty() };
        while let Some((at, sha)) = self.made.pop_last() {
            if at < oldest {
                self.made.insert((at, sha));
                break;
            }
            self.close(&sha);
        }
        self.open.is_empty()
    }

    /// What descends from this was not there before it, and neither was this.
    fn close(&mut self, sha: &str) {
        let own = self.open.get(sha).copied();
        let mut next: Vec<&'g str> = self.children.get(sha).into_iter().flatten().copied().chain(own).collect();
        while let Some(sha) = next.pop() {
            if self.seen.insert(sha) {
                self.open.remove(sha);
                next.extend(self.children.get(sha).into_iter().flatten());
            }
        }
    }
}

/// What was read of a repository's activity before, with what its accounts are called now.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// The newest first, without a gap, each with when it was not read yet.
    entries: Vec<(Activity, Instant)>,
    is_whole: bool,
    /// The accounts, by their ids.
    ids: Vec<String>,
    /// What each is; nothing, where it is there no longer.
    now: BTreeMap<String, Option<RestUser>>,
}

impl Kept {
    /// What is known of a repository's activity, as far back as its accounts can be asked for at once.
    pub(super) fn of(newest: &Newest) -> Self {
        let mut kept = Self { is_whole: newest.is_whole, ..Self::default() };
        let mut ids: BTreeSet<String> = BTreeSet::new();
        for entry in &newest.entries {
            let read = serde_json::from_str::<Activity>(&entry.text).ok();
            let Some(read) = read.filter(|it| it.actor.as_ref().is_none_or(|actor| actor.node_id.is_some())) else {
                kept.is_whole = false;
                break;
            };
            let id = read.actor.as_ref().and_then(|actor| actor.node_id.clone());
            if ids.len() == ACCOUNTS && id.as_ref().is_some_and(|id| !ids.contains(id)) {
                kept.is_whole = false;
                break;
            }
            ids.extend(id);
            kept.entries.push((read, entry.before));
        }
        kept.ids = ids.into_iter().collect();
        kept
    }

    /// The question what the accounts are called, where there are any.
    pub(super) fn question(&self) -> Option<String> {
        let mut question = First::default();
        question.accounts(&self.ids);
        (!self.ids.is_empty()).then(|| question.text())
    }

    /// Takes the answer to it. Without one nothing is known of what was read before.
    pub(super) fn named(&mut self, answer: Option<&Answer>) {
        if self.ids.is_empty() {
            return;
        }
        let found = answer.and_then(|answer| answer.part::<Vec<Option<Actor>>>(&["who"]).ok());
        match found.filter(|found| found.len() == self.ids.len()) {
            Some(found) => {
                let user = |actor: Actor| RestUser { login: Some(actor.login), kind: actor.kind };
                let named = found.into_iter().map(|actor| actor.map(user));
                self.now = self.ids.iter().cloned().zip(named).collect();
            }
            None => *self = Self::default(),
        }
    }

    /// What came before entries that were read now, the newest first: nothing, where the two do not meet.
    fn after(&self, entries: &[Activity]) -> Option<&[(Activity, Instant)]> {
        let last = entries.last().map(|entry| entry.id).filter(|id| *id != 0)?;
        let at = self.entries.iter().position(|(entry, _)| entry.id == last)?;
        self.entries.get(at + 1..)
    }

    /// An entry with what its account is called now.
    fn renamed(&self, entry: &Activity) -> Activity {
        let is = |actor: &Pusher| {
            let now = actor.node_id.as_ref().and_then(|id| self.now.get(id)?.clone())?;
            Some(Pusher { login: now.login, kind: now.kind, node_id: actor.node_id.clone() })
        };
        Activity { actor: entry.actor.as_ref().and_then(is), ..entry.clone() }
    }
}

/// What the list of a repository's activity is called.
pub(super) fn path(repository: &str) -> String {
    format!("/repos/{repository}/activity")
}

/// Where the first page of a repository's activity lies.
pub(super) fn place(repository: &str) -> String {
    format!("{}?per_page=100", path(repository))
}

/// The activity of a repository, the oldest entry first: as far back as the horizon is.
pub(super) async fn read(
    client: &Client,
    repository: &str,
    horizon: Horizon<'_>,
    kept: &Kept,
) -> Result<Vec<Activity>, Fault> {
    let path = path(repository);
    let horizon = Mutex::new(horizon);
    let reached = |entries: &[Activity]| horizon.lock().unwrap_or_else(PoisonError::into_inner).reached(entries);
    let with = |entries: &[Activity], tail: &[(Activity, Instant)]| -> Vec<Activity> {
        entries.iter().cloned().chain(tail.iter().map(|(entry, _)| kept.renamed(entry))).collect()
    };
    let meets =
        |entries: &[Activity]| kept.after(entries).is_some_and(|tail| kept.is_whole || reached(&with(entries, tail)));
    let before = Instant::now();
    let (fresh, more) = client.list_until(&path, |entries: &[Activity]| reached(entries) || meets(entries)).await?;
    let tail = kept.after(&fresh).filter(|_| more);
    let is_whole = !more || (tail.is_some() && kept.is_whole);
    let mut entries = with(&fresh, tail.unwrap_or_default());
    if !is_whole && !reached(&entries) {
        return Err(unread(&path, "it goes further back than is read, and who pushed first stands there"));
    }
    let all = fresh.iter().map(|entry| (entry, before)).chain(tail.into_iter().flatten().map(|(it, at)| (it, *at)));
    client.knows(&path, newest(all, is_whole));
    // Entries of one instant keep their order.
    entries.reverse();
    entries.sort_by_key(|entry| entry.timestamp);
    Ok(entries)
}

/// Reads what was pushed lately, so that whoever decides next finds it: as far back as to what is known, or a week.
pub(in crate::forge::github) async fn keep(client: &Client, repository: &str) -> Result<(), Fault> {
    let path = path(repository);
    let kept = Kept::of(&client.known(&path));
    let (before, since) = (Instant::now(), Utc::now() - LOOK_BACK);
    let is_enough =
        |last: Option<&Activity>, count: usize| count >= MOST || last.is_none_or(|entry| entry.timestamp < since);
    let enough = |entries: &[Activity]| {
        let known = kept.after(entries);
        let meets = |tail: &[(Activity, Instant)]| {
            let last = tail.last().map(|(entry, _)| entry).or(entries.last());
            kept.is_whole || is_enough(last, entries.len() + tail.len())
        };
        is_enough(entries.last(), entries.len()) || known.is_some_and(meets)
    };
    let (fresh, more) = client.list_until(&path, enough).await?;
    let tail = kept.after(&fresh).filter(|_| more);
    let is_whole = !more || (tail.is_some() && kept.is_whole);
    let all = fresh.iter().map(|entry| (entry, before)).chain(tail.into_iter().flatten().map(|(it, at)| (it, *at)));
    client.knows(&path, newest(all, is_whole));
    Ok(())
}

/// Entries as they are kept: up to the first that has no name.
fn newest<'a>(all: impl Iterator<Item = (&'a Activity, Instant)>, is_whole: bool) -> Newest {
    let mut newest = Newest { entries: Vec::new(), is_whole };
    for (entry, before) in all {
        let Some(text) = serde_json::to_string(entry).ok().filter(|_| entry.id != 0) else {
            newest.is_whole = false;
            break;
        };
        newest.entries.push(Entry { text: text.into(), before });
    }
    newest
}
