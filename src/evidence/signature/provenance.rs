//! What a verified bundle says of builder and source.
//!
//! Follows SLSA provenance v0.2 and v1 as GitHub's and npm's attestations and
//! slsa-github-generator write it, and Fulcio's certificate extensions
//! (`1.3.6.1.4.1.57264.1.9` to `.13`, and the older `.3` and `.5`).
//!
//! What a predicate leaves out, or states in a form that is not understood, is
//! not known, and then an expectation about it is not met.

use serde_json::Value;
use sigstore_verify::crypto::CertificateInfo;

use super::bundle::Found;
use super::repository::{Repository, commit};
use super::statement::Statement;
use super::trust::Proven;
use super::{Expected, Pattern, refusal};
use crate::model::notable::shortened;
use crate::model::report::Fault;
use crate::model::verdict::Reason;

const V0_2: &str = "https://slsa.dev/provenance/v0.2";
const V1: &str = "https://slsa.dev/provenance/v1";

const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
/// How older provenance of GitHub's and npm's names the builder: by the kind of runner.
const GITHUB_RUNNER: &str = "https://github.com/actions/runner/";

/// Builder and source, with the certificate's word before the predicate's.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The type of the predicate that is no provenance, where there is none.
    no_provenance: Option<String>,
    pub(super) builder: Option<String>,
    /// The builder in the form that names the kind of runner, where the certificate vouches for it.
    runner: Option<String>,
    pub(super) repository: Option<Repository>,
    pub(super) commit: Option<String>,
}

impl Claims {
    fn without_provenance(found: String) -> Self {
        Self { no_provenance: Some(found), ..Self::default() }
    }

    /// Gathers what predicate and certificate say; where they disagree, an error.
    pub(super) fn gather(found: &Found, proven: &Proven) -> Result<Self, Fault> {
        let vouched = proven.certificate.as_ref().map(Vouched::read).unwrap_or_default();
        let stated = stated(found)?;
        if let Some(builder) = &stated.builder {
            vouched.bears_out(builder)?;
        }
        Ok(Self {
            no_provenance: stated.no_provenance,
            builder: stated.builder,
            runner: vouched.runner,
            repository: agreed("repository", stated.repository, vouched.repository)?,
            commit: agreed("commit", stated.commit, vouched.commit)?,
        })
    }

    /// Refuses what is not as the policy expects.
    pub(super) fn meet(&self, expected: &Expected) -> Result<(), Fault> {
        if let Some(found) = self.no_provenance.as_ref().filter(|_| expected.provenance()) {
            // What is missing can still come; only what is there can be wrong.
            let reason = Reason::NoAttestation;
            let message = format!(
                "the policy asks for SLSA provenance v0.2 or v1, and this is {found}; attest the build with actions/attest-build-provenance or slsa-github-generator"
            );
            return Err(refusal(reason, message));
        }
        expected.builder.as_ref().map_or(Ok(()), |wanted| self.built_by(wanted))?;
        expected.repository.as_ref().map_or(Ok(()), |wanted| self.built_from(wanted))?;
        expected.commit.as_ref().map_or(Ok(()), |wanted| self.built_at(wanted))
    }

    fn built_by(&self, wanted: &Pattern) -> Result<(), Fault> {
        let Some(builder) = &self.builder else {
            return Err(refusal(
                Reason::WrongBuilder,
                format!("the provenance names no builder, where `{wanted}` must build"),
            ));
        };
        if std::iter::once(builder).chain(&self.runner).any(|name| wanted.matches(name)) {
            return Ok(());
        }
        let builder = shortened(builder, 300);
        let message = format!(
            "built by `{builder}`, where the policy names `{wanted}`; build there, or mend `builder` in the policy"
        );
        Err(refusal(Reason::WrongBuilder, message))
    }

    fn built_from(&self, wanted: &str) -> Result<(), Fault> {
        match (&self.repository, Repository::wanted(wanted)) {
            (Some(repository), Some(wanted)) if *repository == wanted => Ok(()),
            (Some(repository), _) => Err(wrong_source(format!(
                "built from `{repository}`, where `{wanted}` is released; attest a build of that repository"
            ))),
            (None, _) => Err(wrong_source(format!(
                "the provenance names no source repository that is understood, where `{wanted}` is released; attest a build of that repository"
            ))),
        }
    }

    fn built_at(&self, wanted: &str) -> Result<(), Fault> {
        match (&self.commit, commit(wanted)) {
            (Some(commit), Some(wanted)) if *commit == wanted => Ok(()),
            (Some(commit), _) => Err(wrong_source(format!(
                "built from commit `{commit}`, where commit `{wanted}` is released; attest a build of that commit"
            ))),
            (None, _) => Err(wrong_source(format!(
                "the provenance names no source commit, where commit `{wanted}` is released; attest a build of that commit"
            ))),
        }
    }
}

/// What Fulcio says of the build, from the forge's own token.
#[derive(Default)]
struct Vouched {
    workflow: Option<String>,
    runner: Option<String>,
    repository: Word<Repository>,
    commit: Word<String>,
}

/// Whether the certificate speaks of something, and if so, what it says, as far
/// as that is understood. Where it speaks, the predicate is not asked.
type Word<T> = Option<Result<T, NotUnderstood>>;
struct NotUnderstood;

