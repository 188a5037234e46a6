//! What a run of the gate is asked, read out of options, variables and what the job itself says, and found fit before anything
//! is judged.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::{Arguments, POLICY, Refusal, one, several};
use crate::cli::complain;
use crate::cli::environment::{Given, Place};
use crate::cli::progress::Progress;
use crate::flow::request::Watch as _;
use crate::model::decision::Protection;
use crate::policy::gate::Gate;
use crate::policy::{self, Policy};
use crate::workspace::layers::{self, From};
use crate::workspace::open;

/// Everything that is needed to run, checked.
pub(super) struct Plan {
    pub(super) policy: Policy,
    pub(super) policy_files: From,
    pub(super) protection: Protection,
    pub(super) environment: String,
    pub(super) components: Vec<String>,
    pub(super) commit: Option<String>,
    /// Where it is not known: those of which it is one.
    pub(super) proposed: Vec<String>,
    pub(super) artifacts: Vec<String>,
    pub(super) repository: Option<String>,
    pub(super) roots: Vec<PathBuf>,
    pub(super) baseline: Option<PathBuf>,
    pub(super) now: DateTime<Utc>,
}

impl Plan {
    /// Reads it. Of several mistakes the first is told: in the instant, then in the policy, then in what is to be judged.
    pub(super) fn read(arguments: &Arguments, place: Place, progress: &Progress) -> Result<Self, Refusal> {
        let given = arguments.given();
        let now = instant(one(arguments.now.as_ref(), given, "NOW"))?;
        let InForce { policy, from, protection } = in_force(arguments, given, progress)?;
        let environment = chosen(one(arguments.environment.as_ref(), given, "ENVIRONMENT"), &policy)?;
        let components = several(&arguments.component, given, "COMPONENT");
        if let Some(unknown) = components.iter().find(|name| !policy.components.contains(name)) {
            let message = format!("the policy has no component `{unknown}`; it has {}", listed(&policy.components));
            return Err(Refusal::Said(message));
        }
        let roots = arguments.roots();
        are_fit(arguments, &policy, &roots)?;
        let baseline = one(arguments.baseline.as_ref(), given, "BASELINE");
        if let Some(path) = baseline.as_ref().filter(|path: &&PathBuf| !path.exists()) {
            return Err(Refusal::Said(format!(
                "`--baseline {}` does not exist; leave it out for a first release, and see `first_release` in the policy",
                path.display()
            )));
        }
        let commit = commit(one(arguments.commit.as_ref(), given, "COMMIT").or_else(|| place.commit()))?;
        let repository = one(arguments.repository.as_ref(), given, "REPOSITORY").or_else(|| place.repository());
        let guards = |gate: &&Gate| gate.guards(&environment, &components);
        let of_the_job = policy.gates.iter().filter(guards).find_map(|gate| gate.trust.of_the_job());
        is_known(repository.as_deref(), of_the_job)?;
        let mut artifacts = Vec::new();
        for stated in several::<String>(&arguments.artifact, given, "ARTIFACT") {
            artifacts.push(digest(&stated, policy.limits.bytes, progress)?);
        }
        Ok(Self {
            environment,
            components,
            proposed: if commit.is_none() { place.proposed() } else { Vec::new() },
            commit,
            artifacts,
            repository,
            roots,
            baseline,
            now,
            policy_files: from,
            protection,
            policy,
        })
    }
}

/// The instant that a run judges for: the one that is stated, or now.
fn instant(stated: Option<String>) -> Result<DateTime<Utc>, Refusal> {
    let Some(text) = stated else { return Ok(Utc::now()) };
    match DateTime::parse_from_rfc3339(&text) {
        Ok(now) => Ok(now.to_utc()),
        Err(_) => Err(Refusal::Said(format!("`--now {text}` is no instant; write one such as `2026-11-23T09:00:00Z`"))),
    }
}

/// A policy, and where it was read from.
struct InForce {
    policy: Policy,
    from: From,
    protection: Protection,
}

fn in_force(arguments: &Arguments, given: Given, progress: &Progress) -> Result<InForce, Refusal> {
    let files = several(&arguments.policy, given, "POLICY");
    progress.reading(POLICY, 0);
    let (from, protection) = match one(arguments.policy_ref.as_ref(), given, "POLICY_REF") {
        Some(name) => (From::reference(&name)?, Protection::Protected),
        None => (From::WorkingTree, Protection::Unprotected),
    };
    let sources = layers::read(&files, &from)?;
    if let (true, Some(read)) = (files.is_empty(), sources.last()) {
        for other in layers::passed_over(&from) {
            complain(&format!("{other} is not read, for the policy is {}; remove one of the two", read.path));
        }
    }
    let attached = layers::attachments(&sources, &from)?;
    let policy = policy::read_with(sources, &attached).map_err(Refusal::Policy)?;
    if let Some(error) = layers::missing_roots(&policy, &from).next() {
        return Err(error.into());
    }
    progress.done(POLICY);
    Ok(InForce { policy, from, protection })
}

