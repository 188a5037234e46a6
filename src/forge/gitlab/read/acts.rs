//! What people did on GitLab: approvals of merge requests, reviews that ask for changes, commands in notes, approvals of
//! the deployment.
//!
//! That somebody asked for changes stands in a note of GitLab's own, and outlasts that he is asked for a review again: only
//! what he approves afterwards takes its place. GitLab keeps neither what a note said before it was edited nor that one was
//! deleted, and approvals that a push reset are gone: of what people took back so nothing is known but what stands now. A note
//! that was edited and commands nothing may have rejected before; so it leaves nothing of what its writer approved until then.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::deployments::Listed;
use super::people::User;
use super::requests::{Note, Version, Whole};
use super::runs::Pipeline;
use super::{Reading, escaped};
use crate::forge::command;
use crate::forge::gitlab::client::{Fault, unread};
use crate::forge::{Ranged, elsewhere};
use crate::model::facts::{Account, Act, Deed, Fact, Saw, Standing, Via};

/// By which words GitLab says in a note that somebody approved, and that somebody asked for changes.
const APPROVED: &str = "approved this merge request";
const ASKED: &str = "requested changes";

fn act(id: &str, at: DateTime<Utc>, by: Account, via: Via, does: Deed) -> Act {
    Act {
        id: id.to_owned(),
        at,
        by,
        // In whose name its administrators act GitLab says in its audit log alone: what it shows names one account.
        impersonated_by: Fact::Absent,
        via,
        does,
        reason: None,
        saw: Saw::default(),
        standing: Standing::Stands,
        held: Vec::new(),
    }
}

/// Who asked for changes by GitLab's own notes, each with when he did last.
fn asked(whole: &Whole) -> Vec<(User, DateTime<Utc>)> {
    let mut found: Vec<(User, DateTime<Utc>)> = Vec::new();
    for note in whole.notes.iter().filter(|note| note.system && note.body.trim() == ASKED) {
        let Some(user) = &note.author else { continue };
        match found.iter_mut().find(|(known, _)| known.id == user.id) {
            Some((_, at)) => *at = (*at).max(note.created_at),
            None => found.push((user.clone(), note.created_at)),
        }
    }
    found
}

/// The last instant that anything of a merge request is known of.
fn newest(whole: &Whole) -> DateTime<Utc> {
    let approved = whole.approvals.iter().filter_map(|approval| approval.approved_at);
    let noted = whole.notes.iter().map(|note| note.created_at);
    let pushed = whole.versions.iter().map(|(version, _)| version.created_at);
    approved.chain(noted).chain(pushed).chain(whole.request.merged_at).max().unwrap_or_default()
}

/// When GitLab said last in a note that somebody did something.
fn noted(whole: &Whole, user: &User, words: &str) -> Option<DateTime<Utc>> {
    let his = |note: &&Note| note.author.as_ref().is_some_and(|author| author.id == user.id);
    let notes = whole.notes.iter().filter(|note| note.system && note.body.trim() == words).filter(his);
    notes.map(|note| note.created_at).max()
}

/// What a merge request contained at an instant: its last version before that.
fn contained(whole: &Whole, at: DateTime<Utc>) -> Option<&str> {
    let before = |it: &&(Version, String)| it.0.created_at <= at;
    whole.versions.iter().rfind(before).map(|(_, content)| content.as_str())
}

/// Which content a command is about: that of the commit that it names, or what was merged before it was written. Of an
/// open merge request nobody can tell which head its writer had before him.
fn shown<'w>(
    whole: &'w Whole,
    commit: Option<&str>,
    released: bool,
    at: DateTime<Utc>,
    merged: Option<DateTime<Utc>>,
) -> Option<&'w str> {
    match commit {
        Some(_) if released => Some(&whole.content),
        Some(prefix) => {
            let mut named = whole.versions.iter().filter(|(version, _)| version.head_commit_sha.starts_with(prefix));
            let first = named.next()?;
            named.all(|(other, _)| other.head_commit_sha == first.0.head_commit_sha).then_some(first.1.as_str())
        }
        None => merged.filter(|merged| *merged <= at).map(|_| whole.content.as_str()),
    }
}

/// A vote on a deployment.
#[derive(Clone, Debug, Deserialize)]
struct Vote {
    user: User,
    status: String,
    created_at: DateTime<Utc>,
    #[serde(default)]
    comment: Option<String>,
}

#[derive(Deserialize)]
struct Voted {
    /// Not there where the plan has no approvals of deployments.
    approvals: Option<Vec<Vote>>,
}

