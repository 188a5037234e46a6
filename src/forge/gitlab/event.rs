//! What a delivery is a hint of.
//!
//! A delivery is read only after it is known to be GitLab's, and only as a hint: it says what to read again, and nothing in
//! it is believed. Every field may be missing; what a hint cannot do without makes it a hint to read everything of the
//! project again. What is not known here is ignored and never an error: an answer of the 400s counts as a failure, and after
//! four of them GitLab disables the hook.
//!
//! Invariant: no name of a project leaves this module unchecked. [`Claimed::check`] compares the project's number with those
//! that GitLab itself listed to us.

use std::collections::BTreeMap;

use serde_json::Value;

use super::signature::VerifiedDelivery;
use crate::forge::hint::{Hint, Hinted};

/// What a delivery claims. Its hint cannot be had before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The project by its number; none where it is of a group or of the whole server.
    project: Option<u64>,
    hint: Hint,
}

/// What a delivery is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A hint, once it is checked.
    Hint(Claimed),
    /// Nothing that any decision hangs on.
    Ignored,
}

/// A delivery that is no JSON object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the payload cannot be read: {why}; GitLab sends a JSON object")]
pub struct Unreadable {
    /// Where and why.
    pub why: String,
}

/// A delivery of a project that is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("project {0} is none of those that were read")]
pub struct Foreign(pub u64);

impl Claimed {
    /// The project that it claims to be about, by its number.
    pub(super) fn project(&self) -> Option<u64> {
        self.project
    }

    /// Takes the hint where its project is one of these, by their numbers and the names that GitLab gave them.
    pub fn check(self, projects: &BTreeMap<u64, String>) -> Result<Hinted, Foreign> {
        let repository = match self.project {
            Some(id) => Some(projects.get(&id).ok_or(Foreign(id))?.clone()),
            None => None,
        };
        Ok(Hinted { repository, hint: self.hint })
    }
}

/// Reads a delivery.
pub fn read(delivery: VerifiedDelivery<'_>) -> Result<Delivery, Unreadable> {
    let payload: Value =
        serde_json::from_slice(delivery.body()).map_err(|error| Unreadable { why: error.to_string() })?;
    if !payload.is_object() {
        return Err(Unreadable { why: "it is no object".to_owned() });
    }
    let project = project(&payload);
    Ok(match hint(&payload) {
        // What is understood and says too little is read again as a whole.
        Some(hint) => Delivery::Hint(Claimed { project, hint: hint.unwrap_or(Hint::Repository) }),
        None => Delivery::Ignored,
    })
}

/// Reads the bytes of a delivery that was verified before it was recorded, as a hint to read everything of its project again.
#[must_use]
pub fn recalled(bytes: &[u8]) -> Option<Claimed> {
    let payload: Value = serde_json::from_slice(bytes).ok()?;
    let project = Some(project(&payload)?);
    Some(Claimed { project, hint: Hint::Repository })
}

fn project(payload: &Value) -> Option<u64> {
    number(payload, "/project/id")
        .or_else(|| number(payload, "/project_id"))
        .or_else(|| number(payload, "/object_attributes/target_project_id"))
}

fn text<'p>(payload: &'p Value, place: &str) -> Option<&'p str> {
    payload.pointer(place)?.as_str().filter(|text| !text.is_empty())
}

fn number(payload: &Value, place: &str) -> Option<u64> {
    payload.pointer(place)?.as_u64()
}

fn commit(payload: &Value, place: &str) -> Option<String> {
    text(payload, place).filter(|text| super::read::is_commit(text)).map(str::to_owned)
}

/// Whether something is in a state in which it waits for somebody.
fn waits(payload: &Value, place: &str) -> bool {
    matches!(text(payload, place), Some("manual" | "blocked"))
}

/// Whether a pipeline that goes on, or has ended, has a job that waits before an environment.
fn has_waiting(payload: &Value) -> bool {
    let jobs = payload.get("builds").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    jobs.iter().any(|job| waits(job, "/status") && job.get("environment").is_some_and(Value::is_object))
}

/// What an event is a hint of; `None` where no decision hangs on it, and nothing within where it says too little.
#[expect(clippy::option_option, reason = "an event that says too little is understood, and is not one that is ignored")]
fn hint(payload: &Value) -> Option<Option<Hint>> {
    let kind = text(payload, "/object_kind").or_else(|| text(payload, "/event_name"))?;
    Some(match kind {
        "push" | "tag_push" | "repository_update" => {
            text(payload, "/ref").map(|name| Hint::Reference { name: name.to_owned() })
        }
        "merge_request" => number(payload, "/object_attributes/iid").map(|number| Hint::PullRequest { number }),
        "note" => return noted(payload),
        "issue" | "work_item" => number(payload, "/object_attributes/iid").map(|number| Hint::Issue { number }),
        // A job that waits for a hand may be one that waits for ours: GitLab sends nothing else where a deployment is blocked.
        "pipeline" if waits(payload, "/object_attributes/status") || has_waiting(payload) => Some(Hint::MayWait),
        "build" if waits(payload, "/build_status") => Some(Hint::MayWait),
        "deployment" if waits(payload, "/status") => Some(Hint::MayWait),
        "pipeline" => run(number(payload, "/object_attributes/id"), commit(payload, "/object_attributes/sha")),
        "build" => run(number(payload, "/pipeline_id"), commit(payload, "/sha")),
        "deployment" => deployed(payload),
        _ if kind.starts_with("user_") || kind.starts_with("group_") || kind.starts_with("subgroup_") => {
            Some(Hint::People)
        }
        _ if kind.starts_with("project_") => Some(Hint::Settings),
        // Wikis, releases, snippets, emoji, feature flags, keys, milestones, tokens that expire, and what is to come.
        _ => return None,
    })
}

/// A note on a merge request or an issue. On a commit or a snippet nobody commands anything.
#[expect(clippy::option_option, reason = "an event that says too little is understood, and is not one that is ignored")]
fn noted(payload: &Value) -> Option<Option<Hint>> {
    match text(payload, "/object_attributes/noteable_type") {
        Some("MergeRequest") => Some(number(payload, "/merge_request/iid").map(|number| Hint::PullRequest { number })),
        Some("Issue" | "WorkItem") => Some(number(payload, "/issue/iid").map(|number| Hint::Issue { number })),
        Some("Commit" | "Snippet") => None,
        Some(_) | None => Some(None),
    }
}

fn run(run: Option<u64>, commit: Option<String>) -> Option<Hint> {
    Some(Hint::Run { run: run?, commit: commit? })
}

/// A deployment names its commit in full only in the address of the commit's page.
fn deployed(payload: &Value) -> Option<Hint> {
    let short = text(payload, "/short_sha")?;
    let commit = text(payload, "/commit_url")?.rsplit('/').next()?;
    let is_it = super::read::is_commit(commit) && commit.starts_with(short);
    let environment = text(payload, "/environment")?.to_owned();
    is_it.then(|| Hint::Deployed { commit: commit.to_owned(), environment })
}
