//! What people did on GitHub: reviews of pull requests, commands in their comments, reviews of the environment.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::changes::content;
use super::people::Accounts;
use super::pulls::{Comment, Review, WholePull};
use super::runs::Run;
use crate::forge::command;
use crate::model::facts::{Account, Act, Deed, Saw, Standing, Via};

fn act(id: &str, at: DateTime<Utc>, by: Account, via: Via, does: Deed) -> Act {
    Act {
        id: id.to_owned(),
        at,
        by,
        impersonated_by: None,
        via,
        does,
        reason: None,
        saw: Saw::default(),
        standing: Standing::Stands,
        held: Vec::new(),
    }
}

fn said(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A review; `None` where it says nothing yet, or nobody is left who said it.
pub(super) fn review(accounts: &mut Accounts, repository: &str, change: &str, review: &Review) -> Option<Act> {
    let by = accounts.actor(review.author.as_ref()?);
    let does = match review.state.as_str() {
        // What was dismissed may have been either. It counts as neither, and takes an earlier approval's place.
        "APPROVED" | "DISMISSED" => Deed::Approve { role: None, accepts: None },
        "CHANGES_REQUESTED" => Deed::Reject {},
        "COMMENTED" => Deed::Comment {},
        _ => return None,
    };
    let mut act = act(&review.id, review.submitted_at?, by, Via::Review, does);
    act.reason = said(&review.body);
    act.saw.repository = Some(repository.to_owned());
    if let Some(commit) = &review.commit {
        act.saw.changes = BTreeMap::from([(change.to_owned(), commit.tree.oid.clone())]);
    }
    act.standing = match (review.state.as_str(), review.last_edited_at) {
        ("DISMISSED", _) => Standing::Dismissed,
        (_, Some(_)) => Standing::Edited,
        (_, None) => Standing::Stands,
    };
    Some(act)
}

/// The commands of a comment on a pull request.
pub(super) fn commands(
    accounts: &mut Accounts,
    repository: &str,
    change: &str,
    whole: &WholePull,
    comment: &Comment,
) -> Vec<Act> {
    let Some(author) = &comment.author else { return Vec::new() };
    let read = command::commands(&comment.body, "github");
    let mut found = Vec::new();
    for (at, command) in read.into_iter().enumerate() {
        let Ok(command) = command else { continue };
        let id = if at == 0 { comment.id.clone() } else { format!("{}/{at}", comment.id) };
        let mut act = act(&id, comment.created_at, accounts.actor(author), Via::Command, command.does);
        act.reason = command.reason;
        act.saw.repository = Some(repository.to_owned());
        act.saw.environment = Some(command.environment);
        if let Some(content) = shown(whole, command.commit.as_deref(), comment.created_at) {
            act.saw.changes = BTreeMap::from([(change.to_owned(), content)]);
        }
        if comment.last_edited_at.is_some() {
            act.standing = Standing::Edited;
        }
        found.push(act);
    }
    found
}

/// Which content a command is about: that of the commit that it names, or what was merged before it was written. Of an
/// open pull request nobody can tell which head its writer had before him.
fn shown(whole: &WholePull, commit: Option<&str>, at: DateTime<Utc>) -> Option<String> {
    match commit {
        Some(prefix) => {
            let mut named = whole.commits.as_ref().ok()?.iter().filter(|commit| commit.oid.starts_with(prefix));
            named.next().filter(|_| named.next().is_none()).map(|commit| commit.tree.oid.clone())
        }
        None => whole.pull.merged_at.filter(|merged| *merged <= at).and_then(|_| content(whole)),
    }
}

/// The reviews of the run's environment. GitHub says who, what and why, and not when: each stands at the earliest instant
/// that it can have been given, the beginning of the run, so that it expires no later than it should.
pub(super) fn of_run(accounts: &mut Accounts, run: &Run, environment: &str, saw: &Saw) -> Vec<Act> {
    let here = run.reviews.iter().filter(|review| review.environments.iter().any(|name| name == environment));
    let mut found = Vec::new();
    for review in here {
        let does = match review.state.as_str() {
            "APPROVED" => Deed::Approve { role: None, accepts: None },
            "REJECTED" => Deed::Reject {},
            _ => continue,
        };
        let by = accounts.actor(&review.user);
        let mut act = act(&review.id, run.created_at, by, Via::Environment, does);
        act.reason = said(&review.comment);
        act.saw.clone_from(saw);
        found.push(act);
    }
    found
}