/// Whether evidence lies in folders, and the decision is not written among it.
fn are_fit(arguments: &Arguments, policy: &Policy, roots: &[PathBuf]) -> Result<(), Refusal> {
    if let Some(root) = roots.iter().find(|root| !root.is_dir()) {
        return Err(Refusal::Said(format!(
            "`--artifacts {}` is not a folder; name the one in which the pipeline left its reports",
            root.display()
        )));
    }
    if let Some(output) = arguments.output()
        && let Some(gate) = reader_of(&output, policy, roots)
    {
        return Err(Refusal::Output(format!(
            "`--output {}` is a file that the gate `{gate}` reads as evidence; write the decision under another name",
            output.display()
        )));
    }
    Ok(())
}

/// A commit by all its digits, in lower case.
fn commit(stated: Option<String>) -> Result<Option<String>, Refusal> {
    match stated {
        Some(sha) if !matches!(sha.len(), 40 | 64) || !hexadecimal(&sha) => Err(Refusal::Said(format!(
            "the commit `{sha}` is not a full SHA-1 or SHA-256; name it by all its 40 or 64 digits, as `git rev-parse` does"
        ))),
        stated => Ok(stated.map(|sha| sha.to_ascii_lowercase())),
    }
}

/// Whether a repository is one, and there is one where a gate's pattern speaks of it.
fn is_known(repository: Option<&str>, of_the_job: Option<&str>) -> Result<(), Refusal> {
    match (repository, of_the_job) {
        (Some(name), _) if !is_repository(name) => Err(Refusal::Said(format!(
            "the repository `{name}` is not of the form `owner/name`; name it so with `--repository`"
        ))),
        (None, Some(text)) => Err(Refusal::Said(format!(
            "`{text}` speaks of the repository, which is not known here; name it with `--repository`"
        ))),
        _ => Ok(()),
    }
}

/// The gate that would read a file as its evidence.
fn reader_of<'p>(file: &Path, policy: &'p Policy, roots: &[PathBuf]) -> Option<&'p str> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let whole = folder.canonicalize().ok()?.join(file.file_name()?);
    let below = |root: &PathBuf| Some(whole.strip_prefix(root.canonicalize().ok()?).ok()?.to_str()?.to_owned());
    let paths: Vec<String> = roots.iter().filter_map(below).collect();
    policy.gates.iter().find(|gate| paths.iter().any(|path| gate.files.matches(path))).map(|gate| gate.name.as_str())
}

/// The environment that was named, or the only one that there is.
fn chosen(stated: Option<String>, policy: &Policy) -> Result<String, Refusal> {
    let names: Vec<String> = policy.environments.iter().map(|environment| environment.name.clone()).collect();
    match (stated, names.as_slice()) {
        (Some(name), names) if names.contains(&name) => Ok(name),
        (Some(name), names) => {
            Err(Refusal::Said(format!("the policy has no environment `{name}`; it has {}", listed(names))))
        }
        (None, [only]) => Ok(only.clone()),
        (None, []) => {
            Err(Refusal::Said("the policy has no environments; name at least one under `environments`".to_owned()))
        }
        (None, names) => Err(Refusal::Said(format!(
            "the policy has several environments; name one with `--environment`: {}",
            listed(names)
        ))),
    }
}

fn digest(stated: &str, limit: u64, progress: &Progress) -> Result<String, Refusal> {
    if let Some(digest) = stated.strip_prefix("sha256:") {
        if digest.len() == 64 && hexadecimal(digest) {
            return Ok(digest.to_ascii_lowercase());
        }
        return Err(Refusal::Said(format!(
            "`--artifact {stated}` is no SHA-256 digest of 64 hexadecimal digits; write one as `sha256sum` prints it"
        )));
    }
    let artifact = open::named(Path::new(stated), limit)
        .map_err(|fault| Refusal::Said(format!("`--artifact {stated}`: {fault}; name a file, or its `sha256:…`")))?;
    progress.reading(stated, artifact.len() as u64);
    let digest = open::sha256(&artifact);
    progress.done(stated);
    Ok(digest)
}

/// Whether a text is a repository's path on a forge. It is put into the patterns of a
/// policy, where a `*` or an empty part would mean anybody's.
fn is_repository(name: &str) -> bool {
    let part = |part: &str| {
        let mut letters = part.chars();
        letters.all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '~' | '+'))
            && !matches!(part, "" | "." | "..")
    };
    name.contains('/') && name.split('/').all(part)
}

fn hexadecimal(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