impl Vouched {
    fn read(certificate: &CertificateInfo) -> Self {
        let claims = &certificate.ci_claims;
        let old = &claims.deprecated_github;
        let issuer = certificate.issuer.as_deref().unwrap_or_default();
        let of_github = issuer.strip_prefix(GITHUB_ISSUER).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let repository = match &claims.source_repository_uri {
            Some(uri) => Some(Repository::stated(uri)),
            None => old.workflow_repository.as_deref().filter(|_| of_github).map(Repository::wanted),
        };
        let digest = claims.source_repository_digest.as_ref().or(old.workflow_sha.as_ref());
        Self {
            workflow: claims.build_signer_uri.clone().filter(|_| of_github),
            runner: claims
                .runner_environment
                .as_ref()
                .filter(|_| of_github)
                .map(|kind| format!("{GITHUB_RUNNER}{kind}")),
            repository: repository.map(|named| named.ok_or(NotUnderstood)),
            commit: digest.map(|digest| commit(digest).ok_or(NotUnderstood)),
        }
    }

    /// Refuses a builder that the certificate contradicts. A builder's name of
    /// another form than GitHub's is the builder's own word.
    fn bears_out(&self, builder: &str) -> Result<(), Fault> {
        let told = if builder.starts_with(GITHUB_RUNNER) {
            &self.runner
        } else if builder.contains("/.github/workflows/") {
            &self.workflow
        } else {
            return Ok(());
        };
        match told {
            Some(told) if told != builder => Err(refusal(
                Reason::WrongBuilder,
                format!(
                    "the provenance names the builder `{}`, and the signing certificate `{}`; provenance that its own certificate contradicts is not to be trusted",
                    shortened(builder, 200),
                    shortened(told, 200)
                ),
            )),
            _ => Ok(()),
        }
    }
}

/// What the predicate says.
fn stated(found: &Found) -> Result<Claims, Fault> {
    let Some((statement, payload)) = found.attestation() else {
        return Ok(Claims::without_provenance("a signature over a file".to_owned()));
    };
    let predicate = match statement.predicate_type.as_str() {
        V0_2 | V1 => Statement::predicate(payload)?,
        other => return Ok(Claims::without_provenance(format!("a statement of type `{}`", shortened(other, 200)))),
    };
    let (builder, primary, dependencies) = if statement.predicate_type == V0_2 {
        ("/builder/id", predicate.pointer("/invocation/configSource"), predicate.pointer("/materials"))
    } else {
        (
            "/runDetails/builder/id",
            // GitHub's build type names the workflow's repository, the generators' and GitLab's the source.
            predicate
                .pointer("/buildDefinition/externalParameters/workflow")
                .or_else(|| predicate.pointer("/buildDefinition/externalParameters/source")),
            predicate.pointer("/buildDefinition/resolvedDependencies"),
        )
    };
    let dependencies = dependencies.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    // A source in a form that is not understood is not known: no dependency stands in for it.
    let primary = primary.filter(|resource| uri(resource).is_some());
    let repository = match primary {
        Some(resource) => place(resource),
        None => sole_repository(dependencies),
    };
    let commit = match &repository {
        Some(repository) => sole_commit(repository, primary.into_iter().chain(dependencies))?,
        None => None,
    };
    let builder = predicate.pointer(builder).and_then(Value::as_str).map(str::to_owned);
    Ok(Claims { builder, repository, commit, ..Claims::default() })
}

/// Where a resource says it lies: its `uri`, a workflow's `repository`, or the text itself.
fn uri(resource: &Value) -> Option<&str> {
    resource.get("uri").or_else(|| resource.get("repository")).unwrap_or(resource).as_str()
}

fn place(resource: &Value) -> Option<Repository> {
    uri(resource).and_then(Repository::stated)
}

/// The only repository among the resources that state a commit, if it is the only one.
fn sole_repository(resources: &[Value]) -> Option<Repository> {
    let mut named = resources.iter().filter(|resource| commit_of(resource).is_some()).filter_map(place);
    let first = named.next()?;
    named.all(|other| other == first).then_some(first)
}

/// The commit that the resources of one repository state; two different ones are an error.
fn sole_commit<'v>(
    repository: &Repository,
    resources: impl Iterator<Item = &'v Value>,
) -> Result<Option<String>, Fault> {
    let mut told: Option<String> = None;
    for commit in resources.filter(|resource| place(resource).as_ref() == Some(repository)).filter_map(commit_of) {
        match &told {
            Some(known) if *known != commit => {
                return Err(wrong_source(format!(
                    "the provenance names two commits of `{repository}`, `{known}` and `{commit}`; it must name the one that was built"
                )));
            }
            _ => told = Some(commit),
        }
    }
    Ok(told)
}

fn commit_of(resource: &Value) -> Option<String> {
    let digest = resource.get("digest")?;
    digest.get("gitCommit").or_else(|| digest.get("sha1"))?.as_str().and_then(commit)
}

/// What predicate and certificate say together.
fn agreed<T: PartialEq + std::fmt::Display>(
    what: &str,
    stated: Option<T>,
    vouched: Word<T>,
) -> Result<Option<T>, Fault> {
    match (stated, vouched) {
        (stated, None) => Ok(stated),
        (_, Some(Err(NotUnderstood))) => Ok(None),
        (Some(stated), Some(Ok(vouched))) if stated != vouched => Err(wrong_source(format!(
            "the provenance names the {what} `{stated}`, and the signing certificate `{vouched}`; provenance that its own certificate contradicts is not to be trusted"
        ))),
        (_, Some(Ok(vouched))) => Ok(Some(vouched)),
    }
}

fn wrong_source(message: String) -> Fault {
    refusal(Reason::WrongSource, message)
}
