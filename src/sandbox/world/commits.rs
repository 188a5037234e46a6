//! Commits: how they are made, what they contain, and what lies between two of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::super::payload;
use super::{Commit, NONE, Pull, WEB_FLOW, World, digest, written};

impl World {
    fn store(&mut self, files: &[(&str, &str)], on: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let mut all = on.clone();
        for (path, content) in files {
            let name = digest(content);
            self.blobs.insert(name.clone(), (*content).to_owned());
            all.insert((*path).to_owned(), name);
        }
        all
    }

    fn files(&self, commit: &str) -> BTreeMap<String, String> {
        self.commits.get(commit).map(|commit| commit.files.clone()).unwrap_or_default()
    }

    fn commit(&mut self, commit: Commit) -> String {
        let name = digest(&format!("{commit:?}"));
        self.commits.insert(name.clone(), commit);
        name
    }

    fn pushed(&mut self, (before, after): (&str, &str), branch: &str, kind: &str, by: &str, now: DateTime<Utc>) {
        let id = self.next();
        let entry = json!({"id": id, "before": before, "after": after, "ref": format!("refs/heads/{branch}"),
            "timestamp": written(now), "activity_type": kind, "actor": payload::user(self, by)});
        self.activity.push(entry);
        let what = json!({"ref": format!("refs/heads/{branch}"), "before": before, "after": after, "commits": [],
            "pusher": {"name": by}, "created": before == NONE, "deleted": false, "forced": false});
        self.tell("push", by, what);
    }

    /// Somebody pushes the first commit of the default branch.
    pub fn begins(&mut self, by: &str, title: &str, files: &[(&str, &str)], now: DateTime<Utc>) -> String {
        let files = self.store(files, &BTreeMap::new());
        let commit = Commit {
            author: by.to_owned(),
            committer: by.to_owned(),
            parents: Vec::new(),
            files,
            date: written(now),
            title: title.to_owned(),
            pulls: Vec::new(),
        };
        let name = self.commit(commit);
        self.tip.clone_from(&name);
        self.pushed((NONE, &name), "main", "branch_creation", by, now);
        name
    }

    /// Somebody opens a pull request with one commit. Its number.
    pub fn proposes(&mut self, by: &str, title: &str, files: &[(&str, &str)], now: DateTime<Utc>) -> u64 {
        let base = self.tip.clone();
        let all = self.store(files, &self.files(&base));
        let commit = Commit {
            author: by.to_owned(),
            committer: by.to_owned(),
            parents: vec![base.clone()],
            files: all,
            date: written(now),
            title: title.to_owned(),
            pulls: Vec::new(),
        };
        let head = self.commit(commit);
        let number = self.pulls.keys().next_back().map_or(12, |last| last + 1);
        self.pushed((NONE, &head), &format!("change-{number}"), "branch_creation", by, now);
        self.brought(&head, number);
        let pull = Pull {
            title: title.to_owned(),
            author: by.to_owned(),
            files: files.iter().map(|(path, _)| (*path).to_owned()).collect(),
            base,
            head,
            merged: None,
            updated_at: written(now),
            reviews: Vec::new(),
            comments: Vec::new(),
        };
        self.pulls.insert(number, pull);
        self.tell(
            "pull_request",
            by,
            json!({"action": "opened", "number": number, "pull_request": payload::pull(self, number)}),
        );
        number
    }

    fn brought(&mut self, commit: &str, number: u64) {
        if let Some(commit) = self.commits.get_mut(commit) {
            commit.pulls.push(number);
        }
    }

    /// Somebody merges a pull request in GitHub's pages, squashed. What it landed as.
    pub fn merges(&mut self, number: u64, by: &str, now: DateTime<Utc>) -> Option<String> {
        let pull = self.pulls.get(&number).filter(|pull| pull.merged.is_none())?.clone();
        let changed = self.files(&pull.head);
        let mut files = self.files(&self.tip);
        for path in &pull.files {
            if let Some(content) = changed.get(path) {
                files.insert(path.clone(), content.clone());
            }
        }
        let before = self.tip.clone();
        let commit = Commit {
            author: pull.author.clone(),
            committer: WEB_FLOW.to_owned(),
            parents: vec![before.clone()],
            files,
            date: written(now),
            title: format!("{} (#{number})", pull.title),
            pulls: vec![number],
        };
        let name = self.commit(commit);
        self.tip.clone_from(&name);
        if let Some(pull) = self.pulls.get_mut(&number) {
            pull.merged = Some((name.clone(), written(now)));
            pull.updated_at = written(now);
        }
        self.pushed((&before, &name), "main", "pr_merge", by, now);
        self.tell(
            "pull_request",
            by,
            json!({"action": "closed", "number": number, "pull_request": payload::pull(self, number)}),
        );
        Some(name)
    }

