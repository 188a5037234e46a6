//! What a delivery is a hint of.
//!
//! A delivery is read only after its signature, and only as a hint: it says what to read again, and nothing in it is
//! believed. Every field may be missing, for old servers, other plans and changes to come; what a hint cannot do without
//! makes it a hint to read everything of the repository again, and never an error.
//!
//! Invariant: no name of a repository leaves this module unchecked. Anybody can install our App, and anything that the
//! payload says of a repository may be somebody else's; [`Claimed::check`] compares the repository's id with those that
//! GitHub lists for the installation, and hands out the name that GitHub gave there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::client::Base;
use super::signature::VerifiedDelivery;
pub use crate::forge::hint::Hint;

/// A repository as a payload names it, which is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    id: u64,
    /// `owner/name`, for comparing URLs with; nothing is read by it.
    name: String,
}

/// What a delivery claims. Neither its repository nor its hint can be had before it is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    installation: Option<u64>,
    repository: Option<Named>,
    hint: Hint,
}

impl Claimed {
    /// The repository that it names, for showing it to whoever administers that: nobody has checked that it may name it.
    #[must_use]
    pub fn names(&self) -> Option<&str> {
        self.repository.as_ref().map(|it| it.name.as_str())
    }
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
#[error("the payload of `{event}` cannot be read: {why}; GitHub sends a JSON object (content type `application/json`)")]
pub struct Unreadable {
    /// The event.
    pub event: String,
    /// Where and why.
    pub why: String,
}

/// The repositories of an installation, as GitHub listed them to us. Only reading them makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Installed {
    pub(super) installation: u64,
    pub(super) repositories: BTreeMap<u64, String>,
    /// Who owns each, by their ids.
    pub(super) owners: BTreeMap<u64, u64>,
}

impl Installed {
    /// The names of the repositories.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.repositories.values().cloned().collect()
    }

    /// The name of the repository of an id, where it has that owner.
    #[must_use]
    pub fn owned(&self, repository: u64, owner: u64) -> Option<&str> {
        let is_his = self.owners.get(&repository) == Some(&owner);
        self.repositories.get(&repository).filter(|_| is_his).map(String::as_str)
    }

    /// Whether a repository is one of them.
    #[must_use]
    pub fn has(&self, repository: &str) -> bool {
        self.repositories.values().any(|name| name.eq_ignore_ascii_case(repository))
    }
}

/// A hint whose repository belongs to the installation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    installation: u64,
    repository: Option<String>,
    hint: Hint,
}

/// Why a delivery is not acted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Foreign {
    /// It names no installation.
    #[error("the delivery names no installation of the App")]
    NoInstallation,
    /// It names another installation.
    #[error("the delivery names installation {0}, which is not the one that was read")]
    OtherInstallation(u64),
    /// The repository is not among those of the installation.
    #[error("repository {0} does not belong to the installation that the delivery names")]
    OtherRepository(u64),
}

impl Claimed {
    /// The installation whose repositories are to be read for the check.
    #[must_use]
    pub fn installation(&self) -> Option<u64> {
        self.installation
    }

    /// Takes the hint where its repository belongs to the installation.
    pub fn check(self, installed: &Installed) -> Result<Checked, Foreign> {
        let installation = self.installation.ok_or(Foreign::NoInstallation)?;
        if installation != installed.installation {
            return Err(Foreign::OtherInstallation(installation));
        }
        let repository = match &self.repository {
            Some(named) => {
                Some(installed.repositories.get(&named.id).ok_or(Foreign::OtherRepository(named.id))?.clone())
            }
            None => None,
        };
        Ok(Checked { installation, repository, hint: self.hint })
    }
}

impl Checked {
    /// The installation.
    #[must_use]
    pub fn installation(&self) -> u64 {
        self.installation
    }

    /// The repository, as GitHub named it in the installation; `None` for what is the organisation's.
    #[must_use]
    pub fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// What to read again.
    #[must_use]
    pub fn hint(&self) -> &Hint {
        &self.hint
    }
}

/// Reads a delivery. `event` is the header `X-GitHub-Event`.
pub fn read(event: &str, delivery: VerifiedDelivery<'_>, base: &Base) -> Result<Delivery, Unreadable> {
    let unreadable = |why: String| Unreadable { event: event.to_owned(), why };
    let payload: Value = serde_json::from_slice(delivery.body()).map_err(|error| unreadable(error.to_string()))?;
    if !payload.is_object() {
        return Err(unreadable("it is no object".to_owned()));
    }
    let installation = number(&payload, "/installation/id");
    let repository = number(&payload, "/repository/id")
        .map(|id| Named { id, name: text(&payload, "/repository/full_name").unwrap_or_default().to_owned() });
    let Some(hint) = hint(event, &payload, repository.as_ref(), base) else { return Ok(Delivery::Ignored) };
    Ok(Delivery::Hint(Claimed { installation, repository, hint }))
}

