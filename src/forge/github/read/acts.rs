//! What people did on GitHub: reviews of pull requests, reviews of the environment, and commands in either or in comments.
//!
//! Whoever may push can edit and delete the comments of others and dismiss their reviews. What was said for a release
//! then counts no longer; what was said against it must not be lost: where it may have been, no act is known.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};

use super::changes::content;
use super::people::{Accounts, Actor};
use super::pulls::{Comment, Counted, Edit, Event, Review, WholePull};
use super::runs::{EnvironmentReview, Run};
use super::{Reading, unread};
use crate::forge::Ranged;
use crate::forge::command::{self, Command};
use crate::forge::github::client::Fault;
use crate::model::facts::{Account, Act, Deed, Fact, Saw, Standing, Via};

fn act(id: &str, at: DateTime<Utc>, by: Account, via: Via, does: Deed) -> Act {
    Act {
        id: id.to_owned(),
        at,
        by,
        // GitHub names the one account that acted, and would name no other.
        impersonated_by: Fact::Absent,
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

/// What each review was before it was dismissed. The last event tells it.
fn dismissed(events: &[Event]) -> HashMap<&str, &str> {
    let state = |event| match event {
        &Event::Dismissed { ref previous_review_state, review: Some(ref review) } => {
            Some((review.id.as_str(), previous_review_state.as_str()))
        }
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

/// A review; `None` where it says nothing yet, or says nothing that anybody is left for.
fn review(
    accounts: &mut Accounts,
    (repository, change): (&str, &str),
    review: &Review,
    dismissed: &HashMap<&str, &str>,
) -> Result<Option<Act>, Fault> {
    let what = || format!("review {}", review.id);
    let state = match review.state.as_str() {
        "DISMISSED" => dismissed
            .get(review.id.as_str())
            .copied()
            .ok_or_else(|| unread(&what(), "it was dismissed, and GitHub does not say what it was before"))?,
        state => state,
    };
    let does = match state {
        "APPROVED" => Deed::Approve { role: None, accepts: None },
        "CHANGES_REQUESTED" => Deed::Reject {},
        "COMMENTED" => Deed::Comment {},
        _ => return Ok(None),
    };
    let Some(at) = review.submitted_at else { return Ok(None) };
    let Some(author) = &review.author else {
        return match does {
            Deed::Reject {} if review.state != "DISMISSED" => {
                Err(unread(&what(), "it requests changes, and whoever wrote it has no account any longer"))
            }
            _ => Ok(None),
        };
    };
    let mut act = act(&review.id, at, accounts.actor(author), Via::Review, does);
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
    Ok(Some(act))
}

/// Something that somebody wrote, in which commands may stand.
struct Written<'w> {
    /// What it is, by its name.
    what: String,
    text: &'w str,
    by: Option<&'w Actor>,
    at: DateTime<Utc>,
    edited: bool,
    edits: Option<&'w Counted<Edit>>,
}

impl<'w> Written<'w> {
    fn comment(comment: &'w Comment) -> Self {
        Self {
            what: format!("comment {}", comment.id),
            text: &comment.body,
            by: comment.author.as_ref(),
            at: comment.created_at,
            edited: comment.last_edited_at.is_some(),
            edits: comment.user_content_edits.as_ref(),
        }
    }

    /// What stands in a review; `None` as long as nobody but its writer sees it.
    fn review(review: &'w Review) -> Option<Self> {
        Some(Self {
            what: format!("review {}", review.id),
            text: &review.body,
            by: review.author.as_ref(),
            at: review.submitted_at?,
            edited: review.last_edited_at.is_some(),
            edits: review.user_content_edits.as_ref(),
        })
    }

    /// The commands of every text that it ever had: whoever edits one away has not unsaid it.
    fn commands(&self) -> Result<Vec<Command>, Fault> {
        let mut found: Vec<Command> = command::commands(self.text, "github").into_iter().flatten().collect();
        let is_bots = self.by.is_some_and(|author| author.kind.as_deref() == Some("Bot"));
        // A bot rejects nothing, and many edit theirs all day.
        if !self.edited || is_bots {
            return Ok(found);
        }
        let edits = self.edits.cloned().and_then(Counted::whole);
        let edits = edits.ok_or_else(|| unread(&self.what, "it was edited more often than is read"))?;
        // The first of them is what was written at first.
        if edits.len() < 2 {
            return Err(unread(&self.what, "it was edited, and GitHub does not say what it said before"));
        }
        for edit in edits {
            let text =
                edit.diff.ok_or_else(|| unread(&self.what, "what it said before was struck from its history"))?;
            for command in command::commands(&text, "github").into_iter().flatten() {
                if !found.contains(&command) {
                    found.push(command);
                }
            }
        }
        Ok(found)
    }
}

/// The name of the act that a further command of something is, by the name of that and the command's place.
fn beside(id: &str, at: usize) -> String {
    format!("{id}/{}", at + 1)
}

/// The whole name of a commit of these changes that begins so; what it was where none does, or several.
fn whole(changes: &Fact<Vec<Ranged>>, begins: &str) -> String {
    let commits = changes.entries().iter().flat_map(|it| it.change.commits.entries());
    let found: BTreeSet<&str> = commits.map(|it| it.sha.as_str()).filter(|sha| sha.starts_with(begins)).collect();
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => only.to_owned(),
        _ => begins.to_owned(),
    }
}

/// Which content a command is about: that of the commit that it names, or what was merged before it was written. Of an
/// open pull request nobody can tell which head its writer had before him.
fn shown(whole: &WholePull, commit: Option<&str>, released: bool, at: DateTime<Utc>) -> Option<String> {
    match commit {
        Some(_) if released => content(whole),
        Some(prefix) => {
            let mut named = whole.commits.as_ref().ok()?.iter().filter(|commit| commit.oid.starts_with(prefix));
            named.next().filter(|_| named.next().is_none()).map(|commit| commit.tree.oid.clone())
        }
        None => whole.pull.merged_at.filter(|merged| *merged <= at).and_then(|_| content(whole)),
    }
}

/// That nobody deleted what somebody else wrote: it may have been a rejection.
fn nothing_deleted(number: u64, events: &[Event]) -> Result<(), Fault> {
    let is_bots = |actor: &Option<Actor>| actor.as_ref().is_some_and(|it| it.kind.as_deref() == Some("Bot"));
    let same = |one: &Option<Actor>, other: &Option<Actor>| match (one, other) {
        (Some(one), Some(other)) => one.login.eq_ignore_ascii_case(&other.login),
        _ => false,
    };
    let lost = |event: &Event| match event {
        Event::Deleted { actor, deleted_comment_author: author } => !same(actor, author) && !is_bots(author),
        _ => false,
    };
    if events.iter().any(lost) {
        let says = "somebody deleted a comment that somebody else wrote, which may have been a rejection";
        return Err(unread(&format!("the comments of pull request {number}"), says));
    }
    Ok(())
}

/// What an approver of the environment was shown, as far as the run itself fixes it.
pub(super) struct Fixed<'a> {
    pub(super) run: &'a Run,
    pub(super) reviews: &'a [EnvironmentReview],
    /// The changes that he was shown, where nothing else was deployed here since the run began.
    pub(super) changes: bool,
}

impl Reading<'_> {
    /// Everything that people did, the earliest first.
    pub(super) fn acts(
        &mut self,
        canonical: &str,
        changes: &Fact<Vec<Ranged>>,
        contents: &BTreeMap<String, Fact<String>>,
        pulls: Result<Vec<&WholePull>, Fault>,
        run: Option<Result<Fixed<'_>, Fault>>,
    ) -> Fact<Vec<Act>> {
        let known = contents.iter().filter_map(|(name, content)| Some((name.clone(), content.known()?.clone())));
        let known: BTreeMap<String, String> = known.collect();
        let mut found = Vec::new();
        let pulls = match pulls {
            Ok(pulls) => pulls,
            Err(fault) => return fault.unavailable(),
        };
        for pull in pulls {
            if let Err(fault) = self.of_pull(canonical, pull, &known, &mut found) {
                return fault.unavailable();
            }
        }
        match run {
            Some(Ok(fixed)) => self.of_environment(canonical, &fixed, changes, known, &mut found),
            Some(Err(fault)) => return fault.unavailable(),
            None => {}
        }
        for act in &mut found {
            // People name as much of a commit as it takes.
            if let Deed::Vouch { commit } | Deed::Clear { commit, .. } = &mut act.does {
                *commit = whole(changes, commit);
            }
        }
        found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Fact::Known(found)
    }

    fn of_pull(
        &mut self,
        canonical: &str,
        pull: &WholePull,
        components: &BTreeMap<String, String>,
        found: &mut Vec<Act>,
    ) -> Result<(), Fault> {
        let id = format!("{canonical}#{}", pull.pull.number);
        let fault = Fault::clone;
        let events = pull.events.as_ref().map_err(fault)?;
        nothing_deleted(pull.pull.number, events)?;
        let dismissed = dismissed(events);
        for it in pull.reviews.as_ref().map_err(fault)? {
            found.extend(review(&mut self.accounts, (canonical, &id), it, &dismissed)?);
            let Some(written) = Written::review(it) else { continue };
            let mut said = self.commands((canonical, &id), (pull, components), &written)?;
            for (at, act) in said.iter_mut().enumerate() {
                act.id = beside(&it.id, at);
                // What is said in it against a release stays said, whoever dismisses the review.
                if it.state == "DISMISSED" && act.does != (Deed::Reject {}) {
                    act.standing = Standing::Dismissed;
                }
            }
            found.extend(said);
        }
        for comment in pull.comments.as_ref().map_err(fault)? {
            let mut said = self.commands((canonical, &id), (pull, components), &Written::comment(comment))?;
            for (at, act) in said.iter_mut().enumerate() {
                act.id = if at == 0 { comment.id.clone() } else { beside(&comment.id, at - 1) };
            }
            found.extend(said);
        }
        Ok(())
    }

    /// The commands of something that somebody wrote on a pull request, without names yet.
    fn commands(
        &mut self,
        (canonical, change): (&str, &str),
        (whole, components): (&WholePull, &BTreeMap<String, String>),
        written: &Written<'_>,
    ) -> Result<Vec<Act>, Fault> {
        let mut found = Vec::new();
        for command in written.commands()? {
            let Some(author) = written.by else {
                if command.does == (Deed::Reject {}) {
                    let says = "it rejects, and whoever wrote it has no account any longer";
                    return Err(unread(&written.what, says));
                }
                continue;
            };
            let mut act = act("", written.at, self.accounts.actor(author), Via::Command, command.does);
            act.reason = command.reason;
            act.saw.repository = Some(canonical.to_owned());
            act.saw.environment = command.environment.map(|name| self.environment(name, &act.does));
            let released = command.commit.as_deref().is_some_and(|prefix| self.question.commit.starts_with(prefix));
            if let Some(content) = shown(whole, command.commit.as_deref(), released, written.at) {
                act.saw.changes = BTreeMap::from([(change.to_owned(), content)]);
            }
            // Whoever names the commit that goes knows what it is made of.
            if released {
                act.saw.components.clone_from(components);
            }
            if written.edited {
                act.standing = Standing::Edited;
            }
            found.push(act);
        }
        Ok(found)
    }

    /// The environment that somebody named. A rejection is not lost by a capital letter.
    fn environment(&self, named: String, does: &Deed) -> String {
        let meant = *does == (Deed::Reject {}) && named.eq_ignore_ascii_case(&self.question.environment);
        if meant { self.question.environment.clone() } else { named }
    }

    /// The reviews of the run's environment. GitHub says who, what, why and in which order, and not when. An approval
    /// stands at the earliest instant that it can have been given, the beginning of the run, so that it expires no later
    /// than it should; a rejection at the latest, now, so that nothing older answers it.
    fn of_environment(
        &mut self,
        canonical: &str,
        fixed: &Fixed<'_>,
        changes: &Fact<Vec<Ranged>>,
        components: BTreeMap<String, String>,
        found: &mut Vec<Act>,
    ) {
        let listed: &[Ranged] = if fixed.changes { changes.entries() } else { &[] };
        let change = |it: &Ranged| -> (String, String) { (it.change.id.clone(), it.change.content.clone()) };
        let saw = Saw {
            environment: Some(self.question.environment.clone()),
            repository: Some(canonical.to_owned()),
            changes: listed.iter().map(change).collect(),
            components,
            ..Saw::default()
        };
        let now = Utc::now().max(fixed.run.created_at);
        let environment = &self.question.environment;
        let here = fixed.reviews.iter().filter(|review| review.environments.iter().any(|name| name == environment));
        let here: Vec<&EnvironmentReview> = here.collect();
        for review in &here {
            let (does, at) = match review.state.as_str() {
                "APPROVED" => (Deed::Approve { role: None, accepts: None }, fixed.run.created_at),
                "REJECTED" => (Deed::Reject {}, now),
                _ => continue,
            };
            let by = self.accounts.actor(&review.user);
            let mut act = act(&review.id, at, by, Via::Environment, does);
            act.reason = said(&review.comment);
            act.saw.clone_from(&saw);
            let by = act.by.clone();
            found.push(act);
            let commands = command::commands(&review.comment, "github").into_iter().flatten();
            for (place, command) in commands.enumerate() {
                let at = match command.does {
                    Deed::Reject {} | Deed::Withdraw { .. } => now,
                    _ => fixed.run.created_at,
                };
                let mut more = self::act(&beside(&review.id, place), at, by.clone(), Via::Command, command.does);
                more.reason = command.reason;
                more.saw.clone_from(&saw);
                more.saw.environment = command.environment.map(|name| self.environment(name, &more.does));
                // Of another commit he says nothing here.
                if command.commit.is_some_and(|prefix| !self.question.commit.starts_with(&prefix)) {
                    more.saw.changes.clear();
                    more.saw.components.clear();
                }
                found.push(more);
            }
        }
    }
}