    /// A file's text at the last commit of the default branch.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<&str> {
        self.content_at(&self.tip, path)
    }

    /// A file's text at a commit.
    #[must_use]
    pub fn content_at(&self, commit: &str, path: &str) -> Option<&str> {
        let name = self.commits.get(commit)?.files.get(path)?;
        self.blobs.get(name).map(String::as_str)
    }

    /// The git object of a path at a commit; of the whole for the empty path.
    #[must_use]
    pub fn tree(&self, commit: &str, path: &str) -> Option<String> {
        let files = &self.commits.get(commit)?.files;
        if let Some(blob) = files.get(path) {
            return Some(blob.clone());
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let below = files.iter().filter_map(|(name, blob)| Some(format!("{}\0{blob}\n", name.strip_prefix(&prefix)?)));
        let below: String = below.collect();
        (path.is_empty() || !below.is_empty()).then(|| digest(&below))
    }

    /// The entries of a folder at a commit, as GraphQL has them.
    pub(in super::super) fn entries(&self, commit: &str, path: &str) -> Vec<Value> {
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut names: BTreeMap<String, bool> = BTreeMap::new();
        for rest in self.files(commit).keys().filter_map(|name| name.strip_prefix(&prefix)) {
            match rest.split_once('/') {
                Some((folder, _)) => names.insert(folder.to_owned(), true),
                None => names.insert(rest.to_owned(), false),
            };
        }
        let entry = |(name, is_folder): (String, bool)| {
            let (kind, mode) = if is_folder { ("tree", 0o040_000) } else { ("blob", 0o100_644) };
            let object = self.tree(commit, &format!("{prefix}{name}"));
            json!({"__typename": "TreeEntry", "name": name, "oid": object, "type": kind, "mode": mode})
        };
        names.into_iter().map(entry).collect()
    }

    /// The paths in which two commits differ.
    #[must_use]
    pub fn differs(&self, base: Option<&str>, head: &str) -> Vec<String> {
        let before = base.map(|base| self.files(base)).unwrap_or_default();
        let after = self.files(head);
        let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
    }

    fn reach(&self, from: &str) -> Vec<String> {
        let (mut found, mut next) = (Vec::new(), vec![from.to_owned()]);
        while let Some(name) = next.pop() {
            if let Some(commit) = self.commits.get(&name).filter(|_| !found.contains(&name)) {
                next.extend(commit.parents.iter().cloned());
                found.push(name);
            }
        }
        found
    }

    /// A commit and all that it has, the newest first.
    #[must_use]
    pub fn log(&self, from: &str) -> Vec<String> {
        self.reach(from)
    }

    /// The commits of `head` that `base` does not have, the oldest first; `None` where one of them is not there.
    #[must_use]
    pub fn between(&self, base: &str, head: &str) -> Option<Vec<String>> {
        if !self.commits.contains_key(base) || !self.commits.contains_key(head) {
            return None;
        }
        let known = self.reach(base);
        let mut found: Vec<String> = self.reach(head).into_iter().filter(|name| !known.contains(name)).collect();
        found.reverse();
        Some(found)
    }

    /// The newest commit that both have. All history here is one line.
    #[must_use]
    pub fn common(&self, base: &str, head: &str) -> Option<String> {
        let of_base = self.reach(base);
        self.reach(head).into_iter().find(|name| of_base.contains(name))
    }

    /// What a commit or a branch is called, as a commit.
    #[must_use]
    pub fn resolved(&self, name: &str) -> String {
        match name {
            "main" | "HEAD" | "refs/heads/main" => self.tip.clone(),
            other => other.to_owned(),
        }
    }
}