/// Reads the bytes of a delivery that was verified before it was recorded. Without its header nobody knows which event it
/// was, so that it is a hint to read everything of its repository again.
#[must_use]
pub fn recalled(bytes: &[u8]) -> Option<Claimed> {
    let payload: Value = serde_json::from_slice(bytes).ok()?;
    let id = number(&payload, "/repository/id")?;
    let name = text(&payload, "/repository/full_name").unwrap_or_default().to_owned();
    let repository = Some(Named { id, name });
    // But for a button: who pressed it stands nowhere else.
    let button = payload.get("requested_action").and_then(|_| check_run(&payload));
    let hint = button.filter(|hint| matches!(hint, Hint::Button { .. })).unwrap_or(Hint::Repository);
    Some(Claimed { installation: number(&payload, "/installation/id"), repository, hint })
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

/// What an event is a hint of; `None` where no decision hangs on it.
fn hint(event: &str, payload: &Value, repository: Option<&Named>, base: &Base) -> Option<Hint> {
    let precise = match event {
        "deployment_protection_rule" => waits(payload, repository, base),
        "deployment_review" => {
            let run = number(payload, "/workflow_run/id").or(number(payload, "/workflow_job_run/run_id"));
            run.map(|run| Hint::EnvironmentReviewed { run })
        }
        "deployment" | "deployment_status" => deployed(payload),
        "pull_request" | "pull_request_review" | "pull_request_review_comment" | "pull_request_review_thread" => {
            let number = number(payload, "/pull_request/number").or(number(payload, "/number"));
            number.map(|number| Hint::PullRequest { number })
        }
        "issue_comment" | "issues" | "sub_issues" | "issue_dependencies" => {
            let is_pull = payload.pointer("/issue/pull_request").is_some_and(Value::is_object);
            number(payload, "/issue/number")
                .map(|number| if is_pull { Hint::PullRequest { number } } else { Hint::Issue { number } })
        }
        "check_run" => check_run(payload),
        "check_suite" => commit(payload, "/check_suite/head_sha").map(|commit| Hint::Checks { commit }),
        "status" => commit(payload, "/sha").map(|commit| Hint::Checks { commit }),
        "workflow_run" => run(payload, "/workflow_run/id", "/workflow_run/head_sha"),
        "workflow_job" => run(payload, "/workflow_job/run_id", "/workflow_job/head_sha"),
        "push" => text(payload, "/ref").map(|name| Hint::Reference { name: name.to_owned() }),
        "create" | "delete" => made(payload),
        "merge_group" => commit(payload, "/merge_group/head_sha").map(|commit| Hint::Checks { commit }),
        "membership" | "team" | "team_add" | "organization" | "member" | "org_block" => Some(Hint::People),
        "installation" | "installation_repositories" | "installation_target" | "github_app_authorization" => {
            Some(Hint::Installation)
        }
        "branch_protection_rule"
        | "branch_protection_configuration"
        | "repository_ruleset"
        | "repository"
        | "custom_property"
        | "custom_property_values"
        | "public"
        | "meta" => Some(Hint::Settings),
        _ => return None,
    };
    // What is understood and says too little is read again as a whole.
    precise.or(Some(Hint::Repository))
}

fn waits(payload: &Value, repository: Option<&Named>, base: &Base) -> Option<Hint> {
    let run = text(payload, "/deployment_callback_url").and_then(|url| run_of_callback(url, repository?, base))?;
    Some(Hint::DeploymentWaits {
        environment: text(payload, "/environment")?.to_owned(),
        commit: commit(payload, "/deployment/sha")?,
        reference: text(payload, "/deployment/ref").map(str::to_owned),
        run,
    })
}

/// The run of a callback URL that is this GitHub's and this repository's own:
/// `…/repos/{owner}/{name}/actions/runs/{id}/deployment_protection_rule`. It is never called; the path is made anew.
fn run_of_callback(url: &str, repository: &Named, base: &Base) -> Option<u64> {
    let url = reqwest::Url::parse(url).ok()?;
    if url.query().is_some() || url.fragment().is_some() {
        return None;
    }
    let path = base.path_of(&url)?;
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match parts.as_slice() {
        ["repos", owner, name, "actions", "runs", run, "deployment_protection_rule"]
            if format!("{owner}/{name}").eq_ignore_ascii_case(&repository.name) =>
        {
            run.parse().ok()
        }
        _ => None,
    }
}

fn deployed(payload: &Value) -> Option<Hint> {
    let environment = text(payload, "/deployment_status/environment").or(text(payload, "/deployment/environment"))?;
    Some(Hint::Deployed { commit: commit(payload, "/deployment/sha")?, environment: environment.to_owned() })
}

fn check_run(payload: &Value) -> Option<Hint> {
    let commit = commit(payload, "/check_run/head_sha")?;
    match text(payload, "/action") {
        Some("requested_action") => Some(Hint::Button {
            check_run: number(payload, "/check_run/id")?,
            identifier: text(payload, "/requested_action/identifier")?.to_owned(),
            commit,
            by: text(payload, "/sender/login")
                .filter(|_| text(payload, "/sender/type") == Some("User"))
                .unwrap_or_default()
                .to_owned(),
        }),
        _ => Some(Hint::Checks { commit }),
    }
}

fn run(payload: &Value, id: &str, head: &str) -> Option<Hint> {
    Some(Hint::Run { run: number(payload, id)?, commit: commit(payload, head)? })
}

fn made(payload: &Value) -> Option<Hint> {
    let kind = match text(payload, "/ref_type")? {
        "branch" => "heads",
        "tag" => "tags",
        _ => return None,
    };
    Some(Hint::Reference { name: format!("refs/{kind}/{}", text(payload, "/ref")?) })
}