impl Reading<'_> {
    /// Everything that people did here, and what they did elsewhere, the earliest first.
    pub(super) async fn acts(
        &mut self,
        changes: &Fact<Vec<Ranged>>,
        contents: &BTreeMap<String, Fact<String>>,
        requests: &[Whole],
        run: Option<&Result<Pipeline, Fault>>,
        listed: &Result<Vec<Listed>, Fault>,
    ) -> Fact<Vec<Act>> {
        let known = contents.iter().filter_map(|(name, content)| Some((name.clone(), content.known()?.clone())));
        let known: BTreeMap<String, String> = known.collect();
        let mut found = Vec::new();
        for whole in requests {
            if let Err(fault) = self.of_request(whole, &known, &mut found).await {
                return fault.unavailable();
            }
        }
        match (run, listed) {
            (None, _) => {}
            (Some(Ok(run)), Ok(listed)) => {
                if let Err(fault) = self.of_environment(run, listed, changes, known, &mut found).await {
                    return fault.unavailable();
                }
            }
            (Some(Err(fault)), _) | (_, Err(fault)) => return fault.unavailable(),
        }
        for whole in requests {
            self.rewritten(whole, &mut found).await;
        }
        let elsewhere: Vec<Act> = elsewhere(self.question, &found, changes).into_iter().cloned().collect();
        for act in elsewhere {
            if act.by.system() == "gitlab" {
                self.by_login(act.by.login()).await;
            }
            found.push(act);
        }
        found.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        Fact::Known(found)
    }

    async fn of_request(
        &mut self,
        whole: &Whole,
        components: &BTreeMap<String, String>,
        found: &mut Vec<Act>,
    ) -> Result<(), Fault> {
        let number = whole.request.iid;
        let id = format!("{}!{number}", self.project.path_with_namespace);
        let counts = |user: &User| !user.is_gone() && !self.is_ours(user);
        let approvals: Vec<_> = whole.approvals.iter().filter(|approval| counts(&approval.user)).collect();
        for approval in approvals {
            // Of an approval that nobody says when it was given nobody can tell what it is of.
            let Some(at) = approval.approved_at.or_else(|| noted(whole, &approval.user, APPROVED)) else { continue };
            let by = self.accounts.note(self.client, &approval.user).await;
            let name = format!("approval-{number}-{}", approval.user.id);
            let mut act = act(&name, at, by, Via::Review, Deed::Approve { role: None, accepts: None });
            act.saw.repository = Some(self.project.path_with_namespace.clone());
            if let Some(content) = contained(whole, at) {
                act.saw.changes = BTreeMap::from([(id.clone(), content.to_owned())]);
            }
            found.push(act);
        }
        let mut against = asked(whole);
        for reviewer in whole.reviewers.iter().filter(|reviewer| reviewer.state == "requested_changes") {
            if !against.iter().any(|(user, _)| user.id == reviewer.user.id) {
                // Where GitLab does not say when it was, nothing that is known answers it.
                against.push((reviewer.user.clone(), newest(whole)));
            }
        }
        against.retain(|(user, _)| !self.is_ours(user));
        for (user, at) in against {
            if user.is_gone() {
                let says = "somebody asked for changes who has no account any longer";
                return Err(unread(&format!("the reviewers of merge request {number}"), says));
            }
            let by = self.accounts.note(self.client, &user).await;
            let mut act = act(&format!("review-{number}-{}", user.id), at, by, Via::Review, Deed::Reject {});
            act.saw.repository = Some(self.project.path_with_namespace.clone());
            act.saw.changes = BTreeMap::from([(id.clone(), whole.content.clone())]);
            found.push(act);
        }
        for note in whole.notes.iter().filter(|note| !note.system) {
            self.commands(&id, whole, note, components, found).await?;
        }
        Ok(())
    }

    /// The commands of a note.
    async fn commands(
        &mut self,
        change: &str,
        whole: &Whole,
        note: &Note,
        components: &BTreeMap<String, String>,
        found: &mut Vec<Act>,
    ) -> Result<(), Fault> {
        let commands = command::commands(&note.body, "gitlab").into_iter().flatten();
        for (at, command) in commands.enumerate() {
            if note.author.as_ref().is_some_and(|author| self.is_ours(author)) {
                return Ok(());
            }
            let Some(author) = note.author.as_ref().filter(|author| !author.is_gone()) else {
                if command.does == (Deed::Reject {}) {
                    let says = "it rejects, and whoever wrote it has no account any longer";
                    return Err(unread(&format!("note {}", note.id), says));
                }
                continue;
            };
            let by = self.accounts.note(self.client, author).await;
            let id = if at == 0 { format!("note-{}", note.id) } else { format!("note-{}/{at}", note.id) };
            let mut act = act(&id, note.created_at, by, Via::Command, command.does);
            act.reason = command.reason;
            act.saw.repository = Some(self.project.path_with_namespace.clone());
            // A rejection is not lost by a capital letter.
            let meant =
                |name: &String| act.does == (Deed::Reject {}) && name.eq_ignore_ascii_case(&self.question.environment);
            act.saw.environment =
                command.environment.map(|name| if meant(&name) { self.question.environment.clone() } else { name });
            let released = command.commit.as_deref().is_some_and(|prefix| self.question.commit.starts_with(prefix));
            let merged = whole.request.merged_at.filter(|_| whole.request.landed().is_some());
            if let Some(content) = shown(whole, command.commit.as_deref(), released, note.created_at, merged) {
                act.saw.changes = BTreeMap::from([(change.to_owned(), content.to_owned())]);
            }
            // Whoever names the commit that goes knows what it is made of.
            if released {
                act.saw.components.clone_from(components);
            }
            if note.is_edited() {
                act.standing = Standing::Edited;
            }
            found.push(act);
        }
        Ok(())
    }

    /// The notes that were edited and command nothing, by people who approved before: what stood there may have been a
    /// rejection, and the approval is void.
    async fn rewritten(&mut self, whole: &Whole, found: &mut Vec<Act>) {
        let number = whole.request.iid;
        for note in whole.notes.iter().filter(|note| !note.system && note.is_edited()) {
            let id = format!("note-{}", note.id);
            let Some(author) = note.author.as_ref().filter(|it| !it.is_gone() && !self.is_ours(it)) else { continue };
            if found.iter().any(|act| act.id == id) {
                continue;
            }
            let by = self.accounts.note(self.client, author).await;
            let approves = |act: &Act| act.by == by && matches!(act.does, Deed::Approve { .. });
            if !found.iter().any(|act| approves(act) && act.via != Via::Review && act.at <= note.created_at) {
                continue;
            }
            let mut void = act(&id, note.created_at, by, Via::Command, Deed::Approve { role: None, accepts: None });
            void.saw.repository = Some(self.project.path_with_namespace.clone());
            void.standing = Standing::Edited;
            found.push(void);
            self.client.remark(format!(
                "note {} on merge request {number} was edited, and GitLab does not say what it said before: it may have been a \
                 rejection, so that what {} approved before it counts no longer",
                note.id, author.username
            ));
        }
    }

    /// The votes on the deployments of the pipeline in this environment.
    async fn of_environment(
        &mut self,
        run: &Pipeline,
        listed: &[Listed],
        changes: &Fact<Vec<Ranged>>,
        components: BTreeMap<String, String>,
        found: &mut Vec<Act>,
    ) -> Result<(), Fault> {
        let environment = &self.question.environment;
        let ours: Vec<u64> =
            listed.iter().filter(|it| it.is_of(run.id) && it.is_in(environment)).map(|it| it.id).collect();
        // Whoever voted was shown the changes that are known now, unless something else ran here since.
        let moved = listed.iter().any(|it| it.moved(environment, &self.question.commit, run.created_at));
        let shown: &[Ranged] = if moved { &[] } else { changes.entries() };
        let saw = Saw {
            environment: Some(environment.clone()),
            repository: Some(self.project.path_with_namespace.clone()),
            changes: shown.iter().map(|it| (it.change.id.clone(), it.change.content.clone())).collect(),
            components,
            ..Saw::default()
        };
        let mut votes = false;
        for id in ours {
            let path = format!("{}/deployments/{id}", self.project.path());
            let cast: Voted = self.client.get(&path).await?;
            votes |= cast.approvals.is_some();
            let cast = cast.approvals.unwrap_or_default();
            // Our own vote is what follows from a decision, and stands for nobody's.
            let people: Vec<Vote> = cast.into_iter().filter(|vote| !self.is_ours(&vote.user)).collect();
            for vote in people {
                let does = match vote.status.as_str() {
                    "approved" => Deed::Approve { role: None, accepts: None },
                    "rejected" => Deed::Reject {},
                    other => return Err(unread(&path, &format!("a vote on it is `{other}`"))),
                };
                if vote.user.is_gone() {
                    if does == (Deed::Reject {}) {
                        return Err(unread(&path, "it was rejected by somebody who has no account any longer"));
                    }
                    continue;
                }
                let by = self.accounts.note(self.client, &vote.user).await;
                let mut act = act(&format!("vote-{id}-{}", vote.user.id), vote.created_at, by, Via::Environment, does);
                act.reason = vote.comment.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
                act.saw.clone_from(&saw);
                found.push(act);
            }
        }
        self.protection(votes).await;
        Ok(())
    }

    /// Says what the plan or the settings leave out: without a protected environment nobody is asked before it opens.
    async fn protection(&self, votes: bool) {
        #[derive(Deserialize)]
        struct Protected {
            #[serde(default)]
            approval_rules: Vec<serde::de::IgnoredAny>,
            #[serde(default)]
            required_approval_count: u64,
        }
        let environment = &self.question.environment;
        let path = format!("{}/protected_environments/{}", self.project.path(), escaped(environment));
        let words = match self.client.get::<Protected>(&path).await {
            Ok(it) if it.approval_rules.is_empty() && it.required_approval_count == 0 => format!(
                "GitLab asks nobody before it deploys to `{environment}`: the environment is protected and needs no approval"
            ),
            Ok(_) => return,
            Err(Fault::NotFound { .. } | Fault::Forbidden { .. }) if votes => format!(
                "whether `{environment}` is protected GitLab does not tell this token, whose owner has to be a maintainer"
            ),
            Err(Fault::NotFound { .. } | Fault::Forbidden { .. }) => format!(
                "GitLab holds no deployment to `{environment}`: protected environments and their approvals need Premium, and \
                 here the environment is not protected, the plan has none, or this token may not see it. Approvals of merge \
                 requests and commands in notes are read all the same; only a job that asks for the decision holds anything"
            ),
            Err(fault) => format!("whether `{environment}` is protected could not be read: {fault}"),
        };
        self.client.remark(words);
    }
}
