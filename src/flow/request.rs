//! What a gate run is asked, and who is told of its progress.

use std::path::PathBuf;

use chrono::{DateTime, Utc};

use crate::decide::gates::Subject;
use crate::model::decision::Protection;
use crate::policy::Policy;
use crate::workspace::layers::From;

/// What a run is asked.
pub struct Request<'r> {
    /// The policy, valid.
    pub policy: &'r Policy,
    /// The environment, which the policy knows.
    pub environment: String,
    /// The components, which the policy knows; empty when none was named.
    pub components: Vec<String>,
    /// The commit that is released, lower-case hexadecimal, where it is known.
    pub commit: Option<String>,
    /// Where it is not known: the commits of which it is one, or none.
    pub proposed: Vec<String>,
    /// SHA-256 digests of the artifacts that are released, where they are known.
    pub artifacts: Vec<String>,
    /// The repository, `owner/name`, where it is known.
    pub repository: Option<String>,
    /// The folders in which evidence is looked for.
    pub roots: Vec<PathBuf>,
    /// The last release's evidence: a folder laid out alike, or one file.
    pub baseline: Option<PathBuf>,
    /// Where the policy was read from.
    pub protection: Protection,
    /// The instant of the decision.
    pub now: DateTime<Utc>,
    /// Where files that the policy names are read from: as the policy itself was.
    pub policy_files: &'r From,
    /// Who is told what is being read.
    pub watch: &'r dyn Watch,
}

impl Request<'_> {
    /// What the gates are judged for.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject {
            environment: &self.environment,
            components: &self.components,
            commit: self.commit.as_deref(),
            proposed: &self.proposed,
            artifacts: &self.artifacts,
            unread: None,
            protection: self.protection,
            now: self.now,
        }
    }
}

/// Is told what is being read, so that a person who waits can see it.
pub trait Watch: Sync {
    /// A file is about to be read.
    fn reading(&self, path: &str, bytes: u64);
    /// It has been read.
    fn done(&self, path: &str);
}
